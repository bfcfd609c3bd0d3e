"""Decodes every frame of the Platform, once: from text to dataclasses.

Reading is tolerant (sdk.md 3.7): unknown keys are ignored, absent ones filled, older spellings
of a type or subtype read as the current one. Groups stay ids here, in `Inbound.recipients` and
`Inbound.characters`; `core/dispatch.py` looks up their members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from moobius import types
from moobius.errors import PayloadError
from moobius.tolerant import from_dict

Raw = Mapping[str, Any]

_decode = msgspec.json.Decoder().decode

# What older and newer Platforms call the same thing (platform.md 6.2). First the type ...
TYPES: Mapping[str, str] = {
    "msg_up": types.MESSAGE_UP,
    "msg_down": types.MESSAGE_DOWN,
    "copy_client": types.COPY,
}
# ... then type and subtype together; "" is any or none.
SPELLINGS: dict[tuple[str, str], tuple[str, str]] = {
    (types.ACTION, "join_channel"): (types.ACTION, types.JOIN),
    (types.ACTION, "leave_channel"): (types.ACTION, types.LEAVE),
    (types.ACTION, "menu_click"): (types.ACTION, types.MENU_ITEM_CLICK),
    (types.REFRESH, ""): (types.ACTION, types.REFRESH),
    (types.BUTTON_CLICK, ""): (types.ACTION, types.BUTTON_CLICK),
    ("feature_call", ""): (types.ACTION, types.BUTTON_CLICK),
    ("menu_click", ""): (types.ACTION, types.MENU_ITEM_CLICK),
    **{
        (types.UPDATE, f"update_{subtype}"): (types.UPDATE, subtype)
        for subtype in ("characters", "buttons", "canvas", "style", "menu", "channel_info")
    },
    (types.UPDATE, "update_context_menu"): (types.UPDATE, types.UPDATE_MENU),
    (types.UPDATE, "update_userlist"): (types.UPDATE, types.UPDATE_CHARACTERS),
    (types.UPDATE, "update_features"): (types.UPDATE, types.UPDATE_BUTTONS),
    (types.UPDATE, "update_playground"): (types.UPDATE, types.UPDATE_CANVAS),
}

# Older requests for one part of the view each; several in a burst are one refresh today.
FETCHES = frozenset(
    f"fetch_{part}"
    for part in (
        *("characters", "userlist", "buttons", "features", "canvas", "playground"),
        *("style", "menu", "context_menu", "channel_info"),
    )
)
SPELLINGS.update(((types.ACTION, fetch), (types.ACTION, types.REFRESH)) for fetch in FETCHES)

# Keys of a body: as they were called -> as they are called.
_KEYS: Mapping[str, str] = {
    "msg_id": "message_id",
    "feature_id": "button_id",
    "features": "content",
    "userlist": "content",
}


@dataclass
class Inbound:
    """One frame, read."""

    type: str
    subtype: str
    channel_id: str
    sender: str
    event: Any
    """A dataclass of `moobius.types`; for frames of an unknown kind, the whole frame as a dict."""
    recipients: Any = None
    """As it came: a group id, a list of ids, or nothing."""
    characters: Any = None
    """Of a characters update, as it came: a group id, or a list of ids or of objects."""
    is_fetch: bool = field(default=False, compare=False)
    """Whether a refresh came as one of the older requests for a part of the view."""

    @property
    def summary(self) -> str:
        """What the frame is, without what is in it."""
        if isinstance(self.event, types.CopyBody):
            return f"copy of {self.event.origin_type}: {self.event.status}"
        parts = (self.type, self.subtype, self.channel_id, self.sender and f"from {self.sender}")
        return " ".join(part for part in parts if part)


def read_frame(text: str | bytes) -> Inbound:
    """Read one frame.

    Raises:
        PayloadError: If it is not JSON, or not an object.
    """
    try:
        frame = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PayloadError(f"a frame that is not JSON: {error}") from None
    if not isinstance(frame, dict):
        raise PayloadError(f"a frame must be an object, not {type(frame).__name__}")
    body = frame.get("body")
    body = _with_current_keys(body) if isinstance(body, dict) else {}
    came_as = _text(body.get("subtype") or frame.get("subtype"))
    kind = _current(_text(frame.get("type")), came_as)
    cls = _CLASSES.get(kind) or _CLASSES.get((kind[0], ""))
    context = body["context"] if isinstance(body.get("context"), dict) else None
    sender = _text(body.get("sender") or (context or {}).get("sender"))
    channel_id = _text(body.get("channel_id"))
    shows_characters = kind == (types.UPDATE, types.UPDATE_CHARACTERS)
    # Recipients and characters are filled in later, when their groups are looked up.
    named = {
        **body,
        **{"subtype": kind[1], "channel_id": channel_id, "sender": sender, "context": context},
        **{"request_id": _text(body.get("request_id")), "recipients": None},
        "content": None if shows_characters else body.get("content"),
        # The wire of 1.8.0 has no place of its own for it; we send it inside the context.
        "user_data": body.get("user_data", (context or {}).get("user_data")),
    }
    return Inbound(
        type=kind[0],
        subtype=kind[1],
        channel_id=channel_id,
        sender=sender,
        event=frame if cls is None else from_dict(cls, named),
        recipients=body.get("recipients"),
        characters=_characters(body) if shows_characters else None,
        is_fetch=kind == (types.ACTION, types.REFRESH) and came_as in FETCHES,
    )


def read_action(body: Raw) -> Any:
    """Read the body of an action by itself.

    Raises:
        PayloadError: If its subtype is none we know.
    """
    named = {**_with_current_keys(body), "sender": body.get("sender") or ""}
    kind = _current(types.ACTION, _text(body.get("subtype")))
    cls = _CLASSES.get(kind)
    if cls is None:
        raise PayloadError(f"an action of an unknown subtype: {kind[1]!r}")
    return from_dict(cls, {**named, "subtype": kind[1]})


def _current(type_: str, subtype: str) -> tuple[str, str]:
    """Return how type and subtype are spelled today."""
    kind = (TYPES.get(type_, type_), subtype)
    return SPELLINGS.get(kind) or SPELLINGS.get((kind[0], "")) or kind


def _with_current_keys(body: Raw) -> Raw:
    if _KEYS.keys().isdisjoint(body):
        return body
    return {**{new: body[old] for old, new in _KEYS.items() if old in body}, **body}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _characters(body: Raw) -> Any:
    content = body.get("content")
    shown = content.get("characters") if isinstance(content, dict) else content
    return [_character(item) for item in shown] if isinstance(shown, list) else shown


def _character(item: Any) -> Any:
    """Return an entry of a character list as an id, or as an object with today's keys."""
    if not isinstance(item, dict) or "user_id" not in item:
        return item
    context = item.get("user_context") or item.get("context")
    context = context if isinstance(context, dict) else {}
    today = {"name": context.get("nickname"), **context}
    return {"character_id": item["user_id"], "character_context": today}


# The class that each kind of frame is read into.
_CLASSES: dict[tuple[str, str], type] = {
    (types.MESSAGE_UP, ""): types.MessageBody,
    (types.MESSAGE_DOWN, ""): types.MessageBody,
    (types.ACTION, types.JOIN): types.SimpleAction,
    (types.ACTION, types.LEAVE): types.SimpleAction,
    (types.ACTION, types.REFRESH): types.SimpleAction,
    (types.ACTION, types.BUTTON_CLICK): types.ButtonClick,
    (types.ACTION, types.MENU_ITEM_CLICK): types.MenuItemClick,
    (types.COPY, ""): types.CopyBody,
    (types.UPDATE, types.UPDATE_CHARACTERS): types.UpdateBody,
    (types.UPDATE, types.UPDATE_BUTTONS): types.UpdateBody,
    (types.UPDATE, types.UPDATE_MENU): types.UpdateBody,
    (types.UPDATE, types.UPDATE_CANVAS): types.UpdateBody,
    (types.UPDATE, types.UPDATE_STYLE): types.UpdateBody,
    (types.UPDATE, types.UPDATE_CHANNEL_INFO): types.UpdateBody,
}
