"""Section 3.4: how a service logs in."""

from __future__ import annotations

from tests.conformance.literal import body_of, message_down, say
from tests.local.conftest import Room
from tests.support.wire import Person, Wire

FEATURES = ["deduplicate", "inline_recipients"]


def login(person: Person, service_id: str) -> dict[str, str]:
    """The frame, without its `request_id`."""
    frame = {"type": "service_login", "auth_origin": "cognito", "access_token": person.token}
    return {**frame, "service_id": service_id}


async def test_3_4_a_login_must_come_first(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    frame = {"type": "message_down", "service_id": room.service_id}
    body = message_down(room, [room.bob.user_id])
    assert await socket.bad(**frame, body=body) == "You have not login yet"
    await room.bob_socket.nothing()
    await socket.good(**login(room.ada, room.service_id))
    await socket.good(**frame, body=body)
    assert (await body_of(room.bob_socket))["content"] == {"text": "welcome"}


async def test_3_4_a_good_login_tells_the_features(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    body = await socket.ask(**login(room.ada, room.service_id))
    assert body["status"] is True
    assert body["context"] == {"message": "Login successful", "features": FEATURES}


async def test_3_4_a_repeated_login_is_answered_true_and_changes_nothing(room: Room) -> None:
    newer = await room.ada.service_socket(room.service_id)
    await room.bound.good(**login(room.ada, room.service_id))
    await say(room)
    assert (await body_of(newer))["sender"] == room.bob.user_id
    await newer.good(**login(room.ada, room.service_id))
    await room.bound.nothing()
    await say(room)
    await newer.next()
    await newer.nothing()  # once, however often it has logged in


async def test_3_4_an_empty_service_id_logs_in_the_account(room: Room) -> None:
    socket = await room.ada.service_socket("")
    body = message_down(room, [room.bob.user_id])
    await socket.good(type="message_down", service_id=room.service_id, body=body)
    assert (await body_of(room.bob_socket))["sender"] == "OWL"
    await say(room)
    await room.bound.next()
    await socket.nothing()  # no service is attached to it
    assert await socket.bad(type="message_down", body=body) == "service_id is required"
    await socket.good(**login(room.ada, room.service_id))
    await say(room)
    await socket.next()


async def test_3_4_the_account_must_own_the_service(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    text = await socket.bad(**login(room.bob, room.service_id))
    assert text == "Service not found for this access_token"
    bobs = await room.bob.service_socket("")
    body = message_down(room, [room.ada.user_id])
    text = await bobs.bad(type="message_down", service_id=room.service_id, body=body)
    assert text == "Service not found for this access_token"
    await room.ada_socket.nothing()


async def test_3_4_a_service_of_py0_0_1_names_itself_client_id(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    frame = {key: value for key, value in login(room.ada, "").items() if key != "service_id"}
    await socket.good(**frame, client_id=room.service_id)
    await say(room)
    assert (await socket.next())["type"] == "message_up"
