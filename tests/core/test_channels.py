"""Which channels a service ends up serving, by the `others` setting (sdk.md 2.5)."""

from __future__ import annotations

import pytest

from moobius import Moobius
from tests.support.room import Room, running


@pytest.mark.parametrize(
    ("others", "serves", "bound_to"),
    [("include", True, "us"), ("ignore", False, "them"), ("unbind", False, None)],
)
async def test_a_channel_of_another_service(
    room: Room, others: str, serves: bool, bound_to: str | None
) -> None:
    other = await room.owner.bound_service(room.channel_id)
    async with running(Moobius(config=room.config(others=others))) as service:
        assert list(service.channels) == ([room.channel_id] if serves else [])
        owners = await service.fetch_service_id_each_channel()
        expected = {"us": service.client_id, "them": other, None: None}[bound_to]
        assert owners.get(room.channel_id) == expected


async def test_channels_keep_their_order_and_doubles_count_once(room: Room) -> None:
    more = [await room.owner.channel(str(n)) for n in range(3)]
    channels = [more[2], room.channel_id, more[2], "", more[0]]
    async with running(Moobius(config=room.config(channels=channels))) as service:
        assert list(service.channels) == [more[2], room.channel_id, more[0]]
        assert await service.fetch_bound_channels()


async def test_a_channel_that_does_not_exist_is_named_and_left_out(
    room: Room, log: list[str]
) -> None:
    channels = ["no-such-channel", room.channel_id]
    async with running(Moobius(config=room.config(channels=channels))) as service:
        assert list(service.channels) == [room.channel_id]
    assert any("no-such-channel not bound: Channel not found" in line for line in log)


async def test_a_foreign_channel_is_refused_and_left_out(room: Room, log: list[str]) -> None:
    await room.enter("stranger")
    foreign = await room.people["stranger"].channel("Private")
    async with running(Moobius(config=room.config(channels=[foreign]))) as service:
        assert service.channels == {}
    assert any("serves no channel" in line for line in log)
