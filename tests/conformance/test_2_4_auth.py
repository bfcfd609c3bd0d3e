"""Section 2.4: signing up, in and out."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions, attempts
from tests.local.conftest import Room
from tests.support.lanes import held_guesses, waiting_guesses
from tests.support.patience import until
from tests.support.raw_http import Reply, ask
from tests.support.wire import Person, Wire, wire_to

EVE = "eve@example.net"
RESULT = {"AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"}


async def post(wire: Wire, path: str, **body: Any) -> Reply:
    return await ask(wire.url, "POST", f"/auth/{path}", body=body)


async def sign_in(wire: Wire, password: str, username: str = EVE) -> Reply:
    return await post(wire, "sign_in", username=username, password=password)


def code_in(log: list[str], email: str = EVE) -> str:
    """The newest code for an address, as somebody at the terminal would copy it."""
    found = re.findall(rf"code\b.* for {re.escape(email)}: (\d{{6}}) ", "".join(log))
    assert found, "no code in the log"
    return str(found[-1])


@pytest.fixture
async def eve(wire: Wire) -> Person:
    """Somebody with a password, which is `eve`."""
    return await wire.sign_up("eve")


@pytest.fixture
async def strict(log: list[str]) -> AsyncIterator[Wire]:
    """A Platform on which accounts need a confirmation code."""
    options = PlatformOptions(confirm_sign_up=True)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        yield wire


async def test_2_4_sign_in_answers_with_tokens(wire: Wire, eve: Person) -> None:
    data = (await sign_in(wire, "eve")).json["data"]
    result = data["AuthenticationResult"]
    assert set(data) == {"AuthenticationResult", "ChallengeParameters"}
    assert data["ChallengeParameters"] == {}
    assert set(result) == RESULT
    assert (result["ExpiresIn"], result["TokenType"]) == (86400, "Bearer")
    assert all(isinstance(result[each], str) and result[each] for each in RESULT - {"ExpiresIn"})


async def test_2_4_js_goes_on_from_the_sign_in_to_a_login_that_is_answered(
    wire: Wire, eve: Person
) -> None:
    result = (await sign_in(wire, "eve")).json["data"]["AuthenticationResult"]
    headers = {"Authorization": f"{result['TokenType']} {result['AccessToken']}"}
    info = (await ask(wire.url, "GET", "/user/info", headers=headers)).json["data"]
    assert info["user_id"] == eve.user_id
    socket = await wire.socket()
    token = result["AccessToken"]
    await socket.good(type="user_login", auth_origin="cognito", access_token=token)


async def test_2_4_every_sign_in_has_tokens_of_its_own(wire: Wire, eve: Person) -> None:
    results = [(await sign_in(wire, "eve")).json["data"]["AuthenticationResult"] for _ in range(2)]
    texts = [each[name] for each in results for name in ("AccessToken", "RefreshToken", "IdToken")]
    assert len(set(texts)) == 6


async def test_2_4_the_user_name_is_an_address_in_any_case(wire: Wire, eve: Person) -> None:
    assert (await sign_in(wire, "eve", "  Eve@EXAMPLE.net ")).code == 10000


@pytest.mark.parametrize(("username", "password"), [(EVE, "Eve"), ("nobody@example.net", "eve")])
async def test_2_4_wrong_credentials_do_not_tell_which_was_wrong(
    wire: Wire, eve: Person, username: str, password: str
) -> None:
    reply = await sign_in(wire, password, username)
    assert (reply.status, reply.code) == (200, 10006)
    assert reply.json["message"] == "Incorrect username or password"


async def test_2_4_sign_up_confirms_itself_and_signs_in(wire: Wire) -> None:
    reply = await post(wire, "sign_up", username=EVE, password="secret")
    result = reply.json["data"]["AuthenticationResult"]
    assert set(result) == RESULT
    token = result["AccessToken"]
    info = (await ask(wire.url, "GET", "/user/info", token=token)).json["data"]
    assert (info["email"], info["email_verified"], info["context"]["name"]) == (EVE, True, "eve")
    assert (await sign_in(wire, "secret")).code == 10000


async def test_2_4_an_address_is_taken_once(wire: Wire, eve: Person) -> None:
    reply = await post(wire, "sign_up", username="EVE@example.net", password="other")
    assert (reply.code, reply.json["message"]) == (10007, "Username already exists")
    assert (await sign_in(wire, "eve")).code == 10000


@pytest.mark.parametrize("username", [" ", "eve\nERROR", "eve\u202e@example.net", "\0"])
async def test_2_4_an_address_is_one_printable_line(wire: Wire, username: str) -> None:
    reply = await post(wire, "sign_up", username=username, password="eve")
    assert (reply.code, "username" in reply.json["message"]) == (10001, True)


async def test_2_4_in_confirmation_mode_sign_up_gives_no_tokens(strict: Wire) -> None:
    data = (await post(strict, "sign_up", username=EVE, password="eve")).json["data"]
    assert data == {"UserConfirmed": False, "UserSub": data["UserSub"]}
    assert len(data["UserSub"]) == 36


async def test_2_4_an_unconfirmed_account_answers_10005_unconfirmed(strict: Wire) -> None:
    await post(strict, "sign_up", username=EVE, password="eve")
    reply = await sign_in(strict, "eve")
    assert (reply.status, reply.code) == (200, 10005)
    assert reply.json["message"] == reply.json["msg"] == "UNCONFIRMED"
    assert (await sign_in(strict, "wrong")).code == 10006  # which is not for everybody to know


async def test_2_4_the_code_in_the_log_confirms(strict: Wire, log: list[str]) -> None:
    user_id = (await post(strict, "sign_up", username=EVE, password="eve")).json["data"]["UserSub"]
    code = code_in(log)
    wrong = "000000" if code != "000000" else "000001"
    for given in (wrong, "", "x"):
        reply = await post(strict, "confirm_sign_up", username=EVE, confirmation_code=given)
        assert reply.code == 10006
    assert (await sign_in(strict, "eve")).code == 10005
    reply = await post(strict, "confirm_sign_up", username=EVE, confirmation_code=code)
    assert reply.json["data"] == {}
    reply = await sign_in(strict, "eve")
    token = reply.json["data"]["AuthenticationResult"]["AccessToken"]
    info = (await ask(strict.url, "GET", "/user/info", token=token)).json["data"]
    assert (info["user_id"], info["email_verified"]) == (user_id, True)


async def test_2_4_confirming_twice_or_without_need_is_harmless(wire: Wire, eve: Person) -> None:
    for _ in range(2):
        reply = await post(wire, "confirm_sign_up", username=EVE, confirmation_code="123456")
        assert reply.code == 10000


async def test_2_4_confirming_an_account_that_does_not_exist_is_10006(wire: Wire) -> None:
    reply = await post(wire, "confirm_sign_up", username=EVE, confirmation_code="123456")
    assert reply.code == 10006


@pytest.mark.parametrize("path", ["resend_confirmation", "forgot_password"])
async def test_2_4_unknown_accounts_are_answered_like_known_ones(
    wire: Wire, eve: Person, log: list[str], path: str
) -> None:
    known = await post(wire, path, username=EVE)
    unknown = await post(wire, path, username="nobody@example.net")
    assert known.json == unknown.json
    assert known.code == 10000
    assert "nobody@example.net" not in "".join(log)


async def test_2_4_a_confirmation_code_can_be_had_again() -> None:
    from loguru import logger

    lines: list[str] = []
    now = [1_719_000_000_000]
    sink = logger.add(lambda text: lines.append(str(text)), format="{message}", level="INFO")
    platform = LocalPlatform(PlatformOptions(confirm_sign_up=True), clock=lambda: now[0])
    try:
        async with platform, wire_to(platform.url) as wire:
            await post(wire, "sign_up", username=EVE, password="eve")
            first = code_in(lines)
            await post(wire, "resend_confirmation", username=EVE)
            assert len(lines) == 1  # asking at once again does not fill the log
            now[0] += 60_000
            await post(wire, "resend_confirmation", username=EVE)
            assert (len(lines), code_in(lines)) == (2, first)
            now[0] += 15 * 60_000
            stale = await post(wire, "confirm_sign_up", username=EVE, confirmation_code=first)
            assert stale.code == 10006
            await post(wire, "resend_confirmation", username=EVE)
            code = code_in(lines)
            reply = await post(wire, "confirm_sign_up", username=EVE, confirmation_code=code)
            assert reply.code == 10000
    finally:
        logger.remove(sink)


async def test_2_4_an_account_that_is_confirmed_is_sent_no_confirmation_code(
    wire: Wire, eve: Person, log: list[str]
) -> None:
    assert (await post(wire, "resend_confirmation", username=EVE)).code == 10000
    assert "code for" not in "".join(log)


async def test_2_4_a_forgotten_password_is_replaced_with_the_code(
    wire: Wire, eve: Person, log: list[str]
) -> None:
    await post(wire, "forgot_password", username=EVE)
    given = {"username": EVE, "password": "new", "confirmation_code": code_in(log)}
    assert (await post(wire, "confirm_reset_password", **given)).json["data"] == {}
    assert (await sign_in(wire, "eve")).code == 10006
    assert (await sign_in(wire, "new")).code == 10000
    assert (await post(wire, "confirm_reset_password", **given)).code == 10006  # it was good once


async def test_2_4_a_new_password_ends_the_logins_of_old_and_leaves_sockets(
    wire: Wire, eve: Person, log: list[str]
) -> None:
    socket = await eve.user_socket()
    bob = await wire.be("bob@example.org")
    await post(wire, "forgot_password", username=EVE)
    given = {"username": EVE, "password": "new", "confirmation_code": code_in(log)}
    await post(wire, "confirm_reset_password", **given)
    assert (await ask(wire.url, "GET", "/user/info", token=eve.token)).code == 10005
    refreshed = await post(wire, "refresh", username=EVE, refresh_token=eve.refresh_token)
    assert refreshed.code == 10005
    await socket.good(type="heartbeat", body={})
    await bob.get("/user/info")


@pytest.mark.parametrize("username", [EVE, "nobody@example.net"])
async def test_2_4_without_the_code_no_password_is_replaced(
    wire: Wire, eve: Person, username: str
) -> None:
    given = {"username": username, "password": "new", "confirmation_code": "123456"}
    reply = await post(wire, "confirm_reset_password", **given)
    assert (reply.code, reply.json["message"]) == (10006, "Incorrect username or confirmation code")
    assert (await sign_in(wire, "eve")).code == 10000


async def test_2_4_a_code_to_confirm_is_none_to_reset_and_the_other_way_round(
    strict: Wire, log: list[str]
) -> None:
    await post(strict, "sign_up", username=EVE, password="eve")
    code = code_in(log)
    given = {"username": EVE, "password": "new", "confirmation_code": code}
    assert (await post(strict, "confirm_reset_password", **given)).code == 10006


async def test_2_4_refresh_adds_an_access_token_and_changes_nothing_else(
    wire: Wire, eve: Person
) -> None:
    for _ in range(2):  # repeating it is harmless
        reply = await post(wire, "refresh", username=EVE, refresh_token=eve.refresh_token)
        result = reply.json["data"]["AuthenticationResult"]
        assert set(result) == RESULT - {"RefreshToken"}
        token = result["AccessToken"]
        assert (await ask(wire.url, "GET", "/user/info", token=token)).code == 10000
    await eve.get("/user/info")  # the old one is good until it expires


@pytest.mark.parametrize("token", ["wrong", "", "{access}"])
async def test_2_4_only_a_refresh_token_refreshes(wire: Wire, eve: Person, token: str) -> None:
    given = token.format(access=eve.token)
    reply = await post(wire, "refresh", username=EVE, refresh_token=given)
    assert reply.code == (10005 if given else 10001)


async def test_2_4_sign_out_ends_this_login_and_leaves_others_and_sockets(
    wire: Wire, eve: Person
) -> None:
    other = (await sign_in(wire, "eve")).json["data"]["AuthenticationResult"]["AccessToken"]
    renewed = await post(wire, "refresh", username=EVE, refresh_token=eve.refresh_token)
    same_login = renewed.json["data"]["AuthenticationResult"]["AccessToken"]
    socket = await eve.user_socket()
    assert (await post(wire, "sign_out", access_token=eve.token)).code == 10000
    for token in (eve.token, same_login):
        assert (await ask(wire.url, "GET", "/user/info", token=token)).code == 10005
    reply = await post(wire, "refresh", username=EVE, refresh_token=eve.refresh_token)
    assert reply.code == 10005
    await socket.good(type="heartbeat", body={})
    assert (await ask(wire.url, "GET", "/user/info", token=other)).code == 10000


@pytest.mark.parametrize("which", ["token", "refresh_token"])
async def test_2_4_any_token_of_a_login_ends_it_even_an_expired_one(which: str) -> None:
    now = [1719000000000]
    async with LocalPlatform(clock=lambda: now[0]) as platform, wire_to(platform.url) as wire:
        eve = await wire.sign_up("eve")
        now[0] += Limits().access_token_ms + 1
        body = {"access_token": getattr(eve, which)}
        assert (await post(wire, "sign_out", **body)).code == 10000
        assert (await post(wire, "refresh", refresh_token=eve.refresh_token)).code == 10005
        assert (await post(wire, "sign_out", **body)).code == 10005


async def test_2_4_python_signs_out_with_the_header_too(wire: Wire, eve: Person) -> None:
    body = {"access_token": eve.token}
    reply = await ask(wire.url, "POST", "/auth/sign_out", body=body, token=eve.token)
    assert reply.code == 10000
    reply = await ask(wire.url, "POST", "/auth/sign_out", body=body, token=eve.token)
    assert reply.code == 10005
    assert (await post(wire, "sign_out")).code == 10001


async def test_2_4_an_account_goes_with_all_it_has(wire: Wire, eve: Person, ada: Person) -> None:
    channel = await ada.channel()
    await eve.join(channel)
    own = await eve.channel("Eve's")
    service = await eve.bound_service(own)
    await ada.join(own)
    socket = await eve.user_socket()
    reply = await post(wire, "delete_account", username=EVE, password="eve")
    assert reply.json["data"] == {}
    await socket.closed()
    assert (await ask(wire.url, "GET", "/user/info", token=eve.token)).code == 10005
    assert (await sign_in(wire, "eve")).code == 10006
    members = await ada.get("/channel/character_list", channel_id=channel)
    assert members == {"character_list": [ada.user_id]}
    kinds = {
        each["channel_id"]: each["channel_context"]["channel_type"]
        for each in await ada.get("/channel/list")
    }
    assert kinds[own] == "dcs"
    given = {"service_id": service}
    assert await ada.refused("GET", "/service/character/list", **given) == 10002
    assert (await wire.sign_up("eve")).user_id != eve.user_id  # the address is free again


async def test_2_4_a_deleted_account_leaves_its_channels_and_they_hear_of_it(room: Room) -> None:
    plain = await room.ada.channel("plain")
    await room.bob.join(plain)
    served = await room.bob.channel("Bob's")
    await room.bob.bound_service(served)
    await room.ada.join(served)
    for socket in (room.ada_socket, room.bound):
        await socket.drain()
    await room.bob.post("/auth/delete_account")
    body = {"subtype": "leave", "channel_id": room.channel, "context": {}}
    assert await room.bound.next() == {
        "type": "action",
        "body": {**body, "sender": room.bob.user_id},
    }
    for channel in (plain, served):
        update = (await room.ada_socket.next())["body"]
        assert (update["subtype"], update["channel_id"]) == ("characters", channel)
        group = await room.ada.get("/user/group", group_id=update["content"]["characters"])
        assert group["characters"] == [room.ada.user_id]
    await room.ada_socket.nothing()


async def test_2_4_py_1_7_8_deletes_with_an_empty_body_and_needs_the_header(
    wire: Wire, eve: Person
) -> None:
    assert (await post(wire, "delete_account")).code == 10001
    reply = await post(wire, "delete_account", username=EVE, password="wrong")
    assert reply.code == 10006
    reply = await ask(wire.url, "POST", "/auth/delete_account", body={}, token=eve.token)
    assert reply.code == 10000
    assert (await sign_in(wire, "eve")).code == 10006


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("sign_in", ("username", "password")),
        ("sign_up", ("username", "password")),
        ("confirm_sign_up", ("username",)),
        ("resend_confirmation", ("username",)),
        ("forgot_password", ("username",)),
        ("confirm_reset_password", ("username", "password", "confirmation_code")),
        ("refresh", ("refresh_token",)),
        ("sign_out", ("access_token",)),
    ],
)
async def test_2_4_what_is_missing_or_no_text_is_10001(
    wire: Wire, path: str, fields: tuple[str, ...]
) -> None:
    whole: dict[str, Any] = dict.fromkeys(fields, "x")
    for field in fields:
        for broken in ({**whole, field: ""}, {**whole, field: 7}, {**whole, field: None}):
            reply = await post(wire, path, **broken)
            assert (reply.code, field in reply.json["message"]) == (10001, True)


QUICK = Limits(free_attempts=2, longest_wait_ms=4_000)


async def test_wrong_passwords_make_an_account_wait_and_nobody_else() -> None:
    now = [1_719_000_000_000]
    platform = LocalPlatform(PlatformOptions(limits=QUICK), clock=lambda: now[0])
    async with platform, wire_to(platform.url) as wire:
        eve, mia = await wire.sign_up("eve"), await wire.sign_up("mia")
        nobody = "nobody@example.net"
        for username in (eve.email, nobody):  # whether it exists cannot be told
            for _ in range(2):
                reply = await sign_in(wire, "wrong", username)
                assert reply.json["message"] == "Incorrect username or password"
            for password in ("wrong", "eve"):
                reply = await sign_in(wire, password, username.upper())
                expected = "Too many wrong attempts; try again in 1 s"
                assert (reply.status, reply.code, reply.json["msg"]) == (200, 10006, expected)
        assert (await sign_in(wire, "mia", mia.email)).code == 10000
        for wait in (1, 2, 4, 4):
            assert f"{wait} s" in (await sign_in(wire, "eve")).json["message"]
            now[0] += 1000 * wait
            assert "Incorrect" in (await sign_in(wire, "wrong")).json["message"]
        now[0] += 4000
        assert (await sign_in(wire, "eve")).code == 10000
        assert "Incorrect" in (await sign_in(wire, "wrong")).json["message"]  # counted anew


async def test_hashing_passwords_keeps_nobody_else_waiting(wire: Wire, eve: Person) -> None:
    with held_guesses():
        signing_in = [asyncio.ensure_future(sign_in(wire, "eve")) for _ in range(3)]
        await until(lambda: waiting_guesses() > 0)
        await eve.get("/user/info")
        assert not any(each.done() for each in signing_in)
    assert {(await each).code for each in signing_in} == {10000}


async def test_wrong_codes_make_an_account_wait_too(log: list[str]) -> None:
    options = PlatformOptions(limits=QUICK, confirm_sign_up=True)
    platform = LocalPlatform(options, clock=lambda: 1_719_000_000_000)
    async with platform, wire_to(platform.url) as wire:
        await post(wire, "sign_up", username=EVE, password="eve")
        code = code_in(log)
        for _ in range(2):
            reply = await post(wire, "confirm_sign_up", username=EVE, confirmation_code="-")
            assert "Incorrect" in reply.json["message"]
        reply = await post(wire, "confirm_sign_up", username=EVE, confirmation_code=code)
        assert "try again in 1 s" in reply.json["message"]
        await post(wire, "forgot_password", username=EVE)
        given = {"username": EVE, "password": "new", "confirmation_code": "-"}
        for _ in range(2):
            reply = await post(wire, "confirm_reset_password", **given)
            assert "Incorrect" in reply.json["message"]
        given["confirmation_code"] = code_in(log)
        reply = await post(wire, "confirm_reset_password", **given)
        assert "try again in 1 s" in reply.json["message"]


async def test_guessing_at_made_up_names_forgets_no_guess_at_real_ones(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_UNKNOWN", 2)
    options = PlatformOptions(limits=QUICK, confirm_sign_up=True)
    platform = LocalPlatform(options, clock=lambda: 1_719_000_000_000)
    async with platform, wire_to(platform.url) as wire:
        await post(wire, "sign_up", username=EVE, password="eve")
        await post(wire, "forgot_password", username=EVE)
        reset = {"confirmation_code": "-", "password": "new"}
        guesses: list[tuple[str, dict[str, str]]] = [
            ("sign_in", {"password": "wrong"}),
            ("confirm_sign_up", {"confirmation_code": "-"}),
            ("confirm_reset_password", reset),
        ]
        for path, given in guesses * 2:
            assert "Incorrect" in (await post(wire, path, username=EVE, **given)).json["message"]
        for number in range(10):
            for path, given in guesses:
                await post(wire, path, username=f"{number}@example.net", **given)
        for path, given in guesses:
            reply = await post(wire, path, username=EVE, **given)
            assert "try again in 1 s" in reply.json["message"], path


async def test_a_new_account_has_no_wrong_guesses_of_an_earlier_one_of_its_name() -> None:
    platform = LocalPlatform(PlatformOptions(limits=QUICK), clock=lambda: 1_719_000_000_000)
    async with platform, wire_to(platform.url) as wire:
        eve = await wire.sign_up("eve")
        for _ in range(2):
            await sign_in(wire, "wrong")
        assert "try again" in (await sign_in(wire, "eve")).json["message"]
        await eve.post("/auth/delete_account")
        await wire.sign_up("eve")
        assert (await sign_in(wire, "eve")).code == 10000


async def test_who_has_a_new_password_does_not_wait_for_wrong_ones_of_before(
    log: list[str],
) -> None:
    platform = LocalPlatform(PlatformOptions(limits=QUICK), clock=lambda: 1_719_000_000_000)
    async with platform, wire_to(platform.url) as wire:
        await wire.sign_up("eve")
        for _ in range(2):
            await sign_in(wire, "forgotten")
        assert "try again" in (await sign_in(wire, "eve")).json["message"]
        await post(wire, "forgot_password", username=EVE)
        given = {"username": EVE, "password": "new", "confirmation_code": code_in(log)}
        await post(wire, "confirm_reset_password", **given)
        assert (await sign_in(wire, "new")).code == 10000
