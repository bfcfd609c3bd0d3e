"""Section 2.3: the envelope, its codes, and the HTTP status around it."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.disk import disk_full_after
from tests.support.raw_http import Reply, ask, exchange, parsed
from tests.support.wire import Person, Wire, wire_to


async def refusals(ada: Person, bob: Person) -> dict[int, Reply]:
    """One request for every code of the table, by the code expected."""
    url, channel = ada.wire.url, await ada.channel()
    await ada.bound_service(channel)
    other = (await ada.post("/service/create", description=""))["service_id"]
    pair = {"channel_id": channel, "service_id": other}
    taken = {"username": bob.email, "password": "x"}
    return {
        10001: await ask(url, "POST", "/service/bind", body={}, token=ada.token),
        10002: await ask(url, "POST", "/channel/update", body={"channel_id": "x"}, token=ada.token),
        10003: await ask(
            url, "POST", "/channel/update", body={"channel_id": channel}, token=bob.token
        ),
        10004: await ask(url, "POST", "/service/bind", body=pair, token=ada.token),
        10005: await ask(url, "GET", "/user/info"),
        10006: await ask(url, "POST", "/auth/sign_in", body=taken),
        10007: await ask(url, "POST", "/auth/sign_up", body=taken),
    }


async def test_2_3_business_errors_are_200_with_a_code_and_a_text(ada: Person, bob: Person) -> None:
    for code, reply in (await refusals(ada, bob)).items():
        assert (reply.status, reply.code) == (200, code)
        assert reply.json["message"]
        assert reply.json["data"] == {}


async def test_2_3_success_says_so_twice(ada: Person) -> None:
    reply = await ask(ada.wire.url, "GET", "/channel/list", token=ada.token)
    assert reply.json == {"code": 10000, "message": "Success", "msg": "Success", "data": []}
    assert reply.headers["content-type"].startswith("application/json")


async def test_2_3_data_is_there_when_there_is_nothing_to_say(ada: Person) -> None:
    channel = await ada.channel()
    service = await ada.bound_service(channel)
    body = {"channel_id": channel, "service_id": service}
    reply = await ask(ada.wire.url, "POST", "/service/unbind", body=body, token=ada.token)
    assert reply.json["data"] == {}


@pytest.mark.parametrize(
    ("path", "empty"),
    [
        ("/channel/list", []),
        ("/channel/popular", []),
        ("/service/list", []),
        ("/user/group/list", []),
        ("/user/group?group_id=x", {}),
        ("/service/group?group_id=x", {}),
        ("/character/fetch_profile", []),
    ],
)
async def test_2_3_data_has_its_type_when_it_is_empty(ada: Person, path: str, empty: Any) -> None:
    assert (await ask(ada.wire.url, "GET", path, token=ada.token)).json["data"] == empty


@pytest.mark.parametrize("path", ["/no/such/path", "/auth", "/userinfo", "/user/info/more", "/%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_2_3_an_unknown_path_is_404_with_an_envelope(
    wire: Wire, method: str, path: str
) -> None:
    reply = await ask(wire.url, method, path)
    assert (reply.status, reply.code) == (404, 10404)


async def test_2_3_an_internal_error_is_500_with_an_envelope(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        with disk_full_after(500_000):
            for letter in "ab" * 50:  # until the journal does not fit any more
                body = {"description": letter * 16_000}
                reply = await ask(wire.url, "POST", "/user/info", body=body, token=ada.token)
                if reply.status != 200:
                    break
        assert (reply.status, reply.code) == (500, 10500)
        assert (reply.json["message"], reply.json["data"]) == ("Internal server error", {})


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/auth/sign_in", "POST, OPTIONS"),
        ("POST", "/channel/list", "GET, HEAD, OPTIONS"),
        ("DELETE", "/user/info", "GET, POST, HEAD, OPTIONS"),
        ("PUT", "/files/x", "GET, POST, HEAD, OPTIONS"),
        ("PATCH", "/user/group/temp/", "GET, POST, HEAD, OPTIONS"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
    ],
)
async def test_2_3_a_wrong_method_is_405_and_says_which_are_right(
    wire: Wire, method: str, path: str, allow: str
) -> None:
    reply = await ask(wire.url, method, path)
    assert (reply.status, reply.code) == (405, 10404)
    assert reply.headers["allow"] == allow


async def test_2_3_head_is_get_without_a_body(ada: Person) -> None:
    reply = await ask(ada.wire.url, "HEAD", "/channel/list", token=ada.token)
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[]",
        b"null",
        b"{",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b'{"name": NaN}',
        b"[" * 100_000,
        b"{}{}",
        "\ufeff{}".encode(),
    ],
)
async def test_2_3_a_body_that_is_no_object_is_10001(ada: Person, body: bytes) -> None:
    reply = await ask(ada.wire.url, "POST", "/user/info", body=body, token=ada.token)
    assert (reply.status, reply.code) == (200, 10001)


@pytest.mark.parametrize("value", [1, True, [], {}, [["x"]], 10**400, 1e300])
@pytest.mark.parametrize("field", ["channel_name", "context"])
async def test_2_3_a_parameter_of_another_type_is_10001(
    ada: Person, field: str, value: Any
) -> None:
    if field == "context" and value == {}:
        value = {"channel_description": []}
    body = {"channel_name": "Tea", "context": {}, field: value}
    reply = await ask(ada.wire.url, "POST", "/channel/create", body=body, token=ada.token)
    assert (reply.code, field in reply.json["message"] or "channel_" in reply.json["message"]) == (
        10001,
        True,
    )


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/channel/create", "channel_name"),
        ("/channel/update", "channel_id"),
        ("/service/bind", "channel_id"),
        ("/service/character/create", "service_id"),
        ("/service/group/create", "characters"),
        ("/user/group/create", "channel_id"),
    ],
)
async def test_2_3_a_missing_parameter_is_named(ada: Person, path: str, field: str) -> None:
    reply = await ask(ada.wire.url, "POST", path, body={}, token=ada.token)
    assert (reply.code, reply.json["message"]) == (10001, f"{field} is required")


SMALL = PlatformOptions(limits=Limits(body_bytes=1000, name_chars=20, text_chars=100))


async def test_a_body_above_the_limit_is_413_with_an_envelope() -> None:
    async with LocalPlatform(SMALL) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        for content in (b"x" * 1001, b"x" * 5_000_000):
            reply = await ask(wire.url, "POST", "/user/info", body=content, token=ada.token)
            assert (reply.status, reply.code) == (413, 10001)
            assert "1000 bytes" in reply.json["message"]
        await ada.post("/user/info", description="x" * 100)


async def test_texts_above_the_limit_are_refused_by_name() -> None:
    async with LocalPlatform(SMALL) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        for field, most in (("name", 20), ("description", 100), ("avatar", 100)):
            await ada.post("/user/info", **{field: "é" * most})
            body = {field: "é" * (most + 1)}
            reply = await ask(wire.url, "POST", "/user/info", body=body, token=ada.token)
            expected = f"{field} may have at most {most} characters"
            assert (reply.code, reply.json["message"]) == (10001, expected)
        given = {"channel_name": "x" * 21, "context": {}}
        assert await ada.refused("POST", "/channel/create", **given) == 10001
        assert await ada.refused("POST", "/service/group/create", characters=["x" * 21]) == 10001


async def test_a_header_above_the_limit_is_answered_and_nobody_else_notices(wire: Wire) -> None:
    reply = await ask(wire.url, "GET", "/healthz", headers={"X-Long": "x" * 100_000})
    assert reply.status in (400, 431)
    reply = await ask(wire.url, "GET", "/healthz?" + "x" * 100_000)
    assert reply.status in (400, 414)
    assert (await ask(wire.url, "GET", "/healthz")).status == 200


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\r\n\r\nnonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"FROB /user/info HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_answered_with_400_and_nobody_else_notices(
    wire: Wire, log: list[str], request_bytes: bytes
) -> None:
    raw = await exchange(wire.url, request_bytes, hang_up=True)
    assert not raw or parsed(raw).status in (400, 505)
    assert (await ask(wire.url, "GET", "/healthz")).status == 200
    assert "Traceback" not in "".join(log)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_encoded_as_it_says_is_10001(
    ada: Person, log: list[str], encoding: str
) -> None:
    headers = {"Content-Encoding": encoding}
    url = ada.wire.url
    reply = await ask(url, "POST", "/user/info", body=b"neither", token=ada.token, headers=headers)
    assert (reply.status, reply.code) == (200, 10001)
    assert "Traceback" not in "".join(log)


async def test_an_encoded_body_is_as_large_as_what_comes_of_it(ada: Person) -> None:
    headers = {"Content-Encoding": "gzip"}
    small = gzip.compress(b'{"name": "Ada L."}')
    large = gzip.compress(b" " * 50_000_000)
    for content, status in ((small, 200), (large, 413)):
        reply = await ask(
            ada.wire.url, "POST", "/user/info", body=content, token=ada.token, headers=headers
        )
        assert reply.status == status
    assert (await ada.get("/user/info"))["context"]["name"] == "Ada L."


async def test_a_client_that_hangs_up_within_its_body_is_no_crash(
    ada: Person, log: list[str]
) -> None:
    head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {ada.token}\r\nContent-Length: 100\r\n"
    request = f"POST /user/info HTTP/1.1\r\n{head}\r\n{{".encode()
    assert await exchange(ada.wire.url, request, hang_up=True) == b""
    await ada.get("/user/info")
    assert "Traceback" not in "".join(log)


async def test_a_body_that_never_comes_is_given_up() -> None:
    options = PlatformOptions(limits=Limits(stalled_seconds=0.1))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        head = f"Host: 127.0.0.1\r\nAuthorization: Bearer {ada.token}\r\nContent-Length: 10\r\n"
        request = f"POST /user/info HTTP/1.1\r\n{head}\r\n{{".encode()
        raw = await exchange(wire.url, request, until=b"}}")
        assert (parsed(raw).status, parsed(raw).code) == (408, 10001)
