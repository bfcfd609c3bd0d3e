"""Nonsense on every endpoint and on the socket: refused, never a crash, nobody else disturbed."""

from __future__ import annotations

import json
import random
from typing import Any

from moobius.local.web.app import ENDPOINTS
from tests.local.conftest import Room
from tests.support.wire import Wire

NAMES = (
    *("channel_id", "service_id", "group_id", "character_id", "characters", "members", "context"),
    *("username", "password", "access_token", "refresh_token", "name", "avatar", "description"),
    *("channel_name", "group_name", "limit", "before", "after", "character_list", "extension"),
)
FIELDS = (
    *("subtype", "channel_id", "content", "recipients", "timestamp", "sender", "context"),
    *("button_id", "menu_item_id", "message_id", "message_subtype", "message_content"),
    *("arguments", "bottom_button_id", "group_id", "labels"),
)
SUBTYPES = ("text", "characters", "buttons", "menu", "canvas", "style", "channel_info", "refresh")
CLICKS = ("button_click", "menu_item_click", "update_buttons", "fetch_style")
TYPES = ("message_up", "message_down", "update", "action", "button_click", "menu_click", "refresh")
KEYS = ("characters", "text", "dialog", "components", "button_id", "label", "type", "widget")
ROUNDS = 12

# Appendix A: mandatory and optional keys of what is delivered to 1.8.0.
MESSAGE = {"subtype", "channel_id", "content", "timestamp", "sender", "message_id"}
ACTION = ({"subtype", "channel_id", "sender"}, {"context"})
CLICK = {"arguments", "bottom_button_id", "context"}
STRICT: dict[str, tuple[set[str], set[str]]] = {
    "message_up": (MESSAGE | {"recipients"}, {"context"}),
    "message_down": (MESSAGE, {"context"}),
    "update": ({"subtype", "channel_id", "content"}, {"group_id", "context"}),
    "refresh": ACTION,
    "button_click": (ACTION[0] | {"button_id"}, CLICK | {"labels", "button_type"}),
    "menu_item_click": (
        ACTION[0] | {"menu_item_id", "message_subtype", "message_content"},
        CLICK | {"message_id"},
    ),
}


def _value(dice: random.Random, ids: list[str], depth: int = 0) -> Any:
    plain: list[Any] = [
        *ids,
        *SUBTYPES,
        *CLICKS,
        None,
        True,
        0,
        -1,
        2**70,
        1e300,
        "",
        "\0é𝄞",
        "null",
    ]
    kind = dice.randrange(4 if depth < 4 else 2)
    if kind == 2:
        return [_value(dice, ids, depth + 1) for _ in range(dice.randrange(4))]
    if kind == 3:
        return {dice.choice(KEYS): _value(dice, ids, depth + 1) for _ in range(dice.randrange(5))}
    return dice.choice(plain)


def _sensible(room: Room) -> dict[str, Any]:
    return {
        "channel_id": room.channel,
        "content": [],
        "recipients": [room.bob.user_id, room.ada.user_id],
        "sender": "OWL",
        "context": {},
        "button_id": "ring",
        "menu_item_id": "quote",
        "message_subtype": "text",
        "group_id": "temp",
    }


async def test_no_request_makes_an_endpoint_fail(room: Room, wire: Wire) -> None:
    dice = random.Random(1)
    ids = [room.channel, room.service_id, room.bob.user_id, await room.ada.group("OWL")]
    for method, path in ENDPOINTS:
        if path == "/auth/delete_account":
            continue
        for _ in range(ROUNDS):
            body = {name: _value(dice, ids) for name in NAMES if dice.random() < 0.7}
            reply = await wire.call(method, path, body=body, token=room.ada.token)
            assert reply["code"] != 10500, (method, path, body)
            if path == "/auth/sign_out" and reply["code"] == 10000:
                raise AssertionError("a token was guessed")
    await room.ada.get("/user/info")


async def test_no_frame_makes_the_socket_fail(room: Room) -> None:
    dice = random.Random(2)
    ids = [room.channel, room.service_id, room.bob.user_id, await room.ada.group("OWL")]
    for _ in range(600):
        body = {**_sensible(room), "subtype": dice.choice((*SUBTYPES, *CLICKS))}
        if dice.random() < 0.5:
            body["content"] = {"text": "hello", "characters": ["OWL"]}
        for name in FIELDS:
            if dice.random() < 0.1:
                body[name] = _value(dice, ids)
            elif dice.random() < 0.1:
                body.pop(name, None)
        frame: dict[str, Any] = {
            "type": dice.choice(TYPES),
            "service_id": room.service_id,
            "body": body,
        }
        socket = dice.choice((room.bob_socket, room.bound))
        answer = await socket.ask(**frame)
        assert answer["context"]["message"] != "Internal server error", json.dumps(frame)
    seen = set()
    for socket in (room.ada_socket, room.bob_socket, room.bound):
        for delivered in await socket.drain():
            body = delivered["body"]
            kind = body["subtype"] if delivered["type"] == "action" else delivered["type"]
            mandatory, optional = STRICT[kind]
            assert mandatory <= set(body) <= mandatory | optional, delivered
            seen.add(kind)
    assert seen == set(STRICT), "the nonsense was sensible enough to get through"
