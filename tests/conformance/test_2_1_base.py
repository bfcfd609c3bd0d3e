"""Section 2.1: base URL, oddities of URLs and parameters, CORS."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.raw_http import ask
from tests.support.wire import Person, Wire, wire_to


@pytest.mark.parametrize("target", ["//user/info", "/user//info", "///user////info"])
async def test_2_1_repeated_slashes_are_one(ada: Person, target: str) -> None:
    reply = await ask(ada.wire.url, "GET", target, token=ada.token)
    assert (reply.status, reply.code) == (200, 10000)


async def test_2_1_py_0_0_1_signs_in_with_two_slashes(wire: Wire) -> None:
    await wire.sign_up("eve")
    body = {"username": "eve@example.net", "password": "eve"}
    assert (await ask(wire.url, "POST", "//auth/sign_in", body=body)).code == 10000


@pytest.mark.parametrize("target", ["/user/info/", "/user/info//", "/user/info?", "/user/info/?x"])
async def test_2_1_a_slash_at_the_end_does_not_matter(ada: Person, target: str) -> None:
    assert (await ask(ada.wire.url, "GET", target, token=ada.token)).code == 10000


async def test_2_1_a_whole_url_as_the_target_is_a_path(ada: Person) -> None:
    target = f"{ada.wire.url}/user/info"
    assert (await ask(ada.wire.url, "GET", target, token=ada.token)).code == 10000


async def test_2_1_query_strings_written_by_hand_are_understood(room: Room) -> None:
    ada, url = room.ada, room.ada.wire.url
    group = await ada.group(room.bob.user_id)
    target = f"/user/group?channel_id={room.channel}&user_id={ada.user_id}&group_id={group}"
    reply = await ask(url, "GET", target, token=ada.token)
    assert reply.json["data"]["characters"] == [room.bob.user_id]
    reply = await ask(url, "GET", f"/service/group?group_id={group}", token=ada.token)
    assert reply.json["data"]["characters"] == [room.bob.user_id]
    target = f"/service/character/list?service_id={room.service_id}"
    assert (await ask(url, "GET", target, token=ada.token)).json["data"] == []


# The endpoints a GET asks parameters of, and what it asks; endpoints 13, 18, 19, 26, 28 to 30, 34.
GETS = [
    "/character/fetch_profile",
    "/channel/character_list",
    "/channel/history_message",
    "/service/character/list",
    "/service/group",
    "/user/group",
    "/user/group/list",
    "/user/group/temp",
]


@pytest.mark.parametrize("path", GETS)
async def test_2_1_get_parameters_come_in_the_query_or_in_a_json_body(
    room: Room, path: str
) -> None:
    ada, url = room.ada, room.ada.wire.url
    given = {
        "channel_id": room.channel,
        "service_id": room.service_id,
        "group_id": await ada.group("x"),
        "character_list": ada.user_id,
    }
    query = "&".join(f"{name}={quote(value)}" for name, value in given.items())
    by_query = await ask(url, "GET", f"{path}?{query}", token=ada.token)
    by_body = await ask(url, "GET", path, body=given, token=ada.token)
    assert by_query.code == by_body.code == 10000
    assert by_query.json == by_body.json


@pytest.mark.parametrize("path", GETS)
async def test_2_1_a_get_without_any_parameters_does_not_fail(ada: Person, path: str) -> None:
    reply = await ask(ada.wire.url, "GET", path, token=ada.token)
    assert reply.status == 200
    assert reply.code in (10000, 10001)


async def test_2_1_the_query_goes_before_the_body(ada: Person) -> None:
    right, wrong = await ada.group("right"), await ada.group("wrong")
    target = f"/user/group?group_id={right}"
    reply = await ask(ada.wire.url, "GET", target, body={"group_id": wrong}, token=ada.token)
    assert reply.json["data"]["characters"] == ["right"]


@pytest.mark.parametrize("body", [b"not json", b"[]", b"null", b'"text"', b'{"a": "\xff"}', b"{"])
async def test_2_1_a_get_with_a_body_that_says_nothing_is_a_get_without(
    ada: Person, body: bytes
) -> None:
    reply = await ask(ada.wire.url, "GET", "/user/info", body=body, token=ada.token)
    assert reply.code == 10000


async def test_2_1_a_get_with_a_chunked_body_is_read_too(ada: Person) -> None:
    group = await ada.group("x")
    text = json.dumps({"group_id": group})
    body = f"{len(text):x}\r\n{text}\r\n0\r\n\r\n".encode()
    reply = await ask(
        ada.wire.url,
        "GET",
        "/user/group",
        body=body,
        token=ada.token,
        headers={"Transfer-Encoding": "chunked", "Content-Length": ""},
    )
    assert reply.status == 400  # both ways of saying how long it is: nobody's request
    async with ada.wire.session.get(
        ada.wire.url + "/user/group",
        data=text.encode(),
        chunked=True,
        headers={"Authorization": f"Bearer {ada.token}"},
    ) as response:
        assert (await response.json())["data"]["characters"] == ["x"]


@pytest.mark.parametrize(
    "query",
    [
        "character_list[]={a}&character_list[]={b}",
        "character_list%5B%5D={a}&character_list%5B%5D={b}",
        "character_list={a}&character_list={b}",
        "character_list={a},{b}",
        "character_list={a}%2C%20{b}",
        'character_list=["{a}","{b}"]',
        "character_list=%5B%22{a}%22%2C%20%22{b}%22%5D",
    ],
)
async def test_2_1_lists_come_in_every_form_browsers_have(
    ada: Person, bob: Person, query: str
) -> None:
    target = "/character/fetch_profile?" + query.format(a=bob.user_id, b=ada.user_id)
    reply = await ask(ada.wire.url, "GET", target, token=ada.token)
    found = [each["character_id"] for each in reply.json["data"]]
    assert found == [bob.user_id, ada.user_id]


@pytest.mark.parametrize("value", ["[", '["\\ud800"]', "[1]", '{"a":1}'])
async def test_2_1_a_list_that_is_none_is_refused_or_finds_nobody(ada: Person, value: str) -> None:
    target = f"/character/fetch_profile?character_list={quote(value)}"
    reply = await ask(ada.wire.url, "GET", target, token=ada.token)
    assert reply.code == 10001 or reply.json["data"] == []


async def test_2_1_plain_http_is_enough(ada: Person) -> None:
    assert ada.wire.url.startswith("http://")
    await ada.get("/user/info")


async def test_2_1_any_content_type_of_a_json_body_will_do(ada: Person) -> None:
    for kind in ("application/json", "text/plain", "application/octet-stream"):
        reply = await ask(
            ada.wire.url,
            "POST",
            "/user/info",
            body={"name": kind},
            token=ada.token,
            headers={"Content-Type": kind},
        )
        assert reply.json["data"]["context"]["name"] == kind


async def test_2_1_a_form_is_no_json(ada: Person) -> None:
    reply = await ask(ada.wire.url, "POST", "/user/info", body=b"name=Ada", token=ada.token)
    assert reply.code == 10001


CORS = ("access-control-allow-origin", "access-control-allow-methods")
FOREIGN = ["https://evil.example", "null", "http://localhost.evil.example"]


async def test_2_1_an_allowed_page_may_ask_and_read() -> None:
    page = "https://app.example"
    options = PlatformOptions(allow_origins=(page,))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        before = await ask(
            wire.url,
            "OPTIONS",
            "/user/info",
            headers={
                "Origin": page,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,auth-origin,content-type",
            },
        )
        assert before.status == 204
        for reply in (before, await ask(wire.url, "GET", "/user/info", headers={"Origin": page})):
            assert reply.headers["access-control-allow-origin"] == page
            assert reply.headers["vary"] == "Origin"
        allowed: Any = before.headers["access-control-allow-methods"].split(", ")
        assert {"GET", "POST", "OPTIONS"} <= set(allowed)
        allowed = before.headers["access-control-allow-headers"].split(", ")
        assert {"Authorization", "Auth-Origin", "Content-Type"} <= set(allowed)


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_2_1_a_foreign_page_is_refused_and_may_not_read_why(
    ada: Person, origin: str, method: str
) -> None:
    headers = {"Origin": origin}
    reply = await ask(ada.wire.url, method, "/user/info", token=ada.token, headers=headers)
    assert (reply.status, reply.code) == (403, 10003)
    assert not set(CORS) & set(reply.headers)
