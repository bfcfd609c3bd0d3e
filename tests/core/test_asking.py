"""What a client may ask the Platform: groups, history, services."""

from __future__ import annotations

import pytest

from moobius import Moobius
from tests.support.clients import Echo
from tests.support.room import Room, running


async def test_the_history_is_a_list_newest_first(room: Room) -> None:
    async with running(Echo(config=room.config())) as service:
        channel = room.channel_id
        for text in ("one", "two"):
            await service.send_message(text, channel, "x", room.id_of("ada"))
            await room.sockets["ada"].next()
        assert await service.fetch_message_history(channel) == []  # the owner is no recipient
        room_owner = await room.owner.user_socket()
        await room_owner.good(type="action", body={"subtype": "join", "channel_id": channel})
        for text in ("three", "four"):
            await service.send_message(text, channel, "x", room.owner.user_id)
            await room_owner.next()
        history = await service.fetch_message_history(channel, limit="1")
        assert [message["content"]["text"] for message in history] == ["four"]
        assert history[0].message_id == history[0]["message_id"]


async def test_services_and_the_channels_they_serve(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        (entry,) = await service.fetch_service_id_list()
        assert entry["service_id"] == str(entry) == service.client_id
        assert entry["channel_ids"] == [room.channel_id]
        assert await service.fetch_service_id_each_channel() == {room.channel_id: service.client_id}


async def test_groups_of_every_kind(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        channel = room.channel_id
        made = await service.create_service_group(["b", "a"])
        assert await service.character_ids_of_service_group(made.group_id) == ["b", "a"]
        mine = await service.create_channel_group(channel, "mine", ["a"])
        assert await service.character_ids_of_channel_group("x", channel, mine.group_id) == ["a"]
        assert await service.fetch_user_from_group("x", channel, mine.group_id) == ["a"]
        listed = await service.fetch_channel_group_list(channel)
        assert [group["group_id"] for group in listed] == [mine.group_id]
        assert await service.fetch_channel_temp_group(channel) == []


@pytest.mark.parametrize("nothing", [None, "", "None", "null", "false"])
async def test_no_group_holds_nobody_and_asks_nobody(nothing: str | None) -> None:
    assert await Moobius().character_ids_of_service_group(nothing) == []


async def test_what_the_platform_cannot_tell_says_so() -> None:
    with pytest.raises(NotImplementedError, match="read a message"):
        await Moobius().fetch_message_readers("MSG")
    with pytest.raises(NotImplementedError, match="target groups"):
        await Moobius().fetch_target_group("a", "b", "c")
