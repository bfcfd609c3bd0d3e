"""Lists and group ids: exact caches in both directions, on the real Platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from moobius import types
from moobius.core.groups import ServiceGroupLib, group2ids
from moobius.errors import BadResponseException
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.transport import HttpTransport
from moobius.types import Character
from tests.support.room import Room


class Counting(HttpTransport):
    """The real transport, which also notes what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def request(self, method: str, url: str, **kwargs: Any) -> Any:
        self.asked.append(f"{method} /{url.split('/', 3)[3]}")
        return await super().request(method, url, **kwargs)


@pytest.fixture
async def api(room: Room) -> AsyncIterator[HTTPAPIWrapper]:
    """The owner's account, counting its requests."""
    transport = Counting()
    api = HTTPAPIWrapper(room.platform.url, room.owner.email, "owner", transport=transport)
    await api.authenticate()
    transport.asked.clear()
    yield api
    await api.close()


def asked(api: HTTPAPIWrapper) -> list[str]:
    transport = api._transport
    assert isinstance(transport, Counting)
    return transport.asked


async def test_a_repeated_list_is_one_request(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    first = await groups.convert_list(api, ["a", "b"], True)
    assert await groups.convert_list(api, ("a", Character("b", "Bob")), True) == first
    assert asked(api) == ["POST /service/group/create"]


async def test_another_order_is_another_group(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    one = await groups.convert_list(api, ["a", "b"], True)
    other = await groups.convert_list(api, ["b", "a"], True)
    assert one != other
    assert await api.character_ids_of_service_group(str(other)) == ["b", "a"]


@pytest.mark.defect("D23")
async def test_ids_are_not_confused_by_what_they_contain(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    one = await groups.convert_list(api, ["a_b", "c"], True)
    assert await groups.convert_list(api, ["a", "b_c"], True) != one


@pytest.mark.defect("D23")
async def test_concurrent_misses_of_one_list_share_a_request(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    ids = await asyncio.gather(*(groups.convert_list(api, ["a"], True) for _ in range(20)))
    assert len(set(ids)) == 1
    assert len(asked(api)) == 1


@pytest.mark.defect("D22")
async def test_upward_groups_belong_to_their_channel(api: HTTPAPIWrapper, room: Room) -> None:
    second = await api.create_channel("Second", "")
    groups = ServiceGroupLib()
    one = await groups.convert_list(api, ["a"], False, room.channel_id)
    other = await groups.convert_list(api, ["a"], False, second)
    assert one != other


async def test_nobody_needs_no_group(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    assert await groups.convert_list(api, [], True) is None
    assert await groups.convert_list(api, None, True) is None
    assert await groups.convert_list(api, types.SERVICE, False, "CH") == types.SERVICE
    assert asked(api) == []


async def members(groups: ServiceGroupLib, api: HTTPAPIWrapper, group: Any, **more: Any) -> Any:
    return await groups.members_of(api, group, sender_id="x", channel_id="CH", **more)


@pytest.mark.parametrize("group", [None, "", "service", "null", []])
async def test_these_mean_nobody(api: HTTPAPIWrapper, group: Any) -> None:
    assert await members(ServiceGroupLib(), api, group) == []


async def test_an_inline_list_is_taken_as_it_is(api: HTTPAPIWrapper) -> None:
    assert await members(ServiceGroupLib(), api, ["a", "b"]) == ["a", "b"]


async def test_a_group_we_made_is_known_without_asking(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    group_id = await groups.convert_list(api, ["a", "b"], True)
    assert await members(groups, api, group_id) == ["a", "b"]
    assert asked(api) == ["POST /service/group/create"]


async def test_an_incoming_group_is_asked_for_once_and_handed_out_fresh(
    api: HTTPAPIWrapper,
) -> None:
    group_id = (await api.create_service_group(["a", "b"])).group_id
    groups = ServiceGroupLib()
    first = await members(groups, api, group_id, expected=2)
    first.append("spoiled by a caller")
    assert await members(groups, api, group_id, expected=2) == ["a", "b"]
    assert len(asked(api)) == 2


async def test_a_group_given_by_its_id_is_known_however_old_it_is(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib(cache_seconds=0)  # its members are forgotten at once, it is not
    made = await groups.convert_list(api, ["a", "b"], True)
    assert await groups.convert_list(api, made, True) == made
    came = (await api.create_service_group(["c"])).group_id
    await members(groups, api, came)
    assert await groups.convert_list(api, [came], True) == came


async def test_a_length_that_disagrees_asks_again(api: HTTPAPIWrapper) -> None:
    group_id = (await api.create_service_group(["a", "b"])).group_id
    groups = ServiceGroupLib()
    groups._members.put(group_id, ["a"])
    assert await members(groups, api, group_id, expected=1) == ["a"]
    assert await members(groups, api, group_id, expected=2) == ["a", "b"]


async def test_without_a_cache_every_frame_asks(api: HTTPAPIWrapper) -> None:
    group_id = (await api.create_service_group(["a"])).group_id
    groups = ServiceGroupLib(cache_seconds=0)
    await members(groups, api, group_id)
    await members(groups, api, group_id)
    assert len(asked(api)) == 3


async def test_an_unknown_group_is_an_error_and_an_empty_one_is_not(api: HTTPAPIWrapper) -> None:
    groups = ServiceGroupLib()
    with pytest.raises(BadResponseException, match="unknown group nobody-knows"):
        await members(groups, api, "nobody-knows")
    empty = await groups.group_of(api, [])
    assert await members(ServiceGroupLib(), api, empty) == []


async def test_a_group_can_be_resolved_by_hand(api: HTTPAPIWrapper) -> None:
    group_id = (await api.create_service_group(["a", "b"])).group_id
    body = {"channel_id": "CH", "sender": "x"}
    assert await group2ids(group_id, body, api, "me") == ["a", "b"]
    assert await group2ids(types.SERVICE, body, api, "me") == []
    with pytest.raises(TypeError, match="group id"):
        await group2ids(["a"], body, api, "me")  # type: ignore[arg-type]
    with pytest.raises(BadResponseException, match="unknown group"):
        await group2ids("nobody-knows", {}, api, "me")
