"""Section 3.11: frames of other types, and decisions for bad input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.conformance.literal import action, body_of, message_down, message_up, say, update
from tests.local.conftest import Room
from tests.support.clock import forward_clock
from tests.support.wire import Wire, wire_to

ITEM = {"menu_item_id": "quote", "menu_item_text": "Quote"}
BUTTON = {"button_id": "order", "button_text": "Order"}


def dialog_of(**component: Any) -> list[dict[str, Any]]:
    """A button whose dialog has one component."""
    return [{**BUTTON, "dialog": {"components": [{"label": "Drink", **component}]}}]


async def test_3_11_a_refresh_as_its_own_type_is_delivered_as_an_action(room: Room) -> None:
    await room.bob_socket.good(type="refresh", body={"channel_id": room.channel, "context": {}})
    frame = await room.bound.next()
    assert (frame["type"], frame["body"]["subtype"]) == ("action", "refresh")


async def test_3_11_roger_is_acknowledged_and_has_no_effect(room: Room) -> None:
    await room.bob_socket.good(type="roger", body={"message_id": "MSG-2", "context": {}})
    await room.bound.nothing()


@pytest.mark.parametrize("kind", ["copy", "copy_client", "display"])
async def test_3_11_these_are_not_even_acknowledged(room: Room, wire: Wire, kind: str) -> None:
    for socket in (room.bob_socket, await wire.socket()):
        await socket.send(type=kind, body={"request_id": "REQ-9", "status": False})
        await socket.good(type="heartbeat", body={})


@pytest.mark.parametrize(
    "text",
    [
        *("not json", "", "[]", "3", "null", '"text"', "{}", '{"type": 1}', '{"type": null}'),
        *('{"body": {}}', '{"type": "heartbeat"', "[" * 100, '{"type": "update", "body": NaN}'),
    ],
)
async def test_3_11_the_unreadable_gets_the_gateway_error(wire: Wire, text: str) -> None:
    socket = await wire.socket()
    await socket.raw.send_str(text)
    frame = await socket.next()
    assert frame.keys() == {"message", "connectionId", "requestId"}
    assert frame["message"] == "Internal server error"
    assert all(isinstance(value, str) and value for value in frame.values())
    await socket.good(type="heartbeat", body={})


async def test_3_11_unknown_types_and_subtypes_are_refused(room: Room) -> None:
    assert await room.bob_socket.bad(type="dance", body={}) == "Unknown type: dance"
    for subtype in ("dance", "new_message", "fetch_nothing"):
        text = await room.bob_socket.bad(type="action", body=action(room, subtype))
        assert text == f"Unknown type: action {subtype}"
    body = update(room, "dance", [])
    text = await room.bound.bad(type="update", service_id=room.service_id, body=body)
    assert text == "Unknown type: update dance"
    await room.bob_socket.good(type="heartbeat", body={})


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"content": None}, "content is required"),
        ({"content": 7}, "content must be an object"),
        ({"channel_id": "nowhere"}, "Channel not found"),
        ({"channel_id": 7}, "channel_id must be a string"),
        ({"recipients": "no such group"}, "Group not found: no such group"),
        ({"recipients": [1]}, "recipients must be a list of character ids"),
        ({"recipients": {}}, "recipients must be a list of character ids"),
        ({"subtype": 1}, "subtype must be a string"),
        ({"context": "x"}, "context must be an object"),
        ({"content": {"text": 5}}, "content.text must be a string"),
        ({"content": {"path": ["x"]}}, "content.path must be a string"),
        ({"content": {"filename": {}}}, "content.filename must be a string"),
        ({"content": {"link": True}}, "content.link must be a string"),
        ({"content": {"size": "12"}}, "content.size must be a whole number"),
        ({"content": {"size": True}}, "content.size must be a whole number"),
    ],
)
async def test_3_11_a_wrong_field_is_named(room: Room, change: dict[str, Any], text: str) -> None:
    body = {**message_up(room), **change}
    assert await room.bob_socket.bad(type="message_up", body=body) == text
    await room.bound.nothing()
    body = {**message_down(room, [room.bob.user_id]), **change}
    frame = {"type": "message_down", "service_id": room.service_id, "body": body}
    assert await room.bound.bad(**frame) == text
    await room.bob_socket.nothing()


@pytest.mark.parametrize("body", [None, [], "text", 7])
@pytest.mark.parametrize("kind", ["message_up", "action"])
async def test_3_11_a_body_that_is_none_is_named(room: Room, kind: str, body: Any) -> None:
    expected = "body is required" if body is None else "body must be an object"
    assert await room.bob_socket.bad(type=kind, body=body) == expected


@pytest.mark.parametrize(
    ("subtype", "content", "text"),
    [
        ("buttons", [{"button_text": "x"}], "button_id is required"),
        ("buttons", ["x"], "content must be a list of objects"),
        ("menu", [{"menu_item_id": "x"}], "menu_item_text is required"),
        ("menu", [{**ITEM, "message_subtypes": 7}], "message_subtypes must be a list of strings"),
        ("menu", [{**ITEM, "message_subtypes": [7]}], "message_subtypes must be a list of strings"),
        ("canvas", 7, "content must be a list of objects"),
        ("canvas", [{"text": {"x": 1}}], "text must be a string"),
        ("canvas", [{"text": "x", "path": [1]}], "path must be a string"),
        ("style", [{"widget": 3}], "widget must be a string"),
        ("style", [{"button_hook": {"button_id": 3}}], "button_hook.button_id must be a string"),
        ("style", [{"expand": [1]}], "expand must be true or false"),
        ("buttons", dialog_of(choices=5), "choices must be a list of strings"),
        ("buttons", dialog_of(choices=[["x"]]), "choices must be a list of strings"),
        ("buttons", dialog_of(placeholder={}), "placeholder must be a string"),
        ("buttons", dialog_of(type=3), "type must be a string"),
        ("buttons", [{**BUTTON, "dialog": {"title": 3}}], "dialog.title must be a string"),
        (
            "buttons",
            [{**BUTTON, "dialog": {"bottom_buttons": [{"text": 3}]}}],
            "text must be a string",
        ),
        ("buttons", [{**BUTTON, "dialog": {"bottom_buttons": [{"id": 3}]}}], "id must be a string"),
        ("channel_info", [], "content must be an object"),
    ],
)
async def test_3_11_a_wrong_field_of_an_update_is_named(
    room: Room, subtype: str, content: Any, text: str
) -> None:
    body = update(room, subtype, content)
    frame = {"type": "update", "service_id": room.service_id, "body": body}
    assert await room.bound.bad(**frame) == text
    await room.bob_socket.nothing()


@pytest.mark.parametrize("request_id", [None, 7, ["x"]])
async def test_3_11_without_a_request_id_a_frame_is_processed(room: Room, request_id: Any) -> None:
    frame = {"type": "message_up", "body": message_up(room), "request_id": request_id}
    for _ in range(2):  # and two of them are two
        await room.bob_socket.raw.send_str(json.dumps(frame))
        copy = await room.bob_socket.copy()
        assert (copy["request_id"], copy["status"]) == ("", True)
        await room.bound.next()


async def test_3_11_before_the_login(wire: Wire) -> None:
    socket = await wire.socket()
    for kind in ("message_up", "message_down", "update", "action", "roger", "button_click"):
        assert await socket.bad(type=kind, body={}) == "You have not login yet"


async def test_3_11_bad_logins_are_answered_after_a_second() -> None:
    assert Limits().bad_login_seconds == 1.0
    options = PlatformOptions(limits=Limits(bad_login_seconds=500))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        socket, other = await wire.socket(), await wire.socket()
        await socket.send(type="user_login", access_token="wrong")
        await socket.send(type="heartbeat", body={})
        forward = forward_clock()
        for _ in range(2):  # others do not wait
            await other.good(type="heartbeat", body={})
            assert socket._copies.empty()
            forward(200)
        forward(600)
        assert (await socket.copy())["context"]["message"] == "Invalid access_token"
        assert (await socket.copy())["origin_type"] == "heartbeat"


async def test_3_11_after_five_bad_logins_in_a_row_the_socket_is_closed() -> None:
    options = PlatformOptions(limits=Limits(bad_login_seconds=0.01))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        socket = await wire.socket()
        wrong = {"type": "user_login", "access_token": "wrong"}
        for _ in range(4):
            await socket.bad(**wrong)
        await socket.good(type="user_login", access_token=ada.token)  # not in a row any more
        for _ in range(5):
            await socket.bad(**wrong)
        assert await socket.closed() == 1008


async def test_3_11_a_bad_login_takes_nothing_away(room: Room, wire: Wire) -> None:
    await room.bob_socket.bad(type="user_login", access_token="wrong")
    await say(room)
    assert (await body_of(room.bound))["sender"] == room.bob.user_id
