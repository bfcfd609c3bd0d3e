"""Arguments in, frames out: one pure function for each kind of frame a client sends.

The shapes are those of platform.md 3; field by field what 1.8.0 sends, so that every Platform
understands them. Nothing here sends anything.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from moobius import types
from moobius.types import as_plain

Frame = dict[str, Any]

AUTH_ORIGIN = "cognito"

# The extra keys 1.8.0 sends in each update (platform.md 3.9). "temp" is filler without meaning.
_UPDATE_EXTRAS: Mapping[str, tuple[str, ...]] = {
    types.UPDATE_CHARACTERS: (),
    types.UPDATE_BUTTONS: ("group_id", "context"),
    types.UPDATE_MENU: ("context",),
    types.UPDATE_CANVAS: ("group_id", "context"),
    types.UPDATE_STYLE: ("group_id", "context"),
}


def new_request_id() -> str:
    """Return an id for one frame, by which its acknowledgement is recognised."""
    return str(uuid.uuid4())


def now_ms() -> int:
    """Return the time as the wire has it: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def service_login(service_id: str, access_token: str) -> Frame:
    """Build the first frame of a service's connection (platform.md 3.4)."""
    return {
        "type": types.SERVICE_LOGIN,
        "request_id": new_request_id(),
        "auth_origin": AUTH_ORIGIN,
        "access_token": access_token,
        "service_id": service_id,
    }


def user_login(access_token: str) -> Frame:
    """Build the first frame of a user's connection (platform.md 3.5)."""
    return {
        "type": types.USER_LOGIN,
        "request_id": new_request_id(),
        "auth_origin": AUTH_ORIGIN,
        "access_token": access_token,
    }


def heartbeat() -> Frame:
    """Build the frame that keeps a quiet connection alive (platform.md 3.6)."""
    return {"type": types.HEARTBEAT, "request_id": new_request_id(), "body": {}}


def message_down(
    service_id: str,
    channel_id: str,
    recipients: str,
    subtype: str,
    content: Any,
    sender: str,
    context: Mapping[str, Any] | None = None,
) -> Frame:
    """Build a message from a service to the members of a group (platform.md 3.8)."""
    body = _message_body(channel_id, recipients, subtype, content, context)
    body["sender"] = sender
    return _frame(types.MESSAGE_DOWN, {"service_id": service_id}, body)


def message_up(
    user_id: str,
    channel_id: str,
    recipients: str,
    subtype: str,
    content: Any,
    context: Mapping[str, Any] | None = None,
) -> Frame:
    """Build a message from a user to a channel group (platform.md 3.7)."""
    body = _message_body(channel_id, recipients, subtype, content, context)
    return _frame(types.MESSAGE_UP, {"user_id": user_id, "service_id": user_id}, body)


def update(
    subtype: str,
    service_id: str,
    channel_id: str,
    recipients: str,
    content: Any,
) -> Frame:
    """Build an update of one part of the view of a group's members (platform.md 3.9)."""
    body: Frame = {
        "subtype": subtype,
        "channel_id": channel_id,
        "recipients": recipients,
        "content": as_plain(content),
    }
    filler = {"group_id": "temp", "context": {}}
    body.update((key, filler[key]) for key in _UPDATE_EXTRAS[subtype])
    return _frame(types.UPDATE, {"service_id": service_id}, body)


def action(subtype: str, user_id: str, channel_id: str, **details: Any) -> Frame:
    """Build an action of a user: join, leave, refresh, or a click with its details."""
    body = {"subtype": subtype, "channel_id": channel_id, **as_plain(details), "context": {}}
    return _frame(types.ACTION, {"user_id": user_id}, body)


def join_channel(user_id: str, channel_id: str) -> Frame:
    """Build the action by which a user becomes a member."""
    return action("join_channel", user_id, channel_id)


def leave_channel(user_id: str, channel_id: str) -> Frame:
    """Build the action by which a user stops being a member."""
    return action("leave_channel", user_id, channel_id)


def button_click(
    user_id: str,
    channel_id: str,
    button_id: str,
    arguments: Sequence[Any],
    bottom_button_id: str,
) -> Frame:
    """Build a click on a button (platform.md 3.10)."""
    return action(
        types.BUTTON_CLICK,
        user_id,
        channel_id,
        button_id=button_id,
        arguments=[without_nones(argument) for argument in arguments],
        bottom_button_id=bottom_button_id,
    )


def without_nones(value: Any) -> Frame:
    """Return a dataclass or mapping as an object without the fields that are not set."""
    return {key: item for key, item in as_plain(value).items() if item is not None}


def _message_body(
    channel_id: str,
    recipients: str,
    subtype: str,
    content: Any,
    context: Mapping[str, Any] | None,
) -> Frame:
    return {
        "subtype": subtype,
        "channel_id": channel_id,
        "content": without_nones(content),
        "recipients": recipients,
        "timestamp": now_ms(),
        "context": dict(context or {}),
    }


def _frame(type_: str, identity: Mapping[str, str], body: Frame) -> Frame:
    return {"type": type_, "request_id": new_request_id(), **identity, "body": body}
