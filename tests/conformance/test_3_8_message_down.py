"""Section 3.8: messages from a service to users."""

from __future__ import annotations

import pytest

from tests.conformance.literal import DOWN_TIME, body_of, message_down, say, tell
from tests.local.conftest import Room


async def test_3_8_a_message_is_delivered_without_its_recipients(room: Room) -> None:
    group = await room.ada.group(room.bob.user_id, "OWL", room.bob.user_id)
    await tell(room, group)
    frame = await room.bob_socket.next()
    message_id = frame["body"]["message_id"]
    assert len(message_id) == 36
    assert frame == {
        "type": "message_down",
        "body": {
            "subtype": "text",
            "channel_id": room.channel,
            "content": {"text": "welcome"},
            "timestamp": DOWN_TIME,
            "message_id": message_id,
            "context": {},
            "sender": "OWL",
        },
    }
    await room.bob_socket.nothing()  # once, though listed twice
    await room.ada_socket.nothing()


async def test_3_8_all_recipients_receive_the_same_message(room: Room) -> None:
    await tell(room, [room.ada.user_id, room.bob.user_id])
    assert await room.ada_socket.next() == await room.bob_socket.next()


async def test_3_8_a_forwarded_message_has_a_new_id(room: Room) -> None:
    await say(room, [room.bob.user_id])
    up = await body_of(room.bound)
    await tell(room, up["recipients"], sender=up["sender"], message_id=up["message_id"])
    down = await body_of(room.bob_socket)
    assert down["message_id"] != up["message_id"]
    assert down["sender"] == room.bob.user_id


async def test_3_8_the_context_is_passed_on(room: Room) -> None:
    context = {"user_data": {"seat": 3}, "mood": None}
    await tell(room, [room.bob.user_id], context=context)
    assert (await body_of(room.bob_socket))["context"] == context


async def test_3_8_a_missing_context_is_empty(room: Room) -> None:
    await tell(room, [room.bob.user_id], context=None)
    assert (await body_of(room.bob_socket))["context"] == {}


async def test_3_8_a_sender_there_must_be(room: Room) -> None:
    body = message_down(room, [room.bob.user_id])
    del body["sender"]
    frame = {"type": "message_down", "service_id": room.service_id}
    assert await room.bound.bad(**frame, body=body) == "sender is required"
    await room.bob_socket.nothing()


@pytest.mark.parametrize("sender", ["no_sender", "anything at all", "OWL"])
async def test_3_8_any_text_may_be_the_sender(room: Room, sender: str) -> None:
    await tell(room, [room.bob.user_id], sender=sender)
    assert (await body_of(room.bob_socket))["sender"] == sender


async def test_3_8_extra_keys_of_a_body_are_not_delivered(room: Room) -> None:
    await tell(room, [room.bob.user_id], message_id="forged", extra=1)
    body = await body_of(room.bob_socket)
    assert "extra" not in body and body["message_id"] != "forged"
