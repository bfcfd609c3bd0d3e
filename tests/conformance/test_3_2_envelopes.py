"""Section 3.2: what is around a body, and what it is worth."""

from __future__ import annotations

import pytest

from tests.conformance.literal import action, body_of, message_down, message_up, say, show, tell
from tests.local.conftest import Room
from tests.support.patience import PATIENCE
from tests.support.wire import Person, Wire

ELSE = "somebody-else"


@pytest.mark.parametrize(
    "identity",
    [
        {"user_id": ELSE},
        {"user_id": ELSE, "service_id": ELSE},
        {"client_id": ELSE},
        {"character_id": ELSE},
        {"user_id": None, "service_id": 7},
        {},
    ],
)
async def test_3_2_identity_comes_from_the_login_alone(
    room: Room, identity: dict[str, object]
) -> None:
    body = {**message_up(room), "sender": ELSE}
    await room.bob_socket.good(type="message_up", **identity, body=body)
    await room.bob_socket.good(type="action", **identity, body=action(room, "refresh", sender=ELSE))
    for _ in range(2):
        assert (await body_of(room.bound))["sender"] == room.bob.user_id


async def test_3_2_the_creator_as_a_user_does_not_act_as_the_service(room: Room) -> None:
    body = message_down(room, [room.bob.user_id])
    frame = {"type": "message_down", "service_id": room.service_id, "body": body}
    assert "service_login" in await room.ada_socket.bad(**frame)
    text = await room.bound.bad(type="message_up", user_id=room.ada.user_id, body=message_up(room))
    assert "user_login" in text
    await room.bob_socket.nothing()


async def test_3_2_the_service_id_chooses_among_the_services_of_the_account(
    room: Room, ada: Person
) -> None:
    second_channel = await ada.channel("Second")
    second = await ada.bound_service(second_channel)
    # Logged in as one, speaking for the other of the same account.
    body = {**message_down(room, [ada.user_id]), "channel_id": second_channel}
    await room.bound.good(type="message_down", service_id=second, body=body)
    assert (await body_of(room.ada_socket))["channel_id"] == second_channel
    text = await room.bound.bad(type="message_down", service_id=room.service_id, body=body)
    assert text == f"Channel {second_channel} is not bound to service {room.service_id}"


async def test_3_2_the_only_service_need_not_be_named(room: Room) -> None:
    body = message_down(room, [room.bob.user_id])
    await room.bound.good(type="message_down", body=body)
    await room.bound.good(type="message_down", client_id=room.service_id, body=body)
    assert (await body_of(room.bob_socket))["content"] == {"text": "welcome"}


async def test_3_2_logins_have_no_body(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    await socket.good(type="user_login", auth_origin="oauth2", access_token=room.ada.token)
    login = {"type": "service_login", "auth_origin": "cognito", "access_token": room.ada.token}
    await socket.good(**login, service_id=room.service_id)


async def test_3_2_delivered_frames_carry_only_type_and_body(room: Room) -> None:
    await say(room)
    await room.bob_socket.good(type="action", body=action(room, "refresh"))
    await tell(room, [room.bob.user_id])
    await show(room, "canvas", [])
    frames = [await room.bound.next(), await room.bound.next()]
    frames += [await room.bob_socket.next(), await room.bob_socket.next()]
    assert [frame["type"] for frame in frames] == ["message_up", "action", "message_down", "update"]
    for frame in frames:
        assert frame.keys() == {"type", "body"}
        assert isinstance(frame["body"], dict)


async def test_3_2_a_copy_carries_only_type_and_body(wire: Wire) -> None:
    async with wire.session.ws_connect(wire.url) as raw:
        for kind in ("heartbeat", "dance", "user_login"):
            await raw.send_json({"type": kind, "request_id": "REQ-1", "body": {}})
            frame = await raw.receive_json(timeout=PATIENCE)
            assert frame.keys() == {"type", "body"}
            assert isinstance(frame["body"], dict)
