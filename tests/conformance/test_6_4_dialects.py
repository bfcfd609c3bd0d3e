"""Section 6.4: older names in, and older names out for whoever speaks them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import (
    UP_TIME,
    action,
    body_of,
    characters_of,
    message_up,
    show,
    tell,
    update,
)
from tests.local.conftest import Room
from tests.support.patience import PATIENCE
from tests.support.wire import Person, Socket, Wire

FETCHES = ("characters", "buttons", "canvas", "style", "channel_info", "context_menu", "menu")
MENU_CLICK: dict[str, Any] = {
    "item_id": "quote",
    "message_id": "MSG-2",
    "message_subtype": "text",
    "message_content": {"text": "welcome"},
    "context": {},
    "arguments": [],
}


# Inbound.


async def test_6_4_a_button_click_as_its_own_type_is_an_action(room: Room) -> None:
    click = {"button_id": "order", "channel_id": room.channel, "context": {}}
    arguments = [{"name": "Drink", "value": "tea"}]
    body = {**click, "arguments": arguments}
    await room.bob_socket.good(type="button_click", user_id=room.bob.user_id, body=body)
    assert await room.bound.next() == {
        "type": "action",
        "body": {
            **click,
            "subtype": "button_click",
            "arguments": [{"label": "Drink", "value": "tea"}],
            "bottom_button_id": "confirm",
            "sender": room.bob.user_id,
        },
    }


@pytest.mark.parametrize("kind", ["menu_click", "context_rclick", "action"])
async def test_6_4_a_menu_click_in_its_older_forms_is_an_action(room: Room, kind: str) -> None:
    body = {**MENU_CLICK, "channel_id": room.channel}
    if kind == "action":
        body["subtype"] = "menu_click"
    await room.bob_socket.good(type=kind, body=body)
    frame = await room.bound.next()
    assert frame["type"] == "action"
    assert frame["body"]["subtype"] == "menu_item_click"
    assert frame["body"]["menu_item_id"] == "quote"
    assert "item_id" not in frame["body"]


async def test_6_4_a_refresh_as_its_own_type_is_an_action(room: Room) -> None:
    await room.bob_socket.good(type="refresh", body={"channel_id": room.channel})
    assert (await body_of(room.bound))["subtype"] == "refresh"


async def test_6_4_a_volley_of_fetches_is_one_refresh_and_each_is_acknowledged(room: Room) -> None:
    for what in FETCHES:
        await room.bob_socket.good(type="action", body=action(room, f"fetch_{what}"))
    assert (await body_of(room.bound))["subtype"] == "refresh"
    await room.bound.nothing()


async def test_6_4_every_user_and_channel_has_a_window_of_its_own(room: Room) -> None:
    there = await room.ada.channel("There")
    await room.ada.post("/service/bind", channel_id=there, service_id=room.service_id)
    await room.bob_socket.good(type="action", body=action(room, "fetch_style"))
    await room.ada_socket.good(type="action", body=action(room, "fetch_style"))
    body = action(room, "fetch_style", channel_id=there)
    await room.ada_socket.good(type="action", body=body)
    bodies = [await body_of(room.bound) for _ in range(3)]
    found = [(each["sender"], each["channel_id"]) for each in bodies]
    bob, ada = room.bob.user_id, room.ada.user_id
    assert found == [(bob, room.channel), (ada, room.channel), (ada, there)]


async def test_6_4_a_refresh_is_never_held_back(room: Room) -> None:
    for _ in range(3):
        await room.bob_socket.good(type="action", body=action(room, "refresh"))
    for _ in range(3):
        assert (await body_of(room.bound))["subtype"] == "refresh"


@pytest.mark.parametrize(
    ("older", "modern"),
    [
        ("update_buttons", "buttons"),
        ("update_canvas", "canvas"),
        ("update_style", "style"),
        ("update_context_menu", "menu"),
        ("update_menu", "menu"),
        ("context_menu", "menu"),
    ],
)
async def test_6_4_update_subtypes_lose_their_prefix(room: Room, older: str, modern: str) -> None:
    await show(room, older, [])
    assert (await body_of(room.bob_socket))["subtype"] == modern


async def test_6_4_older_characters_and_channel_info(room: Room) -> None:
    await show(room, "update_characters", {"characters": ["OWL"]})
    body = await body_of(room.bob_socket)
    assert body["subtype"] == "characters"
    assert await characters_of(room.bob, body["content"]["characters"]) == ["OWL"]
    await show(room, "update_channel_info", {"channel_id": room.channel})
    assert (await body_of(room.bob_socket))["subtype"] == "channel_info"


async def test_6_4_older_buttons_are_delivered_in_the_modern_shape(room: Room) -> None:
    bottom = [{"text": "Later", "type": "cancel"}, {"text": "Now", "type": "confirm"}]
    arguments = [
        {"name": "Drink", "type": "enum", "optional": False, "values": ["tea"]},
        {"name": "Note", "type": "string", "optional": True, "placeholder": "none"},
        {"name": "Cups", "type": "number"},
    ]
    order = {"button_id": "order", "button_name": "Order", "new_window": True}
    older = [
        {**order, "arguments": arguments, "bottom_buttons": bottom},
        {"button_id": "ring", "button_name": "Ring the bell", "new_window": False},
        {"button_id": "both", "button_name": "old", "button_text": "new", "new_window": "false"},
    ]
    await show(room, "update_buttons", older, group_id="temp", context={})
    content = (await body_of(room.bob_socket))["content"]
    assert content[1:] == [
        {"button_id": "ring", "button_text": "Ring the bell", "dialog": None},
        {"button_id": "both", "button_text": "new", "dialog": None},
    ]
    component = {"type": "text", "required": False, "placeholder": None, "choices": None}
    assert content[0] == {
        "button_id": "order",
        "button_text": "Order",
        "dialog": {
            "title": "Dialog",
            "components": [
                {**component, "label": "Drink", "type": "dropdown", "required": True}
                | {"choices": ["tea"]},
                {**component, "label": "Note", "placeholder": "none"},
                {**component, "label": "Cups", "type": "number"},
            ],
            "bottom_buttons": [
                {"id": "later", "text": "Later", "submit": False},
                {"id": "now", "text": "Now", "submit": True},
            ],
        },
    }


async def test_6_4_older_menus_are_delivered_in_the_modern_shape(room: Room) -> None:
    older = {"item_id": "quote", "item_name": "Quote", "support_subtype": ["text"]}
    await show(room, "update_context_menu", [{**older, "new_window": False}])
    assert (await body_of(room.bob_socket))["content"] == [
        {
            "menu_item_id": "quote",
            "menu_item_text": "Quote",
            "message_subtypes": ["text"],
            "dialog": None,
        }
    ]


async def test_6_4_frames_of_0_0_1_are_understood(room: Room) -> None:
    to = [room.ada.user_id, room.bob.user_id]
    up = message_up(room, to, content={"text": "hello"})
    await room.bob_socket.raw.send_json(
        {"type": "msg_up", "request_id": "R", "client_id": "x", "body": up}
    )
    body = await body_of(room.bound)
    assert body["sender"] == room.bob.user_id
    assert await characters_of(room.ada, body["recipients"]) == to
    call = {"feature_id": "order", "channel_id": room.channel, "context": {}}
    arguments = [{"name": "Drink", "value": 3}]
    await room.bob_socket.raw.send_json(
        {"type": "feature_call", "request_id": "R2", "body": {**call, "arguments": arguments}}
    )
    click = await body_of(room.bound)
    assert (click["subtype"], click["button_id"]) == ("button_click", "order")
    assert click["arguments"] == [{"label": "Drink", "value": "3"}]


async def test_6_4_a_service_of_0_0_1_is_understood(room: Room) -> None:
    async def send(kind: str, **body: Any) -> dict[str, Any]:
        frame = {"type": kind, "request_id": "", "client_id": room.service_id}
        to = {"channel_id": room.channel, "recipients": [room.bob.user_id]}
        await room.bound.raw.send_json({**frame, "body": {**to, **body}})
        return await body_of(room.bob_socket)

    down = await send("msg_down", subtype="text", content={"text": "hi"}, sender="OWL")
    assert (down["content"], down["sender"]) == ({"text": "hi"}, "OWL")
    people = [{"user_id": "OWL", "context": {}}, {"user_id": room.bob.user_id, "context": {}}]
    shown = await send("update", subtype="update_userlist", userlist=people, context={})
    group = shown["content"]["characters"]
    assert await characters_of(room.bob, group) == ["OWL", room.bob.user_id]
    feature = {"feature_id": "order", "feature_name": "Order", "new_window": False}
    shown = await send("update", subtype="update_features", features=[feature], group_id="temp")
    button = {"button_id": "order", "button_text": "Order", "dialog": None}
    assert (shown["subtype"], shown["content"]) == ("buttons", [button])
    pane = {"text": "Stage", "path": None}
    shown = await send("update", subtype="update_playground", content=pane)
    assert (shown["subtype"], shown["content"]) == ("canvas", [pane])


# Outbound, by choice and by detection.


async def test_6_4_d2_is_the_default(room: Room) -> None:
    await room.bob_socket.good(type="action", body=action(room, "join_channel"))
    await room.bob_socket.good(type="action", body=action(room, "refresh"))
    assert (await body_of(room.bound))["subtype"] == "refresh"


async def service_in(room: Room, how: str) -> Socket:
    """Return the service's socket as that of a service of 1.3.7."""
    if how == "chosen":
        return await room.ada.service_socket(room.service_id, "/?dialect=d1")
    await show(room, "update_canvas", [])
    await room.bob_socket.next()
    return room.bound


@pytest.mark.parametrize("how", ["chosen", "detected"])
async def test_6_4_a_d1_service_receives_what_1_3_7_knows(room: Room, cy: Person, how: str) -> None:
    service = await service_in(room, how)
    socket, sender = await cy.user_socket(), {"sender": cy.user_id}
    where = {"channel_id": room.channel, "context": {}}
    for subtype in ("join", "leave", "join"):
        await socket.good(type="action", body=action(room, subtype))
        body = {"subtype": f"{subtype}_channel", **where, **sender}
        assert await service.next() == {"type": "action", "body": body}
    await socket.good(type="action", body=action(room, "refresh"))
    for part in ("characters", "buttons", "canvas", "context_menu", "channel_info"):
        body = {"subtype": f"fetch_{part}", **where, **sender}
        assert await service.next() == {"type": "action", "body": body}
    arguments = [{"label": "Drink", "value": "tea"}]
    body = action(room, "button_click", button_id="order", arguments=arguments)
    await socket.good(type="action", body=body)
    click = {"button_id": "order", "arguments": [{"name": "Drink", "value": "tea"}], **where}
    more = {"bottom_button_id": "confirm", "button_type": "button"}
    assert await service.next() == {"type": "button_click", "body": {**click, **more, **sender}}
    menu = {**MENU_CLICK, "bottom_button_id": "confirm"}
    await socket.good(type="action", body=action(room, "menu_click", **menu))
    body = {**menu, **where, **sender}
    assert await service.next() == {"type": "menu_click", "body": body}
    await socket.good(type="message_up", body=message_up(room))
    up = await service.next()
    assert up["type"] == "message_up"
    assert {"message_id", "sender", "recipients", "context"} <= up["body"].keys()


async def test_6_4_a_d1_menu_click_has_a_message_id_even_if_none_was_sent(room: Room) -> None:
    service = await service_in(room, "chosen")
    body = action(room, "menu_item_click", menu_item_id="quote")
    await room.bob_socket.good(type="action", body=body)
    assert (await body_of(service))["message_id"] == ""


@pytest.mark.parametrize("how", ["chosen", "fetch_buttons", "button_click", "menu_click"])
async def test_6_4_a_d1_user_receives_older_updates(room: Room, how: str) -> None:
    socket = await room.bob.user_socket("/?dialect=d1" if how == "chosen" else "/")
    if how == "fetch_buttons":
        await socket.good(type="action", body=action(room, how))
    elif how != "chosen":
        body = {**MENU_CLICK, "button_id": "order", "channel_id": room.channel}
        await socket.good(type=how, body=body)
    button = {"button_id": "ring", "button_text": "Ring", "dialog": None}
    await show(room, "buttons", [button], group_id="temp", context={})
    assert await socket.next() == {
        "type": "update",
        "body": {
            "subtype": "update_buttons",
            "channel_id": room.channel,
            "group_id": "temp",
            "context": {},
            "content": [
                {
                    "button_id": "ring",
                    "button_name": "Ring",
                    "new_window": False,
                    "arguments": [],
                    "bottom_buttons": None,
                }
            ],
        },
    }
    await show(room, "menu", [])
    assert (await body_of(socket))["subtype"] == "update_context_menu"
    # The same user's other connection is not a D1 one.
    assert (await body_of(room.bob_socket))["subtype"] == "buttons"
    await tell(room, [room.bob.user_id])
    assert (await socket.next())["type"] == "message_down"


async def test_6_4_who_chose_d2_stays_with_it(room: Room) -> None:
    socket = await room.bob.user_socket("/?dialect=D2")
    await socket.good(type="action", body=action(room, "fetch_buttons"))
    await show(room, "buttons", [])
    assert (await body_of(socket))["subtype"] == "buttons"


async def test_6_4_an_unknown_dialect_is_none(room: Room) -> None:
    socket = await room.bob.user_socket("/?dialect=klingon")
    await show(room, "buttons", [])
    assert (await body_of(socket))["subtype"] == "buttons"


async def test_6_4_a_d0_service_receives_what_0_0_1_knows(room: Room, wire: Wire) -> None:
    async with wire.session.ws_connect(wire.url) as raw:
        await raw.send_json({"type": "ping", "request_id": "REQ-1"})
        await raw.receive_json(timeout=PATIENCE)
        login = {"type": "service_login", "client_id": room.service_id}
        await raw.send_json({**login, "request_id": "REQ-2", "access_token": room.ada.token})
        frame = await raw.receive_json(timeout=PATIENCE)
        assert (frame["type"], frame["body"]["status"]) == ("copy_client", True)
        to = [room.ada.user_id, room.bob.user_id]
        await room.bob_socket.good(type="message_up", body=message_up(room, to))
        frame = await raw.receive_json(timeout=PATIENCE)
        body = frame["body"]
        assert frame == {
            "type": "msg_up",
            "body": {
                "subtype": "text",
                "content": {"text": "hello all"},
                "channel_id": room.channel,
                "timestamp": UP_TIME,
                "recipients": to,
                "msg_id": body["msg_id"],
                "context": {"recipients": to, "group_id": None, "sender": room.bob.user_id},
            },
        }
        body = action(room, "button_click", button_id="order")
        await room.bob_socket.good(type="action", body=body)
        frame = await raw.receive_json(timeout=PATIENCE)
        assert (frame["type"], frame["body"]["feature_id"]) == ("feature_call", "order")


async def test_6_4_a_d0_user_sees_characters_without_groups(room: Room, wire: Wire) -> None:
    socket = await room.bob.user_socket("/?dialect=d2")
    async with wire.session.ws_connect(wire.url + "/?dialect=d0") as raw:
        login = {"type": "user_login", "request_id": "REQ-1", "access_token": room.bob.token}
        await raw.send_json(login)
        await raw.receive_json(timeout=PATIENCE)
        body = update(room, "characters", {"characters": ["OWL", room.bob.user_id]})
        await room.bound.good(type="update", service_id=room.service_id, body=body)
        assert await raw.receive_json(timeout=PATIENCE) == {
            "type": "update",
            "body": {
                "subtype": "update_userlist",
                "channel_id": room.channel,
                "userlist": ["OWL", room.bob.user_id],
                "context": {},
            },
        }
        assert (await body_of(socket))["subtype"] == "characters"
