"""Section 2.2: the headers that say who asks."""

from __future__ import annotations

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.web.app import ENDPOINTS
from tests.support.raw_http import ask
from tests.support.wire import Person, Wire, wire_to

CLOSED = [key for key, endpoint in ENDPOINTS.items() if not endpoint.public]
DAY_MS = 24 * 3_600_000


@pytest.mark.parametrize("origin", ["cognito", "oauth2", "whatever", ""])
async def test_2_2_any_auth_origin_is_accepted(ada: Person, origin: str) -> None:
    headers = {"Auth-Origin": origin}
    reply = await ask(ada.wire.url, "GET", "/user/info", token=ada.token, headers=headers)
    assert reply.code == 10000


async def test_2_2_and_so_is_none(ada: Person) -> None:
    headers = {"Authorization": f"Bearer {ada.token}"}
    assert (await ask(ada.wire.url, "GET", "/user/info", headers=headers)).code == 10000


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER   "])
async def test_2_2_the_scheme_is_bearer_in_any_case(ada: Person, scheme: str) -> None:
    headers = {"Authorization": scheme + ada.token}
    assert (await ask(ada.wire.url, "GET", "/user/info", headers=headers)).code == 10000


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        "Bearer undefined",
        "undefined {token}",
        "Basic {token}",
        "{token}",
        "Bearer {token}x",
        "Bearer {token} {token}",
        "Bearer \udcff\udcfe",
        "Bearer ключ",
    ],
)
async def test_2_2_what_is_no_token_of_ours_is_10005(ada: Person, value: str) -> None:
    headers = {"Authorization": value.format(token=ada.token)}
    reply = await ask(ada.wire.url, "GET", "/user/info", headers=headers)
    assert (reply.status, reply.code) == (200, 10005)


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_2_2_every_endpoint_but_those_of_auth_wants_a_token(
    wire: Wire, method: str, path: str
) -> None:
    assert not path.startswith("/auth/")
    assert (await ask(wire.url, method, path, body={})).code == 10005


async def test_2_2_a_token_on_auth_endpoints_does_no_harm(ada: Person) -> None:
    for token in (ada.token, "wrong"):
        body = {"username": "nobody@example.net", "password": "x"}
        reply = await ask(ada.wire.url, "POST", "/auth/sign_in", body=body, token=token)
        assert reply.code == 10006


async def test_2_2_a_refresh_token_opens_nothing_by_itself(ada: Person) -> None:
    reply = await ask(ada.wire.url, "GET", "/user/info", token=ada.refresh_token)
    assert (reply.code, reply.json["message"]) == (10005, "Invalid access_token")


async def test_2_2_an_access_token_is_good_for_a_day_and_a_refresh_token_for_thirty() -> None:
    now = [1_719_000_000_000]
    platform = LocalPlatform(PlatformOptions(), clock=lambda: now[0])
    async with platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        now[0] += DAY_MS - 1
        await ada.get("/user/info")
        now[0] += 1
        reply = await ask(wire.url, "GET", "/user/info", token=ada.token)
        assert (reply.code, reply.json["message"]) == (10005, "Expired access_token")
        body = {"username": ada.email, "refresh_token": ada.refresh_token}
        now[0] += 29 * DAY_MS - 1
        assert (await ask(wire.url, "POST", "/auth/refresh", body=body)).code == 10000
        now[0] += 1
        assert (await ask(wire.url, "POST", "/auth/refresh", body=body)).code == 10005


async def test_2_2_the_lifetime_can_be_set() -> None:
    from moobius.local import Limits

    options = PlatformOptions(limits=Limits(access_token_ms=5_000))
    now = [1_719_000_000_000]
    platform = LocalPlatform(options, clock=lambda: now[0])
    async with platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        now[0] += 5_000
        assert (await ask(wire.url, "GET", "/user/info", token=ada.token)).code == 10005
