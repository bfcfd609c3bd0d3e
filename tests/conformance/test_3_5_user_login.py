"""Section 3.5: how a user logs in."""

from __future__ import annotations

import pytest

from tests.conformance.literal import body_of, message_up, tell
from tests.local.conftest import Room
from tests.support.wire import Wire


@pytest.mark.parametrize("origin", ["cognito", "oauth2", "anything", None])
async def test_3_5_a_user_logs_in_with_any_origin(room: Room, wire: Wire, origin: object) -> None:
    socket = await wire.socket()
    login = {"type": "user_login", "auth_origin": origin, "access_token": room.bob.token}
    await socket.good(**login)
    await socket.good(type="message_up", body=message_up(room))
    assert (await body_of(room.bound))["sender"] == room.bob.user_id


async def test_3_5_a_repeated_login_changes_nothing(room: Room) -> None:
    await room.bob_socket.good(type="user_login", access_token=room.bob.token)
    await tell(room, [room.bob.user_id])
    await room.bob_socket.next()
    await room.bob_socket.nothing()


async def test_3_5_another_user_on_the_same_socket_takes_its_place(room: Room) -> None:
    await room.bob_socket.good(type="user_login", access_token=room.ada.token)
    await room.bob_socket.good(type="message_up", body=message_up(room))
    assert (await body_of(room.bound))["sender"] == room.ada.user_id
    await tell(room, [room.bob.user_id])
    await room.bob_socket.nothing()


async def test_3_5_a_refresh_token_does_not_log_in(wire: Wire) -> None:
    person = await wire.sign_up("fresh")
    socket = await wire.socket()
    text = await socket.bad(type="user_login", access_token=person.refresh_token)
    assert text == "Invalid access_token"
