"""Appendix A: the exact keys of what is delivered; original clients break on one more or less.

Every frame is provoked twice: by a client that sends as much as there is, extra keys included,
and by one that leaves out whatever it may.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import body_of
from tests.local.conftest import Room

FULL = {"extra": 1, "user_data": {}, "message_id": "MSG-9", "sender": "forged", "labels": ["a"]}
MESSAGE = {"subtype", "channel_id", "content", "timestamp", "sender", "message_id", "context"}
SIMPLE = {"subtype", "channel_id", "sender", "context"}
CLICK = SIMPLE | {"arguments", "bottom_button_id"}
MENU_CLICK = CLICK | {"menu_item_id", "message_subtype", "message_content"}
UPDATE = {"subtype", "channel_id", "content"}


async def test_a_copy(room: Room) -> None:
    for frame in (
        {"type": "heartbeat", "body": {}, **FULL},
        {"type": "message_up", "body": {}},
        {"type": "user_login", "access_token": room.bob.token},
        {"type": "dance"},
    ):
        body = await room.bob_socket.ask(**frame)
        assert body.keys() == {"request_id", "origin_type", "status", "context"}
        assert isinstance(body["request_id"], str) and isinstance(body["status"], bool)
        assert isinstance(body["context"], dict)


@pytest.mark.parametrize("more", [FULL, {}])
async def test_a_1_8_0_service_message_up(room: Room, more: dict[str, Any]) -> None:
    body = {"subtype": "text", "channel_id": room.channel, "content": {}, **more}
    await room.bob_socket.good(type="message_up", body=body)
    delivered = await body_of(room.bound)
    assert delivered.keys() == MESSAGE | {"recipients"}
    assert isinstance(delivered["recipients"], str)
    assert delivered["message_id"] != "MSG-9"


@pytest.mark.parametrize("more", [FULL, {}])
async def test_a_1_8_0_user_message_down(room: Room, more: dict[str, Any]) -> None:
    body = {"subtype": "text", "channel_id": room.channel, "content": {}, "sender": "OWL"}
    to = {"recipients": [room.bob.user_id]}
    sent = {**more, **body, **to}
    await room.bound.good(type="message_down", service_id=room.service_id, body=sent)
    assert (await body_of(room.bob_socket)).keys() == MESSAGE


@pytest.mark.parametrize("extras", [{"group_id": "temp", "context": {}}, {"context": {}}, {}])
@pytest.mark.parametrize("subtype", ["characters", "buttons", "menu", "canvas", "style"])
async def test_a_1_8_0_user_update(room: Room, subtype: str, extras: dict[str, Any]) -> None:
    content: Any = {"characters": ["OWL"]} if subtype == "characters" else []
    body = {"subtype": subtype, "channel_id": room.channel, "content": content}
    sent = {**FULL, **body, **extras, "recipients": [room.bob.user_id]}
    await room.bound.good(type="update", service_id=room.service_id, body=sent)
    delivered = await body_of(room.bob_socket)
    assert delivered.keys() == UPDATE | extras.keys()
    if subtype == "characters":
        assert isinstance(delivered["content"]["characters"], str)


@pytest.mark.parametrize("group_id", [None, 7, ["temp"]])
async def test_a_group_id_and_context_of_another_type_are_left_out(
    room: Room, group_id: Any
) -> None:
    body: dict[str, Any] = {
        "subtype": "canvas",
        "channel_id": room.channel,
        "content": [],
        "context": None,
    }
    sent = {**body, "group_id": group_id, "recipients": [room.bob.user_id]}
    await room.bound.good(type="update", service_id=room.service_id, body=sent)
    assert (await body_of(room.bob_socket)).keys() == UPDATE


@pytest.mark.parametrize("more", [FULL, {}])
@pytest.mark.parametrize("subtype", ["refresh", "leave", "join"])
async def test_a_1_8_0_service_simple_actions(
    room: Room, subtype: str, more: dict[str, Any]
) -> None:
    if subtype == "join":
        leave = {"subtype": "leave", "channel_id": room.channel}
        await room.bob_socket.good(type="action", body=leave)
        await room.bound.next()
    body = {**more, "subtype": subtype, "channel_id": room.channel}
    await room.bob_socket.good(type="action", body=body)
    delivered = await body_of(room.bound)
    assert delivered.keys() == SIMPLE
    assert delivered["sender"] == room.bob.user_id


@pytest.mark.parametrize(
    ("more", "optional"), [(FULL, {"labels"}), ({"button_type": "x"}, {"button_type"}), ({}, set())]
)
async def test_a_1_8_0_service_button_click(
    room: Room, more: dict[str, Any], optional: set[str]
) -> None:
    body = {**more, "subtype": "button_click", "channel_id": room.channel, "button_id": "ring"}
    await room.bob_socket.good(type="action", body=body)
    delivered = await body_of(room.bound)
    assert delivered.keys() == CLICK | {"button_id"} | optional


@pytest.mark.parametrize(("more", "optional"), [(FULL, {"message_id"}), ({}, set())])
async def test_a_1_8_0_service_menu_item_click(
    room: Room, more: dict[str, Any], optional: set[str]
) -> None:
    named = {"subtype": "menu_item_click", "channel_id": room.channel, "menu_item_id": "quote"}
    await room.bob_socket.good(type="action", body={**more, **named})
    assert (await body_of(room.bound)).keys() == MENU_CLICK | optional


@pytest.mark.parametrize("more", [FULL, {}])
async def test_a_1_3_7_service_clicks(room: Room, more: dict[str, Any]) -> None:
    service = await room.ada.service_socket(room.service_id, "/?dialect=d1")
    where = {"channel_id": room.channel}
    body = {**more, **where, "button_id": "ring"}
    await room.bob_socket.good(type="button_click", body=body)
    frame = await service.next()
    mandatory = {"button_id", "channel_id", "button_type", "sender", "arguments", "context"}
    assert frame["type"] == "button_click"
    assert mandatory <= frame["body"].keys()
    assert isinstance(frame["body"]["button_type"], str)
    await room.bob_socket.good(type="menu_click", body={**more, **where, "item_id": "quote"})
    frame = await service.next()
    mandatory = {"item_id", "message_subtype", "message_content", "channel_id", "sender", "context"}
    assert frame["type"] == "menu_click"
    assert mandatory | {"message_id", "arguments"} <= frame["body"].keys()


async def test_a_js_reads_the_request_id_of_every_copy(room: Room) -> None:
    for number, kind in enumerate(("heartbeat", "roger", "refresh", "dance", "message_up")):
        request_id = f"JS-{number}"
        body = {"channel_id": room.channel, "subtype": "text"}
        await room.bob_socket.send(type=kind, request_id=request_id, body=body)
        assert (await room.bob_socket.copy())["request_id"] == request_id


async def test_a_where_recipients_are_there_is_a_channel(room: Room) -> None:
    # Python resolves a group by its channel, so neither may come alone.
    body = {"subtype": "text", "channel_id": "", "content": {}, "recipients": [room.ada.user_id]}
    await room.bob_socket.good(type="message_up", body=body)
    delivered = await body_of(room.bound)
    assert delivered["channel_id"] == room.channel
