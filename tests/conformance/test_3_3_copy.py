"""Section 3.3: every frame of a client is answered by one `copy`."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.conformance.literal import SOON, action, message_down, message_up, update
from tests.local.conftest import Room
from tests.support.wire import Wire, wire_to

DAY_MS = 24 * 3_600_000


@pytest.fixture
def frames(room: Room) -> list[tuple[Any, dict[str, Any], str]]:
    """Sockets, what they send, and the text of the answer."""
    bob, service = room.bob_socket, room.bound
    to_bob = [room.bob.user_id]
    down = {"type": "message_down", "service_id": room.service_id}
    shown = {"type": "update", "service_id": room.service_id}
    return [
        (bob, {"type": "message_up", "body": message_up(room)}, "Message received"),
        (bob, {"type": "action", "body": action(room, "refresh")}, "Action received"),
        (bob, {"type": "action", "body": action(room, "join_channel")}, "Action received"),
        (bob, {"type": "roger", "body": {"message_id": "MSG-1"}}, "Roger received"),
        (service, {**down, "body": message_down(room, to_bob)}, "Message received"),
        (service, {**shown, "body": update(room, "canvas", [])}, "Update received"),
    ]


async def test_3_3_every_frame_is_answered_once_with_exactly_these_keys(
    frames: list[tuple[Any, dict[str, Any], str]],
) -> None:
    for number, (socket, frame, text) in enumerate(frames):
        assert await socket.ask(**frame, request_id=f"REQ-{number}") == {
            "request_id": f"REQ-{number}",
            "origin_type": frame["type"],
            "status": True,
            "context": {"message": text},
        }
    for socket, _, _ in frames:
        await socket.good(type="heartbeat", body={})
        assert socket._copies.empty()


async def test_3_3_the_context_of_a_heartbeat_is_empty_and_never_null(wire: Wire) -> None:
    socket = await wire.socket()
    assert await socket.ask(type="heartbeat", request_id="REQ-1", body={}) == {
        "request_id": "REQ-1",
        "origin_type": "heartbeat",
        "status": True,
        "context": {},
    }


async def test_3_3_a_refusal_has_the_same_keys(room: Room) -> None:
    body = message_up(room, channel_id="nowhere")
    assert await room.bob_socket.ask(type="message_up", request_id="REQ-1", body=body) == {
        "request_id": "REQ-1",
        "origin_type": "message_up",
        "status": False,
        "context": {"message": "Channel not found"},
    }


async def test_3_3_only_the_connection_that_asked_is_answered(room: Room) -> None:
    other = await room.bob.user_socket()
    await room.bob_socket.good(type="message_up", body=message_up(room))
    await other.good(type="heartbeat", body={})
    assert other._copies.empty()


async def test_3_3_logins_and_heartbeats_are_acknowledged_too(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    await socket.good(type="user_login", access_token=room.bob.token)
    await socket.good(type="heartbeat", body={})


async def test_3_3_the_copy_comes_before_the_effects(plain_room: Room) -> None:
    socket = plain_room.bob_socket
    for _ in range(5):
        await socket.good(type="action", body=action(plain_room, "refresh"))
        for _ in range(5):
            await socket.next()
    await socket.good(type="message_up", body=message_up(plain_room, [plain_room.bob.user_id]))
    await socket.next()
    assert socket.order[1:] == [*["copy", *["update"] * 5] * 5, "copy", "message_down"]


@pytest.mark.parametrize("kind", ["user_login", "service_login"])
@pytest.mark.parametrize("token", ["wrong", "", None, 7, ["x"]])
async def test_3_3_an_unknown_token_is_called_invalid(kind: str, token: Any) -> None:
    async with LocalPlatform(PlatformOptions(limits=SOON)) as platform:
        async with wire_to(platform.url) as wire:
            socket = await wire.socket()
            text = await socket.bad(type=kind, access_token=token, service_id="")
            assert text == "Invalid access_token"


async def test_3_3_an_old_token_is_called_expired() -> None:
    now = [1_719_000_000_000]
    platform = LocalPlatform(PlatformOptions(limits=SOON), clock=lambda: now[0])
    async with platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        now[0] += DAY_MS + 1
        socket = await wire.socket()
        text = await socket.bad(type="user_login", access_token=ada.token)
        assert text == "Expired access_token"


async def test_3_3_the_texts_of_refusals(room: Room, wire: Wire, platform: LocalPlatform) -> None:
    stranger = await wire.socket()
    text = await stranger.bad(type="message_up", body=message_up(room))
    assert text == "You have not login yet"
    bob = await wire.socket()
    for service_id in (room.service_id, "unknown"):
        login = {"type": "service_login", "access_token": room.bob.token}
        text = await bob.bad(**login, service_id=service_id)
        assert text == "Service not found for this access_token"
    group = message_up(room, "no-such-group")
    text = await room.bob_socket.bad(type="message_up", body=group)
    assert text == "Group not found: no-such-group"
    cy = await (await wire.be("cy@example.org")).user_socket()
    text = await cy.bad(type="message_up", body=message_up(room))
    assert text == f"You are not a member of channel {room.channel}"


async def test_3_3_a_failed_service_is_told_apart_from_a_failed_login(room: Room) -> None:
    # The words by which browsers sign out (`access_token`, `login yet`) are in no other refusal.
    texts = [
        await room.bob_socket.bad(type="message_up", body=message_up(room, channel_id="nowhere")),
        await room.bob_socket.bad(type="message_up", body=message_up(room, "no-such-group")),
        await room.bob_socket.bad(type="dance", body={}),
        await room.bob_socket.bad(type="message_up", body={}),
    ]
    assert not any("access_token" in text or "login yet" in text for text in texts)


async def test_3_3_answers_come_in_the_order_of_the_questions(room: Room) -> None:
    asked = [
        await room.bob_socket.send(type="message_up", body=message_up(room)) for _ in range(50)
    ]
    answered = [(await room.bob_socket.copy())["request_id"] for _ in asked]
    assert answered == asked
    assert await room.bound.next()
