"""Section 2.11: data of later versions, which survives although nobody here reads it."""

from __future__ import annotations

import json
from typing import Any

from tests.local.conftest import Room

CONTENT = {"text": "hello", "user_data": {"mood": ["fine", 7, None]}, "later": {"deep": [{}]}}
CONTEXT = {"read_receipt": True, "unknown": {"é": "\u0000"}}


def same(found: Any, expected: Any) -> bool:
    return json.dumps(found, sort_keys=True) == json.dumps(expected, sort_keys=True)


async def test_2_11_unknown_keys_travel_upwards_and_into_the_history(room: Room) -> None:
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": CONTENT,
        "context": CONTEXT,
        "recipients": "service",
    }
    await room.bob_socket.good(type="message_up", body=body)
    delivered = (await room.bound.next())["body"]
    assert same(delivered["content"], CONTENT)
    assert CONTEXT.items() <= delivered["context"].items()
    (kept,) = await room.bob.get("/channel/history_message", channel_id=room.channel)
    assert same(kept["content"], CONTENT)
    assert CONTEXT.items() <= kept["context"].items()


async def test_2_11_unknown_keys_travel_downwards_and_into_the_history(room: Room) -> None:
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": CONTENT,
        "context": CONTEXT,
        "recipients": await room.ada.group(room.bob.user_id),
        "sender": "OWL",
    }
    await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    delivered = (await room.bob_socket.next())["body"]
    assert same(delivered["content"], CONTENT)
    assert CONTEXT.items() <= delivered["context"].items()
    (kept,) = await room.bob.get("/channel/history_message", channel_id=room.channel)
    assert same(kept["content"], CONTENT)
    assert CONTEXT.items() <= kept["MessageContext"].items()


async def test_2_11_endpoints_take_no_offence_at_parameters_they_do_not_know(room: Room) -> None:
    info = await room.ada.get("/user/info", include_sub="true")
    assert info["sub"] == room.ada.user_id
    await room.ada.post("/user/info", name="Ada", later={"deep": []})
    context = {"channel_description": "x", "later": 1}
    await room.ada.post("/channel/update", channel_id=room.channel, context=context, more=[1])
