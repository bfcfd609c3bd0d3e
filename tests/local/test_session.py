"""Section 3 and 4 of the wire reference, with literal frames over real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest

from moobius.local import LocalPlatform
from tests.local.conftest import Room
from tests.support.wire import Person, Wire

FEATURES = ["deduplicate", "inline_recipients"]


async def test_3_1_sockets_open_on_both_paths_with_any_query(wire: Wire) -> None:
    for path in ("/", "/ws", "/ws?dialect=d1", "//ws"):
        socket = await wire.socket(path)
        await socket.good(type="heartbeat", body={})


async def test_3_3_a_copy_has_exactly_these_keys(wire: Wire) -> None:
    socket = await wire.socket()
    await socket.raw.send_str('{"type": "heartbeat", "request_id": "REQ-1", "body": {}}')
    body = await socket.copy()
    assert body == {
        "request_id": "REQ-1",
        "origin_type": "heartbeat",
        "status": True,
        "context": {},
    }


async def test_3_4_service_login_tells_the_features(ada: Person) -> None:
    service_id = (await ada.post("/service/create", description="x"))["service_id"]
    socket = await ada.wire.socket()
    login = {"type": "service_login", "auth_origin": "cognito", "access_token": ada.token}
    for _ in range(2):
        body = await socket.ask(**login, service_id=service_id)
        assert body["status"] is True
        assert body["context"] == {"message": "Login successful", "features": FEATURES}


async def test_3_4_an_empty_service_id_logs_in_the_account(room: Room) -> None:
    socket = await room.ada.service_socket("")
    body = _message_down(room, [room.bob.user_id])
    await socket.good(type="message_down", service_id=room.service_id, body=body)
    assert (await room.bob_socket.next())["type"] == "message_down"


async def test_3_4_a_foreign_service_is_refused(room: Room) -> None:
    socket = await room.bob.wire.socket()
    login = {"type": "service_login", "access_token": room.bob.token}
    text = await socket.bad(**login, service_id=room.service_id)
    assert text == "Service not found for this access_token"


async def test_3_6_ping_is_a_heartbeat(wire: Wire) -> None:
    socket = await wire.socket()
    body = await socket.ask(type="ping")
    assert (body["status"], body["context"]) == (True, {})


async def test_3_7_message_up_reaches_the_service_with_everything_added(room: Room) -> None:
    group = (
        await room.bob.post(
            "/user/group/create",
            channel_id=room.channel,
            group_name="Both",
            characters=[room.ada.user_id, "OWL"],
        )
    )["group_id"]
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "hello all"},
        "recipients": group,
        "timestamp": 1719000000123,
        "context": {"mood": "fine"},
    }
    await room.bob_socket.good(type="message_up", user_id="somebody else", service_id="", body=body)
    frame = await room.bound.next()
    message_id = frame["body"].pop("message_id")
    assert len(message_id) == 36
    assert frame == {
        "type": "message_up",
        "body": {
            "subtype": "text",
            "content": {"text": "hello all"},
            "channel_id": room.channel,
            "timestamp": 1719000000123,
            "recipients": group,
            "context": {
                "mood": "fine",
                "group_id": group,
                "group_name": "Both",
                "character_num": 2,
                "channel_type": "ccs",
            },
            "sender": room.bob.user_id,
        },
    }
    await room.ada_socket.nothing()


async def test_3_7_to_the_service_alone(room: Room) -> None:
    await room.bob_socket.good(type="message_up", body=_message_up(room, "service"))
    body = (await room.bound.next())["body"]
    assert body["recipients"] == "service"
    assert body["context"] == {
        "group_id": "service",
        "group_name": "service",
        "character_num": 0,
        "channel_type": "ccs",
    }


async def test_3_7_inline_recipients_become_a_group(room: Room) -> None:
    for inline in ([room.ada.user_id, "OWL"], room.ada.user_id):
        await room.bob_socket.good(type="message_up", body=_message_up(room, inline))
        group = (await room.bound.next())["body"]["recipients"]
        characters = (await room.ada.get("/user/group", group_id=group))["characters"]
        assert characters == ([inline] if isinstance(inline, str) else inline)


async def test_3_7_javascript_leaves_channel_and_recipients_empty(room: Room) -> None:
    shown = await room.ada.group("OWL", room.bob.user_id)
    update = {"subtype": "characters", "channel_id": room.channel, "recipients": shown}
    update["content"] = {"characters": shown}  # type: ignore[assignment]
    await room.bound.good(type="update", service_id=room.service_id, body=update)
    await room.bob_socket.next()
    body = {"subtype": "text", "content": {"text": "hi"}, "channel_id": "", "recipients": ""}
    await room.bob_socket.good(type="message_up", user_id=room.bob.user_id, body=body)
    delivered = (await room.bound.next())["body"]
    assert (delivered["channel_id"], delivered["recipients"]) == (room.channel, shown)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"content": None}, "content is required"),
        ({"content": 7}, "content must be an object"),
        ({"channel_id": "nowhere"}, "Channel not found"),
        ({"recipients": "no such group"}, "Group not found: no such group"),
        ({"recipients": [1]}, "recipients must be a list of character ids"),
        ({"subtype": 1}, "subtype must be a string"),
    ],
)
async def test_3_11_a_wrong_field_is_named(room: Room, change: dict[str, Any], text: str) -> None:
    body = {**_message_up(room, "service"), **change}
    assert await room.bob_socket.bad(type="message_up", body=body) == text
    await room.bound.nothing()


async def test_3_8_message_down_has_no_recipients(room: Room) -> None:
    group = await room.ada.group(room.bob.user_id, "OWL", room.bob.user_id)
    body = _message_down(room, group)
    await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    frame = await room.bob_socket.next()
    message_id = frame["body"].pop("message_id")
    assert len(message_id) == 36
    assert frame == {
        "type": "message_down",
        "body": {
            "subtype": "text",
            "channel_id": room.channel,
            "content": {"text": "welcome"},
            "timestamp": 1719000000456,
            "context": {},
            "sender": "OWL",
        },
    }
    await room.bob_socket.nothing()  # once, though listed twice
    await room.ada_socket.nothing()


async def test_3_9_characters_are_delivered_as_a_group_id(room: Room) -> None:
    group = await room.ada.group("OWL", room.bob.user_id)
    for characters in (group, ["OWL", room.bob.user_id]):
        body = {
            "subtype": "update_characters",
            "channel_id": room.channel,
            "recipients": [room.bob.user_id],
            "content": {"characters": characters},
        }
        await room.bound.good(type="update", service_id=room.service_id, body=body)
        assert await room.bob_socket.next() == {
            "type": "update",
            "body": {
                "subtype": "characters",
                "channel_id": room.channel,
                "content": {"characters": group},
            },
        }


async def test_3_9_buttons_of_1_3_7_are_delivered_in_the_modern_shape(room: Room) -> None:
    old = {"button_id": "order", "button_name": "Order", "new_window": True}
    old["arguments"] = [{"name": "Drink", "type": "enum", "optional": False, "values": ["tea"]}]
    plain = {"button_id": "ring", "button_text": "Ring", "dialog": False}
    body = {
        "subtype": "update_buttons",
        "channel_id": room.channel,
        "recipients": room.bob.user_id,
        "content": [old, plain],
        "group_id": "temp",
        "context": {},
    }
    await room.bound.good(type="update", service_id=room.service_id, body=body)
    assert (await room.bob_socket.next())["body"] == {
        "subtype": "buttons",
        "channel_id": room.channel,
        "group_id": "temp",
        "context": {},
        "content": [
            {
                "button_id": "order",
                "button_text": "Order",
                "dialog": {
                    "title": "Dialog",
                    "components": [
                        {
                            "label": "Drink",
                            "type": "dropdown",
                            "required": True,
                            "placeholder": None,
                            "choices": ["tea"],
                        }
                    ],
                    "bottom_buttons": None,
                },
            },
            {"button_id": "ring", "button_text": "Ring", "dialog": None},
        ],
    }


@pytest.mark.parametrize(
    ("subtype", "content", "extras"),
    [
        ("canvas", [{"text": "Menu", "path": None}], {"group_id": "temp", "context": {}}),
        ("buttons", [], {"group_id": "temp", "context": {}}),
        ("menu", [], {"context": {}}),
        (
            "style",
            [
                {
                    "widget": "canvas",
                    "display": "visible",
                    "expand": True,
                    "button_id": None,
                    "text": None,
                }
            ],
            {"group_id": "temp", "context": {}},
        ),
    ],
)
async def test_3_9_updates_are_passed_on_without_recipients(
    room: Room, subtype: str, content: list[Any], extras: dict[str, Any]
) -> None:
    body = {"subtype": subtype, "channel_id": room.channel, "content": content, **extras}
    sent = {**body, "recipients": room.bob.user_id}
    await room.bound.good(type="update", service_id=room.service_id, body=sent)
    assert await room.bob_socket.next() == {"type": "update", "body": body}


async def test_3_9_both_forms_of_channel_info_are_delivered_as_one(room: Room) -> None:
    context = {"channel_description": "hot drinks", "channel_type": "ccs"}
    content = {"channel_id": room.channel, "channel_name": "Tea room", "context": context}
    await room.bound.good(
        type="update",
        subtype="channel_info",
        channel_id=room.channel,
        service_id=room.service_id,
        body={
            "channel_id": room.channel,
            "channel_name": "Tea room",
            "channel_description": "hot drinks",
            "channel_type": "ccs",
            "context": context,
        },
    )
    body = {"subtype": "channel_info", "channel_id": room.channel, "content": content}
    sent = {**body, "recipients": [room.ada.user_id, room.bob.user_id]}
    await room.bound.good(type="update", service_id=room.service_id, body=sent)
    for socket in (room.ada_socket, room.bob_socket):
        for _ in range(2):
            assert (await socket.next())["body"] == {**body, "context": {}}


@pytest.mark.parametrize(
    ("sent", "delivered"),
    [("join_channel", "join"), ("join", "join")],
)
async def test_3_10_join_channel_is_delivered_as_join(
    room: Room, wire: Wire, sent: str, delivered: str
) -> None:
    cy = await wire.sign_up("cy")
    socket = await cy.user_socket()
    body = {"subtype": sent, "channel_id": room.channel, "context": {}}
    await socket.good(type="action", user_id=cy.user_id, body=body)
    assert await room.bound.next() == {
        "type": "action",
        "body": {
            "subtype": delivered,
            "channel_id": room.channel,
            "context": {},
            "sender": cy.user_id,
        },
    }
    members = await room.ada.get("/channel/character_list", channel_id=room.channel)
    assert members["character_list"][-1] == cy.user_id
    await socket.good(type="action", body=body)  # once more: fine, and nobody is told
    await room.bound.nothing()


async def test_3_10_leave_channel_is_delivered_as_leave(room: Room) -> None:
    body = {"subtype": "leave_channel", "channel_id": room.channel}
    await room.bob_socket.good(type="action", body=body)
    assert (await room.bound.next())["body"]["subtype"] == "leave"
    await room.bob_socket.good(type="action", body=body)
    await room.bound.nothing()
    farewell = _message_down(room, [room.bob.user_id])
    await room.bound.good(type="message_down", service_id=room.service_id, body=farewell)
    await room.bob_socket.nothing()


async def test_3_10_a_button_click_is_delivered_flat_and_labelled(room: Room) -> None:
    arguments = [[{"name": "Drink", "value": "tea", "extra": 1}], {"label": "Cups", "value": 2}]
    body = {"subtype": "button_click", "button_id": "order", "channel_id": room.channel}
    sent = {**body, "arguments": [*arguments, "plain"], "bottom_button_id": "now", "context": {}}
    await room.bob_socket.good(type="action", body=sent)
    assert (await room.bound.next())["body"] == {
        **body,
        "arguments": [
            {"label": "Drink", "value": "tea"},
            {"label": "Cups", "value": "2"},
            {"label": "", "value": "plain"},
        ],
        "bottom_button_id": "now",
        "context": {},
        "sender": room.bob.user_id,
    }


async def test_3_10_a_menu_click_on_an_id_alone_is_filled_in(room: Room) -> None:
    sent = _message_down(room, [room.bob.user_id])
    await room.bound.good(type="message_down", service_id=room.service_id, body=sent)
    message_id = (await room.bob_socket.next())["body"]["message_id"]
    body = {
        "subtype": "menu_item_click",
        "menu_item_id": "quote",
        "channel_id": room.channel,
        "message_id": message_id,
        "message_subtype": "<unknown>",
        "message_content": {},
        "arguments": [[]],
        "bottom_button_id": "confirm",
        "context": {},
    }
    await room.bob_socket.good(type="action", body=body)
    assert (await room.bound.next())["body"] == {
        **body,
        "message_subtype": "text",
        "message_content": {"text": "welcome"},
        "arguments": [],
        "sender": room.bob.user_id,
    }


async def test_3_11_older_types_are_actions(room: Room) -> None:
    click = {"button_id": "order", "channel_id": room.channel, "arguments": [], "context": {}}
    await room.bob_socket.good(type="button_click", body=click)
    menu = {"item_id": "quote", "message_id": "MSG-2", "message_subtype": "text"}
    content = {"message_content": {"text": "welcome"}, "channel_id": room.channel}
    await room.bob_socket.good(type="menu_click", body={**menu, **content})
    await room.bob_socket.good(type="refresh", body={"channel_id": room.channel})
    subtypes = [(await room.bound.next())["body"]["subtype"] for _ in range(3)]
    assert subtypes == ["button_click", "menu_item_click", "refresh"]


async def test_6_4_a_volley_of_fetches_is_one_refresh(room: Room) -> None:
    for what in ("characters", "buttons", "canvas", "style", "channel_info", "context_menu"):
        body = {"subtype": f"fetch_{what}", "channel_id": room.channel}
        await room.bob_socket.good(type="action", body=body)
    assert (await room.bound.next())["body"]["subtype"] == "refresh"
    await room.bound.nothing()


@pytest.mark.parametrize("text", ["not json", "[]", "3", "{}", '{"type": 1}', '"\ud83d"'])
async def test_3_11_the_unreadable_gets_the_gateway_error(wire: Wire, text: str) -> None:
    socket = await wire.socket()
    await socket.raw.send_str(text.encode("utf-8", "replace").decode())
    frame = await socket.next()
    assert frame["message"] == "Internal server error"
    assert "type" not in frame
    await socket.good(type="heartbeat", body={})


async def test_3_11_unknown_types_are_refused(room: Room) -> None:
    assert await room.bob_socket.bad(type="dance", body={}) == "Unknown type: dance"
    body = {"subtype": "dance", "channel_id": room.channel}
    assert await room.bob_socket.bad(type="action", body=body) == "Unknown type: action dance"


async def test_3_11_before_login(wire: Wire) -> None:
    socket = await wire.socket()
    for kind in ("message_up", "message_down", "update", "action", "roger"):
        assert await socket.bad(type=kind, body={}) == "You have not login yet"


async def test_3_11_a_copy_is_not_acknowledged_and_roger_is(room: Room) -> None:
    await room.bob_socket.send(type="copy", body={})
    await room.bob_socket.good(type="roger", body={"message_id": "MSG-2"})


async def test_3_11_bad_logins_are_answered_late_and_then_not_at_all(wire: Wire) -> None:
    socket = await wire.socket()
    begun = time.monotonic()
    for _ in range(5):
        text = await socket.bad(type="user_login", access_token="wrong")
        assert text == "Invalid access_token"
    assert await socket.closed() == 1008
    assert time.monotonic() - begun >= 5 * 0.05


async def test_3_13_too_large_a_message_closes_with_1009(room: Room) -> None:
    await room.bob_socket.raw.send_str(json.dumps({"type": "x", "pad": "x" * 200_000}))
    assert await room.bob_socket.closed() == 1009


async def test_4_2_the_copy_comes_before_the_effects(plain_room: Room) -> None:
    room = plain_room
    for _ in range(5):
        await room.bob_socket.good(
            type="action", body={"subtype": "refresh", "channel_id": room.channel}
        )
        for _ in range(5):
            await room.bob_socket.next()
    order = room.bob_socket.order
    assert order[1:] == ["copy", *["update"] * 5] * 5


async def test_4_2_only_members_may_act(room: Room, wire: Wire) -> None:
    cy = await wire.sign_up("cy")
    socket = await cy.user_socket()
    text = await socket.bad(type="message_up", body=_message_up(room, "service"))
    assert text == f"You are not a member of channel {room.channel}"


async def test_4_2_an_offline_service_loses_the_message_but_not_its_author(room: Room) -> None:
    await room.bound.close()
    await room.bob_socket.good(type="message_up", body=_message_up(room, "service"))
    room.service = await room.ada.service_socket(room.service_id)
    await room.bound.nothing()
    history = await room.bob.get("/channel/history_message", channel_id=room.channel)
    assert [each["content"] for each in history] == [{"text": "hello"}]


async def test_4_3_a_channel_bound_to_another_is_refused(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    body = _message_down(room, [room.bob.user_id])
    text = await room.bound.bad(type="message_down", service_id=other, body=body)
    assert text == f"Channel {room.channel} is not bound to service {other}"
    text = await room.bound.bad(
        type="message_down", service_id=room.service_id, body={**body, "recipients": "nobody"}
    )
    assert text == "Group not found: nobody"


async def test_4_6_a_default_channel_shows_its_members(plain_room: Room) -> None:
    room = plain_room
    body = {"subtype": "refresh", "channel_id": room.channel, "context": {}}
    await room.bob_socket.good(type="action", body=body)
    frames = [(await room.bob_socket.next())["body"] for _ in range(5)]
    assert [each["subtype"] for each in frames] == [
        "characters",
        "buttons",
        "menu",
        "canvas",
        "channel_info",
    ]
    group = frames[0]["content"]["characters"]
    resolved = await room.bob.get("/user/group", group_id=group)
    assert resolved["characters"] == [room.ada.user_id, room.bob.user_id]
    assert frames[4]["content"]["context"]["channel_type"] == "dcs"


async def test_4_6_a_default_channel_passes_messages_on(plain_room: Room) -> None:
    room = plain_room
    to = [room.ada.user_id, room.bob.user_id, "OWL"]
    await room.bob_socket.good(type="message_up", body=_message_up(room, to))
    frames = [await room.ada_socket.next(), await room.bob_socket.next()]
    assert frames[0] == frames[1]
    assert frames[0]["body"]["context"] == {"is_dcs": True, "channel_type": "dcs"}
    assert "recipients" not in frames[0]["body"]
    for person in (room.ada, room.bob):
        history = await person.get("/channel/history_message", channel_id=room.channel)
        assert [each["message_id"] for each in history] == [frames[0]["body"]["message_id"]]


async def test_4_6_leaving_a_default_channel_updates_those_who_remain(plain_room: Room) -> None:
    room = plain_room
    body = {"subtype": "leave", "channel_id": room.channel}
    await room.bob_socket.good(type="action", body=body)
    group = (await room.ada_socket.next())["body"]["content"]["characters"]
    resolved = await room.ada.get("/service/group", group_id=group)
    assert resolved["characters"] == [room.ada.user_id]
    await room.bob_socket.nothing()


async def test_4_7_the_latest_service_login_receives(room: Room) -> None:
    newer = await room.ada.service_socket(room.service_id)
    await room.bob_socket.good(type="message_up", body=_message_up(room, "service"))
    assert (await newer.next())["type"] == "message_up"
    await room.bound.nothing()
    await newer.close()
    await room.bob_socket.good(type="message_up", body=_message_up(room, "service"))
    assert (await room.bound.next())["type"] == "message_up"


async def test_4_7_all_connections_of_a_user_receive(room: Room) -> None:
    second = await room.bob.user_socket()
    body = _message_down(room, [room.bob.user_id])
    await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    assert await second.next() == await room.bob_socket.next()


async def test_deduplicate_a_repeat_is_acknowledged_and_not_done_again(room: Room) -> None:
    body = _message_down(room, [room.bob.user_id])
    frame = {"type": "message_down", "service_id": room.service_id, "request_id": "REQ-X"}
    await room.bound.good(**frame, body=body)
    again = await room.ada.service_socket(room.service_id)
    await again.good(**frame, body=body)
    await room.bob_socket.next()
    await room.bob_socket.nothing()
    history = await room.bob.get("/channel/history_message", channel_id=room.channel)
    assert len(history) == 1


async def test_q44_frames_arrive_in_the_order_they_were_sent(room: Room) -> None:
    for number in range(200):
        body = {**_message_up(room, "service"), "content": {"text": str(number)}}
        await room.bob_socket.send(type="message_up", body=body)
    texts = [(await room.bound.next())["body"]["content"]["text"] for _ in range(200)]
    assert texts == [str(number) for number in range(200)]


async def test_cut_connections_are_gone_and_can_come_back(
    platform: LocalPlatform, room: Room
) -> None:
    platform.cut_connections()
    assert await room.bob_socket.closed() in (1006, None)
    socket = await room.bob.user_socket()
    await socket.good(type="action", body={"subtype": "join", "channel_id": room.channel})


async def test_a_deleted_account_is_disconnected(room: Room) -> None:
    await room.bob.post("/auth/delete_account", username=room.bob.email, password="bob")
    assert await room.bob_socket.closed() == 1001
    assert await asyncio.wait_for(room.bob.refused("GET", "/user/info"), 5) == 10005


def _message_up(room: Room, recipients: Any) -> dict[str, Any]:
    return {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "hello"},
        "recipients": recipients,
        "timestamp": 1719000000123,
        "context": {},
    }


def _message_down(room: Room, recipients: Any) -> dict[str, Any]:
    return {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "welcome"},
        "recipients": recipients,
        "timestamp": 1719000000456,
        "context": {},
        "sender": "OWL",
    }
