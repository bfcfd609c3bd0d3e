"""Services, channels and what was said: on the real Platform, and odd replies of another."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.errors import BadResponseException
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from tests.support.web import Answer, envelope, web_server
from tests.support.wire import Wire, wire_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESSAGE = {"message_id": "M", "content": {"text": "tea"}, "timestamp": 1719000000123}


async def test_channels_services_and_bindings(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "hot drinks")
    assert channel in await api.fetch_channel_list()
    assert await api.this_user_channels() == await api.fetch_channel_list()
    assert channel in await api.fetch_popular_channels()
    service = await api.create_service("mine")
    other = await api.create_service("other")
    assert await api.fetch_channel_service_id(channel) == ""
    assert await api.bind_service_to_channel(service, channel) is True
    assert await api.bind_service_to_channel(service, channel) is True
    assert await api.bind_service_to_channel(other, channel) is False
    assert await api.fetch_channel_service_id(channel) == service
    assert channel in await api.fetch_user_owned_channels()
    assert {service, other} <= set(await api.fetch_user_owned_services())
    bound = {one["service_id"]: one["channel_ids"] for one in await api.fetch_service_id_list()}
    assert (bound[service], bound[other]) == ([channel], [])
    await api.unbind_service_from_channel(service, channel)
    with pytest.raises(BadResponseException):
        await api.unbind_service_from_channel(service, channel)
    await api.update_channel(channel, "Coffee house", "hotter")


@pytest.mark.defect("D55")
async def test_services_can_be_used_as_ids(api: HTTPAPIWrapper) -> None:
    service = await api.create_service("mine")
    found = [one for one in await api.fetch_service_id_list() if str(one) == service]
    assert found[0]["service_id"] == service
    assert found[0]["channel_ids"] == []


async def test_members_and_an_empty_channel(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "")
    user_id = (await api.fetch_user_info()).user_id
    members = await api.fetch_member_ids(channel, "")
    assert members == [user_id]
    members.clear()
    assert await api.fetch_member_ids(channel, "") == [user_id]
    with pytest.raises(BadResponseException, match="Channel not found"):
        await api.fetch_member_ids("no-such-channel", "")


async def test_an_empty_channel_raises_on_request() -> None:
    async with web_server(envelope({"character_list": []})) as script:
        api = HTTPAPIWrapper(script.url)
        assert await api.fetch_member_ids("CH", "SVC") == []
        with pytest.raises(BadResponseException, match="CH has no members"):
            await api.fetch_member_ids("CH", "SVC", True)
        await api.close()


@pytest.mark.parametrize("data", [None, {}, {"character_list": "all"}, []])
async def test_members_that_are_no_list_are_an_error(data: Any) -> None:
    async with web_server(envelope(data)) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException, match="character_list"):
            await api.fetch_member_ids("CH", "SVC")
        await api.close()


@pytest.mark.defect("D61")
@pytest.mark.parametrize(
    "answer", [envelope(code=10003, message="Not permitted"), envelope("odd"), Answer("<p>no")]
)
async def test_own_channels_are_a_list_or_an_error(answer: Answer) -> None:
    async with web_server(answer) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException):
            await api.this_user_channels()
        await api.close()


async def test_channels_may_come_as_texts_or_objects() -> None:
    async with web_server(envelope(["a", {"channel_id": "b"}])) as script:
        api = HTTPAPIWrapper(script.url)
        assert await api.fetch_popular_channels() == ["a", "b"]
        assert await api.fetch_channel_list() == ["a", "b"]
        await api.close()


# ---- History -------------------------------------------------------------------------------------


async def say(wire: Wire, api: HTTPAPIWrapper, channel: str, *texts: str) -> None:
    socket = await wire.socket()
    await socket.good(type="user_login", auth_origin="cognito", access_token=api.access_token)
    for stamp, text in enumerate(texts, 1719000000000):
        body = {
            "subtype": "text",
            "channel_id": channel,
            "content": {"text": text},
            "recipients": "service",
            "timestamp": stamp,
            "context": {},
        }
        await socket.good(type="message_up", body=body)


@pytest.mark.promise("2-34")
@pytest.mark.defect("D56")
async def test_the_history_is_a_list_newest_first(api: HTTPAPIWrapper) -> None:
    channel = await api.create_channel("Tea room", "")
    async with wire_to(api.http_server_uri.rstrip("/")) as wire:
        await say(wire, api, channel, *(f"tea {number}" for number in range(70)))
    history = await api.fetch_message_history(channel)
    assert [one.content.text for one in history] == [f"tea {n}" for n in range(69, 5, -1)]
    assert [one["content"]["text"] for one in await api.fetch_message_history(channel, "2")] == [
        "tea 69",
        "tea 68",
    ]
    older = await api.fetch_message_history(channel, 2, before=history[-1].timestamp)
    assert [one.content.text for one in older] == ["tea 5", "tea 4"]


@pytest.mark.defect("D56")
@pytest.mark.parametrize("before", ["null", None, ""])
async def test_no_bound_has_one_spelling_and_nothing_is_in_the_body(before: Any) -> None:
    async with web_server(envelope([MESSAGE])) as script:
        api = HTTPAPIWrapper(script.url)
        (message,) = await api.fetch_message_history("CH", before=before)
        assert message == MESSAGE
        assert script.asked[0].query == {"channel_id": "CH", "limit": "64", "before": "null"}
        assert script.asked[0].body == b""
        await api.close()


@pytest.mark.defect("D56")
@pytest.mark.parametrize(
    "answer", [Answer("<html>down</html>", 502), envelope("odd"), envelope(code=10002)]
)
async def test_a_history_that_is_none_is_an_error(answer: Answer) -> None:
    async with web_server(answer) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException, match="history_message"):
            await api.fetch_message_history("CH")
        await api.close()


@pytest.mark.parametrize(("limit", "before"), [("many", "null"), (True, "null"), (1.5, "null")])
async def test_a_limit_is_a_number(account: HTTPAPIWrapper, limit: Any, before: Any) -> None:
    with pytest.raises(TypeError, match="limit must be a whole number"):
        await account.fetch_message_history("CH", limit, before)


async def test_a_bound_is_no_object(account: HTTPAPIWrapper) -> None:
    with pytest.raises(TypeError, match="before must be a number"):
        await account.fetch_message_history("CH", before=["yesterday"])  # type: ignore[arg-type]
