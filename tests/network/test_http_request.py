"""How requests are sent, repeated and authorised: scripted servers, and the real Platform."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from aiohttp import web

from moobius.errors import (
    BadResponseException,
    ConfigError,
    LoginRefused,
    TransportError,
    Unauthorized,
)
from moobius.network.http_api_wrapper import HTTPAPIWrapper, get_or_post
from moobius.network.http_request import ATTEMPTS
from moobius.network.transport import HttpTransport
from tests.support.redis import refusing_port
from tests.support.web import Answer, envelope, web_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNED_IN = envelope({"AuthenticationResult": {"AccessToken": "new", "RefreshToken": "again"}})
EXPIRED = envelope(code=10005, message="Invalid access_token")
BROKEN = Answer("<html><h1>502 Bad gateway</h1></html>", 502)


async def cut_off(request: web.Request) -> web.StreamResponse:
    """Break the connection instead of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


# ---- Signing in ----------------------------------------------------------------------------------


async def test_signing_in_brings_both_tokens(api: HTTPAPIWrapper) -> None:
    access, refresh = await api.authenticate()
    assert (access, refresh) == (api.access_token, api.refresh_token)
    assert access and refresh


@pytest.mark.defect("D5")
async def test_no_secret_is_shown(api: HTTPAPIWrapper) -> None:
    api.password = "sesame"
    for text in (str(api), repr(api)):
        assert "ada@example.net" in text
        assert not any(s in text for s in ("sesame", api.access_token, api.refresh_token))


async def test_a_wrong_password_names_account_and_platform(api: HTTPAPIWrapper) -> None:
    api.password = "wrong"
    with pytest.raises(LoginRefused, match=r"ada@example\.net.*password") as caught:
        await api.authenticate()
    assert api.http_server_uri in str(caught.value)


@pytest.mark.defect("D54")
@pytest.mark.parametrize(
    "answer",
    [
        envelope(None),
        envelope([]),
        envelope({"AuthenticationResult": {"AccessToken": "x"}}),
        Answer("[]"),
        Answer("null"),
        Answer('{"code": 10000, "da'),
        BROKEN,
    ],
)
async def test_an_odd_answer_to_a_sign_in_is_an_error_and_no_token(answer: Answer) -> None:
    async with web_server(answer) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "x")
        with pytest.raises((BadResponseException, LoginRefused), match="POST /auth/sign_in"):
            await api.authenticate()
        assert api.access_token == api.refresh_token == ""
        assert script.paths == ["POST /auth/sign_in"]
        await api.close()


async def test_a_server_that_is_down_is_not_a_wrong_password() -> None:
    async with web_server(BROKEN) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "x")
        with pytest.raises(BadResponseException, match="502 Bad gateway"):
            await api.authenticate()
        await api.close()


# ---- Renewing ------------------------------------------------------------------------------------


async def test_refreshing_brings_another_access_token(api: HTTPAPIWrapper) -> None:
    before = api.access_token
    assert await api.refresh() == api.access_token != before
    assert (await api.fetch_user_info()).email == "ada@example.net"


@pytest.mark.defect("D60")
async def test_requests_that_fail_together_share_one_renewal(
    api: HTTPAPIWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals = 0
    renew = api.renew

    async def counting() -> str:
        nonlocal renewals
        renewals += 1
        return await renew()

    monkeypatch.setattr(api, "renew", counting)
    api.access_token = "expired"
    await asyncio.gather(*(api.fetch_channel_list() for _ in range(10)))
    assert renewals == 1


@pytest.mark.defect("D60")
async def test_a_lost_refresh_token_falls_back_to_the_password(api: HTTPAPIWrapper) -> None:
    api.access_token, api.refresh_token = "expired", "unknown"
    assert isinstance(await api.fetch_channel_list(), list)


@pytest.mark.defect("D60")
async def test_an_expired_token_is_renewed_and_the_request_done_once_more() -> None:
    async with web_server(EXPIRED, SIGNED_IN, envelope({"channel_id": "CH"})) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "x")
        api.access_token, api.refresh_token = "old", "buys more"
        assert await api.create_channel("Tea", "") == "CH"
        assert script.paths == [
            "POST /channel/create",
            "POST /auth/refresh",
            "POST /channel/create",
        ]
        first, renewal, second = script.asked
        assert first.headers["Authorization"] == "Bearer old"
        assert "Authorization" not in renewal.headers
        assert second.headers["Authorization"] == "Bearer new"
        assert first.json == second.json
        await api.close()


@pytest.mark.defect("D60")
async def test_a_token_that_stays_refused_is_told_after_one_renewal() -> None:
    async with web_server(EXPIRED, SIGNED_IN, EXPIRED) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "x")
        with pytest.raises(Unauthorized, match="Invalid access_token"):
            await api.fetch_channel_list()
        assert len(script.asked) == 3
        await api.close()


async def test_without_any_credentials_nothing_is_renewed() -> None:
    async with web_server(EXPIRED) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(Unauthorized):
            await api.fetch_channel_list()
        assert script.paths == ["GET /channel/list"]
        await api.close()


async def test_a_renewal_outlives_the_request_that_began_it() -> None:
    started, go_on = asyncio.Event(), asyncio.Event()

    async def slow_sign_in(request: web.Request) -> web.StreamResponse:
        started.set()
        await go_on.wait()
        return web.Response(text=str(SIGNED_IN.body))

    async with web_server(EXPIRED, slow_sign_in, envelope([])) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "x")
        first = asyncio.ensure_future(api.fetch_channel_list())
        await asyncio.wait_for(started.wait(), 10)
        first.cancel()
        go_on.set()
        renewing = api._renewing
        assert renewing is not None
        await asyncio.wait_for(renewing, 10)
        assert api.access_token == "new"
        await api.close()


# ---- Once or again -------------------------------------------------------------------------------


@pytest.mark.defect("D51")
@pytest.mark.parametrize("trouble", [BROKEN, cut_off, Answer("", 503), Answer("", 429)])
async def test_asking_survives_what_passes(trouble: Any) -> None:
    async with web_server(trouble, trouble, envelope([{"channel_id": "CH"}])) as script:
        api = HTTPAPIWrapper(script.url)
        assert await api.fetch_channel_list() == ["CH"]
        await api.close()
    assert len(script.asked) >= 3  # aiohttp itself repeats a GET on a connection that had died


@pytest.mark.defect("D51")
async def test_asking_ends_some_time() -> None:
    async with web_server(BROKEN) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException, match=r"GET /channel/list: HTTP status 502"):
            await api.fetch_channel_list()
        assert len(script.asked) == ATTEMPTS
        await api.close()


@pytest.mark.parametrize("trouble", [BROKEN, cut_off])
async def test_doing_is_tried_once(trouble: Any) -> None:
    async with web_server(trouble) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises((BadResponseException, TransportError), match=r"POST .*/channel/create"):
            await api.create_channel("Tea", "")
        assert len(script.asked) == 1
        await api.close()


@pytest.mark.defect("D109")
async def test_a_refusal_is_asked_for_once() -> None:
    async with web_server(envelope(code=10002, message="Service not found")) as script:
        api = HTTPAPIWrapper(script.url)
        with pytest.raises(BadResponseException, match="Service not found"):
            await api.fetch_agents("SVC")
        assert script.paths == ["GET /service/character/list"]
        await api.close()


@pytest.mark.defect("D51")
async def test_a_platform_that_never_answers_is_given_up() -> None:
    async def silence(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with web_server(silence) as script:
        api = HTTPAPIWrapper(script.url, transport=HttpTransport(timeout=0.2))
        with pytest.raises(TransportError, match=r"no answer within 0\.2 s"):
            await api.create_channel("Tea", "")
        await api.close()


@pytest.mark.defect("D51")
async def test_all_requests_share_a_connection() -> None:
    async with web_server(envelope([])) as script:
        api = HTTPAPIWrapper(script.url)
        for _ in range(5):
            await api.fetch_channel_list()
        assert len({id(one.connection) for one in script.asked}) == 1
        await api.close()


async def test_an_unreachable_platform_names_the_address() -> None:
    with refusing_port() as port:
        api = HTTPAPIWrapper(f"http://127.0.0.1:{port}", "a@b", "x")
        with pytest.raises(TransportError, match=f"127.0.0.1:{port}"):
            await api.authenticate()
        await api.close()


async def test_a_platform_without_an_address_says_so() -> None:
    api = HTTPAPIWrapper("", "a@b", "x")
    with pytest.raises(TransportError, match="not an address"):
        await api.authenticate()
    await api.close()


# ---- What travels --------------------------------------------------------------------------------


@pytest.mark.defect("D11")
async def test_odd_ids_do_not_change_the_request() -> None:
    odd = "a&service_id=x#?/ü %20+"
    async with web_server(envelope({"character_list": []})) as script:
        api = HTTPAPIWrapper(script.url)
        await api.fetch_member_ids(odd, "SVC")
        assert script.asked[0].query == {"channel_id": odd, "service_id": "SVC"}
        assert script.asked[0].path == "/channel/character_list"
        assert script.asked[0].body == b""
        await api.close()


async def test_secrets_stay_out_of_the_log(log: list[str]) -> None:
    async with web_server(SIGNED_IN) as script:
        api = HTTPAPIWrapper(script.url, "a@b", "sesame")
        await api.authenticate()
        await api.refresh()
        await api.sign_out()
        await api.close()
    written = "".join(log)
    assert "/auth/sign_in" in written
    assert not any(secret in written for secret in ("sesame", "again", '"new"', "Bearer"))


@pytest.mark.defect("D59")
async def test_no_reply_is_kept() -> None:
    async with web_server(envelope([{"service_id": "S3RVICE", "channel_ids": []}])) as script:
        api = HTTPAPIWrapper(script.url)
        kept = set(vars(api))
        for path in ("x", "y", "z"):
            await api.checked_get(f"/{path}", None)
            await api.fetch_service_id_list()
        assert set(vars(api)) == kept
        assert "S3RVICE" not in repr([vars(one) for one in (api, api._files, api._transport)])
        await api.close()


# ---- Any request ---------------------------------------------------------------------------------


@pytest.mark.defect("D54")
async def test_any_path_can_be_asked(api: HTTPAPIWrapper) -> None:
    reply = await api.checked_get("/user/info", None)
    assert reply["code"] == 10000 and reply["data"]["email"] == "ada@example.net"
    reply = await api.checked_post(
        f"{api.http_server_uri}/channel/create", {"channel_name": "Tea", "context": {}}
    )
    assert reply["data"]["channel_id"] in await api.fetch_channel_list()


@pytest.mark.defect("D60")
@pytest.mark.parametrize("raise_errors", [True, False])
async def test_any_path_renews_the_token(api: HTTPAPIWrapper, raise_errors: bool) -> None:
    api.access_token = "expired"
    reply = await api.checked_get("/user/info", None, raise_errors=raise_errors)
    assert reply["code"] == 10000


async def test_any_path_is_asked_again_and_done_once() -> None:
    async with web_server(BROKEN, envelope([1])) as script:
        api = HTTPAPIWrapper(script.url)
        assert (await api.checked_get("/x", None))["data"] == [1]
        script.answers = [BROKEN]
        reply = await api.checked_post("/x", {}, raise_errors=False)
        assert reply["code"] == 502 and "Bad gateway" in reply["blob"]
        assert script.paths == ["GET /x", "GET /x", "POST /x"]
        await api.close()


@pytest.mark.defect("D54")
async def test_a_refusal_is_raised_or_returned(api: HTTPAPIWrapper, log: list[str]) -> None:
    with pytest.raises(BadResponseException, match=r"no luck: GET .*: Not found"):
        await api.checked_get("/no/such/path", None, bad_message="no luck")
    reply = await api.checked_get("/no/such/path", None, bad_message="no luck", raise_errors=False)
    assert reply["code"] == 10404
    assert any(re.match(r"ERROR no luck: GET http.*: Not found", line) for line in log)
    with pytest.raises(TypeError, match="the_request"):
        await api.checked_post("/x", ["no dict"])  # type: ignore[arg-type]


@pytest.mark.defect("D62")
async def test_the_callers_dicts_stay_as_they_are() -> None:
    async with web_server(envelope({})) as script:
        api = HTTPAPIWrapper(script.url)
        request, options = {"a": 1}, {"params": {"q": "1"}}
        await api.checked_post("/x", request, options)
        await get_or_post(script.url + "/y", True, options)
        assert (request, options) == ({"a": 1}, {"params": {"q": "1"}})
        assert [one.query for one in script.asked] == [{"q": "1"}] * 2
        await api.close()


async def test_tokens_go_to_the_platform_only() -> None:
    async with web_server(envelope({})) as ours, web_server(envelope({})) as other:
        api = HTTPAPIWrapper(ours.url)
        api.access_token = "secret"
        await api.checked_get("/x", None)
        await api.checked_get(other.url + "/x", None)
        await api.checked_get("/x", None, {"headers": {"X-Mine": "1"}})
        assert ours.asked[0].headers["Authorization"] == "Bearer secret"
        assert "Authorization" not in other.asked[0].headers
        assert "Authorization" not in ours.asked[1].headers
        assert ours.asked[1].headers["X-Mine"] == "1"
        await api.close()


@pytest.mark.defect("D54")
async def test_a_single_request_needs_no_account() -> None:
    async with web_server(envelope([1]), Answer("<h1>oops</h1>", 500)) as script:
        assert (await get_or_post(script.url + "//x", False))["data"] == [1]
        assert script.paths == ["GET /x"]
        kept = await get_or_post(script.url, True, raise_json_decode_errors=False)
        assert kept == {"blob": "<h1>oops</h1>", "code": 500}
        with pytest.raises(BadResponseException, match="oops"):
            await get_or_post(script.url, False)


@pytest.mark.defect("D9")
async def test_verification_cannot_be_turned_off() -> None:
    api = HTTPAPIWrapper()
    assert api.aio_strategy == 1
    for harmless in (0, 1, 3):
        api.aio_strategy = harmless
    for value in (2, 4, "x", None):
        with pytest.raises(ConfigError, match=r"always verified.*ca_file"):
            api.aio_strategy = value  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="always verified"):
        await get_or_post("https://example.org", False, aio_strategy=2)
    assert api.aio_strategy == 3
