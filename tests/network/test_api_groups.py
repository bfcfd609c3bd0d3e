"""Groups on the real Platform."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.errors import BadResponseException
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.types import Character, Group
from tests.support.web import envelope, web_server

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_groups_of_both_kinds_resolve(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "")
    service_group = await api.create_service_group(["b", "a"])
    channel_group = await api.create_channel_group(channel, "mine", ["service"])
    assert await api.character_ids_of_service_group(service_group.group_id) == ["b", "a"]
    for resolve in (api.character_ids_of_channel_group, api.fetch_user_from_group):
        assert await resolve("x", channel, service_group.group_id) == ["b", "a"]
        assert await resolve("x", channel, "unknown") == []
    listed = await api.fetch_channel_group_list(channel, "")
    assert [group["group_id"] for group in listed] == [channel_group.group_id]
    assert await api.fetch_channel_group_dict(channel, "") == {channel_group.group_id: ["service"]}
    assert await api.fetch_channel_temp_group(channel, "") == []
    assert await api.group_members("x", channel, "unknown") is None
    assert await api.character_ids_of_service_group("unknown") == []


@pytest.mark.defect("D57")
async def test_a_new_group_is_a_group_with_its_members(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "")
    owl = Character("OWL", "Owl")
    group = await api.create_channel_group(channel, "mine", [[owl], ("a", "b")])
    assert isinstance(group, Group) and group.character_ids == ["OWL", "a", "b"]
    (listed,) = await api.fetch_channel_group_list(channel, "")
    assert (listed["group_id"], listed["group_name"]) == (group.group_id, "mine")
    assert (await api.create_service_group(owl)).character_ids == ["OWL"]


@pytest.mark.parametrize("data", [None, {"group_id": "G"}, 5])
async def test_a_service_group_without_an_id_is_an_error(data: Any) -> None:
    async with web_server(envelope(data)) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException, match="id of the new group"):
            await api.create_service_group(["a"])
        await api.close()


async def test_what_the_platform_does_not_offer_says_so(account: HTTPAPIWrapper) -> None:
    for asking in (
        account.update_channel_group("CH", "G", ["a"]),
        account.update_temp_channel_group("CH", ["a"]),
        account.fetch_target_group("ADA", "CH", "G"),
    ):
        with pytest.raises(NotImplementedError):
            await asking
