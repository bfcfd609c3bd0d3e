"""The HTTP API against the real local Platform; what a reply means, against literal replies."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import (
    BadResponseException,
    LoginRefused,
    MissingFile,
    TransportError,
    Unauthorized,
)
from moobius.local import LocalPlatform
from moobius.network.http_api_wrapper import HTTPAPIWrapper, checked, is_url
from moobius.network.transport import HttpTransport, Reply
from moobius.types import DEFAULT_AVATAR
from tests.support.wire import wire_to


@pytest.fixture
async def api(memory_platform: LocalPlatform) -> AsyncIterator[HTTPAPIWrapper]:
    """An account that has signed in."""
    async with wire_to(memory_platform.url) as wire:
        await wire.sign_up("ada")
    # A slash at the end, as configurations have it.
    api = HTTPAPIWrapper(memory_platform.url + "/", "ada@example.net", "ada")
    await api.authenticate()
    yield api
    await api.close()


async def test_signing_in_brings_both_tokens(api: HTTPAPIWrapper) -> None:
    access, refresh = await api.authenticate()
    assert (access, refresh) == (api.access_token, api.refresh_token)
    assert access and refresh
    assert access not in str(api) and refresh not in str(api)


async def test_a_wrong_password_names_account_and_platform(api: HTTPAPIWrapper) -> None:
    api.password = "wrong"
    with pytest.raises(LoginRefused, match=r"ada@example\.net.*password") as caught:
        await api.authenticate()
    assert api.http_server_uri in str(caught.value)


async def test_refreshing_brings_another_access_token(api: HTTPAPIWrapper) -> None:
    before = api.access_token
    assert await api.refresh() == api.access_token != before
    assert (await api.fetch_user_info()).email == "ada@example.net"


async def test_requests_that_fail_together_share_one_renewal(api: HTTPAPIWrapper) -> None:
    renewals = 0
    renew = api.renew

    async def counting() -> str:
        nonlocal renewals
        renewals += 1
        return await renew()

    api.renew = counting  # type: ignore[method-assign]
    api.access_token = "expired"
    await asyncio.gather(*(api.fetch_channel_list() for _ in range(10)))
    assert renewals == 1


async def test_a_lost_refresh_token_falls_back_to_the_password(api: HTTPAPIWrapper) -> None:
    api.access_token, api.refresh_token = "expired", "unknown"
    assert await api.fetch_channel_list() == []


async def test_channels_services_and_bindings(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "hot drinks")
    assert await api.fetch_channel_list() == [channel]
    assert channel in await api.fetch_popular_channels()
    service = await api.create_service("mine")
    other = await api.create_service("other")
    assert await api.bind_service_to_channel(service, channel) is True
    assert await api.bind_service_to_channel(service, channel) is True
    assert await api.bind_service_to_channel(other, channel) is False
    bound = {one["service_id"]: one["channel_ids"] for one in await api.fetch_service_id_list()}
    assert bound == {service: [channel], other: []}
    await api.unbind_service_from_channel(service, channel)
    with pytest.raises(BadResponseException):
        await api.unbind_service_from_channel(service, channel)
    await api.update_channel(channel, "Coffee house", "hotter")


async def test_members_and_an_empty_channel(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "")
    user_id = (await api.fetch_user_info()).user_id
    assert await api.fetch_member_ids(channel, "") == [user_id]
    with pytest.raises(BadResponseException, match="Channel not found"):
        await api.fetch_member_ids("no-such-channel", "")


async def test_groups_of_both_kinds_resolve(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "")
    service_group = await api.create_service_group(["b", "a"])
    channel_group = await api.create_channel_group(channel, "mine", ["service"])
    assert await api.character_ids_of_service_group(service_group.group_id) == ["b", "a"]
    ids = await api.character_ids_of_channel_group("x", channel, service_group.group_id)
    assert ids == ["b", "a"]
    listed = await api.fetch_channel_group_list(channel, "")
    assert [group["group_id"] for group in listed] == [channel_group.group_id]
    assert await api.group_members("x", channel, "unknown") is None
    assert await api.character_ids_of_service_group("unknown") == []


async def test_an_unknown_character_is_named(api: HTTPAPIWrapper) -> None:
    with pytest.raises(BadResponseException, match="nobody-1"):
        await api.fetch_character_profile("nobody-1")
    assert await api.known_characters(["nobody-1"]) == []


async def test_uploads_keep_their_content_and_happen_once(
    api: HTTPAPIWrapper, tmp_path: Path
) -> None:
    file = tmp_path / "15.05 PM ü.txt"
    file.write_bytes(b"tea is ready")
    url = await api.convert_to_url(file)
    assert await api.convert_to_url(str(file)) == url
    transport = HttpTransport()
    reply = await transport.request("GET", url)
    await transport.close()
    assert (reply.status, reply.text) == (200, "tea is ready")


async def test_what_is_not_a_local_file(api: HTTPAPIWrapper) -> None:
    assert await api.convert_to_url("https://example.org/x.png") == "https://example.org/x.png"
    assert await api.convert_to_url("") == await api.convert_to_url(None) == DEFAULT_AVATAR
    with pytest.raises(MissingFile, match="no such file"):
        await api.convert_to_url("no such file.png")
    assert not is_url("see http://example.org")


async def test_an_unreachable_platform_names_the_address(unused_tcp_port: int) -> None:
    api = HTTPAPIWrapper(f"http://127.0.0.1:{unused_tcp_port}", "a@b", "x")
    with pytest.raises(TransportError, match=f"127.0.0.1:{unused_tcp_port}"):
        await api.authenticate()
    await api.close()


# ---- What a reply means ----------------------------------------------------------------------


def reply(body: Any, status: int = 200) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, text, None if isinstance(body, str) else body)


def test_a_good_reply_is_its_data() -> None:
    assert checked(reply({"code": 10000, "data": [1]}), "GET /x") == [1]


@pytest.mark.parametrize(
    ("body", "status", "says", "code"),
    [
        ({"code": 10002, "message": "Channel not found"}, 200, "Channel not found", 10002),
        ({"code": 10001, "msg": "older key"}, 200, "older key", 10001),
        ("<html><h1>502 Bad\n gateway</h1></html>", 502, "502 Bad gateway", 502),
        ("", 500, "an empty reply", 500),
        ([], 200, "not the Platform's format", 200),
        ({"no": "code"}, 200, "not the Platform's format", 200),
    ],
)
def test_a_bad_reply_is_an_error_that_says_why(
    body: Any, status: int, says: str, code: int
) -> None:
    with pytest.raises(BadResponseException, match=says) as caught:
        checked(reply(body, status), "GET /x")
    assert caught.value.code == code
    assert str(caught.value).startswith("GET /x: ")


def test_an_invalid_token_is_unauthorized() -> None:
    with pytest.raises(Unauthorized):
        checked(reply({"code": 10005, "message": "Invalid access_token"}), "GET /x")
