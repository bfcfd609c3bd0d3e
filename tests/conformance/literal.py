"""Frames as clients send them, word for word from platform.md 3."""

from __future__ import annotations

from typing import Any

from moobius.local import Limits
from tests.local.conftest import Room
from tests.support.wire import Person, Socket

UP_TIME = 1719000000123
DOWN_TIME = 1719000000456

SOON = Limits(bad_login_seconds=0.05)
"""Refused logins are answered soon enough for a test."""


def message_up(room: Room, recipients: Any = "service", **other: Any) -> dict[str, Any]:
    """The body of a `message_up` (3.7)."""
    return {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "hello all"},
        "recipients": recipients,
        "timestamp": UP_TIME,
        "context": {},
        **other,
    }


def message_down(room: Room, recipients: Any, **other: Any) -> dict[str, Any]:
    """The body of a `message_down` (3.8)."""
    return {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "welcome"},
        "recipients": recipients,
        "timestamp": DOWN_TIME,
        "context": {},
        "sender": "OWL",
        **other,
    }


def update(room: Room, subtype: str, content: Any, **other: Any) -> dict[str, Any]:
    """The body of an `update` (3.9), to Bob unless it says otherwise."""
    return {
        "subtype": subtype,
        "channel_id": room.channel,
        "recipients": [room.bob.user_id],
        "content": content,
        **other,
    }


def action(room: Room, subtype: str, **other: Any) -> dict[str, Any]:
    """The body of an `action` (3.10)."""
    return {"subtype": subtype, "channel_id": room.channel, "context": {}, **other}


async def say(room: Room, recipients: Any = "service", **other: Any) -> None:
    """Let Bob send a message that has to be accepted."""
    await room.bob_socket.good(type="message_up", body=message_up(room, recipients, **other))


async def tell(room: Room, recipients: Any, **other: Any) -> None:
    """Let the service send a message that has to be accepted."""
    body = message_down(room, recipients, **other)
    await room.bound.good(type="message_down", service_id=room.service_id, body=body)


async def show(room: Room, subtype: str, content: Any, **other: Any) -> None:
    """Let the service send an update that has to be accepted."""
    body = update(room, subtype, content, **other)
    await room.bound.good(type="update", service_id=room.service_id, body=body)


async def do(room: Room, subtype: str, **other: Any) -> None:
    """Let Bob do something that has to be accepted."""
    await room.bob_socket.good(type="action", body=action(room, subtype, **other))


async def body_of(socket: Socket) -> dict[str, Any]:
    """Return the body of the next frame."""
    body: dict[str, Any] = (await socket.next())["body"]
    return body


async def history(person: Person, room: Room) -> list[dict[str, Any]]:
    """Return what a person finds in the history of the channel, newest first."""
    found: list[dict[str, Any]] = await person.get(
        "/channel/history_message", channel_id=room.channel
    )
    return found


async def characters_of(person: Person, group_id: str) -> list[str]:
    """Return who is in a group."""
    found: list[str] = (await person.get("/user/group", group_id=group_id))["characters"]
    return found
