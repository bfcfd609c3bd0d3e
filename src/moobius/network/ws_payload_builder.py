"""Builds frames: one pure function for each kind of frame that a client sends.

The shapes are those of platform.md 3; field by field what 1.8.0 sends, so that every Platform
understands them. Nothing here sends anything.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from moobius import types
from moobius.errors import PayloadError
from moobius.stamps import Stamps
from moobius.types import as_plain

Frame = dict[str, Any]
Named = str | list[str]
"""Recipients in a frame: the id of a group; or ids, if the Platform accepts them (Q36)."""

AUTH_ORIGIN = "cognito"

_stamps = Stamps()

LOGINS = (types.SERVICE_LOGIN, types.USER_LOGIN)
MESSAGES = (types.MESSAGE_UP, types.MESSAGE_DOWN)

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
    recipients: Named,
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
    recipients: Named,
    subtype: str,
    content: Any,
    context: Mapping[str, Any] | None = None,
    service_id: str = "",
) -> Frame:
    """Build a message from a user to a channel group (platform.md 3.7).

    The `service_id` has no meaning there; 1.8.0 puts the user's id into it.
    """
    body = _message_body(channel_id, recipients, subtype, content, context)
    identity = {"user_id": user_id, "service_id": service_id or user_id}
    return _frame(types.MESSAGE_UP, identity, body)


def update(
    subtype: str,
    service_id: str,
    channel_id: str,
    recipients: Named,
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


def menu_item_click(
    user_id: str,
    channel_id: str,
    menu_item_id: str,
    message: Mapping[str, Any],
    arguments: Sequence[Any],
    bottom_button_id: str,
) -> Frame:
    """Build a choice from the right-click menu of a message (platform.md 3.10).

    Args:
        user_id: Who clicks.
        channel_id: Where.
        menu_item_id: What was chosen.
        message: `message_id`, and `message_subtype` and `message_content` as far as known.
        arguments: What was entered into the dialog.
        bottom_button_id: How the dialog was left.
    """
    return action(
        types.MENU_ITEM_CLICK,
        user_id,
        channel_id,
        menu_item_id=menu_item_id,
        **message,
        arguments=[without_nones(argument) for argument in arguments],
        bottom_button_id=bottom_button_id,
    )


def clicked_message(message: Any) -> tuple[Frame, str]:
    """Return what a click says about a message, as far as it is known, and its channel.

    Args:
        message: A `MessageBody` or its dict, or just its id.

    Raises:
        TypeError: If it is none of these.
    """
    if isinstance(message, str):
        # The Platform fills in what the user's history knows (platform.md 3.10).
        return {"message_id": message, "message_subtype": "<unknown>", "message_content": {}}, ""
    plain = as_plain(message) if isinstance(message, types.MessageBody) else message
    if not isinstance(plain, Mapping):
        raise TypeError(f"expected a message or its id, not {message!r}")
    parts = {
        "message_id": plain.get("message_id"),
        "message_subtype": plain.get("subtype") or "<unknown>",
        "message_content": without_nones(plain.get("content") or {}),
    }
    return parts, plain.get("channel_id") or ""


def channel_info(service_id: str, channel_id: str, info: Mapping[str, Any]) -> Frame:
    """Build news about a channel for all its members (platform.md 3.9)."""
    details = {key: info.get(key, "") for key in ("channel_description", "channel_type")}
    body = {**info, "channel_id": channel_id, "context": details}
    identity = {"subtype": types.UPDATE_CHANNEL_INFO, "channel_id": channel_id}
    return _frame(types.UPDATE, {**identity, "service_id": service_id}, body)


def roger(message_id: str, context: Mapping[str, Any] | None = None) -> Frame:
    """Build the frame that says that a message was seen (platform.md 3.11)."""
    return _frame(types.ROGER, {}, {"message_id": message_id, "context": dict(context or {})})


def without_nones(value: Any) -> Frame:
    """Return a dataclass or mapping as an object without the fields that are not set."""
    return {key: item for key, item in as_plain(value).items() if item is not None}


def asserted_dataclass_asdict(x: Any, the_class: type) -> Frame:
    """Return a dataclass, or a dict that one could be made from, as a dict.

    Args:
        x: An instance of `the_class`, or a dict with its fields.
        the_class: Any dataclass.

    Raises:
        PayloadError: If `x` is neither.
    """
    if isinstance(x, dict):
        try:
            x = the_class(**x)
        except TypeError as error:
            raise PayloadError(f"a dict that is no {the_class.__name__}: {error}") from None
    if not isinstance(x, the_class):
        raise PayloadError(f"expected a {the_class.__name__} or its dict, not {x!r}")
    plain: Frame = as_plain(x)
    return plain


def raw(type_: str, body: Frame, **identity: str) -> Frame:
    """Build a frame of any type around a body that is ready."""
    return _frame(type_, identity, body)


def _message_body(
    channel_id: str,
    recipients: Named,
    subtype: str,
    content: Any,
    context: Mapping[str, Any] | None,
) -> Frame:
    return {
        "subtype": subtype,
        "channel_id": channel_id,
        "content": without_nones(content),
        "recipients": recipients,
        "timestamp": _stamps.next(),
        "context": dict(context or {}),
    }


def _frame(type_: str, identity: Mapping[str, str], body: Frame) -> Frame:
    return {"type": type_, "request_id": new_request_id(), **identity, "body": body}
