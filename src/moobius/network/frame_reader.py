"""Text in, values out: every frame of the Platform is decoded here, once.

Reading is tolerant (sdk.md 3.7): unknown keys are ignored, absent ones filled, older spellings
of a type or subtype read as the current one. Groups stay ids here; whoever needs their members
resolves `Inbound.recipients` and `Inbound.characters`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from moobius import types
from moobius.errors import PayloadError

T = TypeVar("T")
Raw = Mapping[str, Any]

_decode = msgspec.json.Decoder().decode

# What older and newer Platforms call the same thing. Keys are (type, subtype); "" is any or none.
SPELLINGS: dict[tuple[str, str], tuple[str, str]] = {
    (types.ACTION, "join_channel"): (types.ACTION, types.JOIN),
    (types.ACTION, "leave_channel"): (types.ACTION, types.LEAVE),
    (types.ACTION, "menu_click"): (types.ACTION, types.MENU_ITEM_CLICK),
    (types.REFRESH, ""): (types.ACTION, types.REFRESH),
    (types.BUTTON_CLICK, ""): (types.ACTION, types.BUTTON_CLICK),
    ("menu_click", ""): (types.ACTION, types.MENU_ITEM_CLICK),
    **{
        (types.UPDATE, f"update_{subtype}"): (types.UPDATE, subtype)
        for subtype in ("characters", "buttons", "canvas", "style", "menu", "channel_info")
    },
    (types.UPDATE, "update_context_menu"): (types.UPDATE, types.UPDATE_MENU),
}


@dataclass
class Inbound:
    """One frame, read."""

    type: str
    subtype: str
    channel_id: str
    sender: str
    event: Any
    """A dataclass of `moobius.types`; for frames nobody knows, the whole frame as a dict."""
    recipients: Any = None
    """As it came: a group id, a list of ids, or nothing."""
    characters: Any = None
    """Of a characters update, as it came: a group id, or a list of ids or of objects."""


def read_frame(text: str | bytes) -> Inbound:
    """Read one frame.

    Raises:
        PayloadError: If it is not JSON, not an object, or misses what no default can replace.
    """
    try:
        frame = _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise PayloadError(f"a frame that is not JSON: {error}") from None
    if not isinstance(frame, dict):
        raise PayloadError(f"a frame must be an object, not {type(frame).__name__}")
    body = frame.get("body")
    body = body if isinstance(body, dict) else {}
    kind = (_text(frame.get("type")), _text(body.get("subtype") or frame.get("subtype")))
    kind = SPELLINGS.get(kind) or SPELLINGS.get((kind[0], "")) or kind
    reader = _READERS.get(kind) or _READERS.get((kind[0], ""))
    context = body["context"] if isinstance(body.get("context"), dict) else None
    sender = body.get("sender") or (context or {}).get("sender")
    named = {**body, "subtype": kind[1], "sender": sender, "context": context}
    return Inbound(
        type=kind[0],
        subtype=kind[1],
        channel_id=_text(body.get("channel_id")),
        sender=_text(sender),
        event=frame if reader is None else reader(named),
        recipients=body.get("recipients"),
        characters=_characters(body) if kind == (types.UPDATE, types.UPDATE_CHARACTERS) else None,
    )


def build(cls: type[T], raw: object, **values: Any) -> T:
    """Make a dataclass from the keys it knows; what is absent gets its default, or is empty."""
    data = raw if isinstance(raw, Mapping) else {}
    known: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in values:
            known[field.name] = values[field.name]
        elif data.get(field.name) is not None:
            known[field.name] = data[field.name]
        elif field.default is dataclasses.MISSING:
            known[field.name] = _EMPTY.get(str(field.type))
    return cls(**known)


# What stands in for an absent field without a default, by its annotation.
_EMPTY: Mapping[str, Any] = {"str": "", "int": 0, "bool": False}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _items(value: object) -> list[Any]:
    """Return a list as it is, one thing as a list, and nothing as an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _characters(body: Raw) -> Any:
    content = body.get("content")
    return content.get("characters") if isinstance(content, dict) else content


# ---- One reader for each kind of frame ---------------------------------------------------------


def _message(body: Raw) -> types.MessageBody:
    content = build(types.MessageContent, body.get("content"))
    timestamp = body.get("timestamp")
    return build(
        types.MessageBody,
        body,
        content=content,
        recipients=[],
        timestamp=timestamp if isinstance(timestamp, int) else 0,
    )


def _simple_action(body: Raw) -> types.SimpleAction:
    return build(types.SimpleAction, body)


def _button_click(body: Raw) -> types.ButtonClick:
    return build(types.ButtonClick, body, arguments=_arguments(body))


def _menu_item_click(body: Raw) -> types.MenuItemClick:
    content = build(types.MessageContent, body.get("message_content"))
    return build(
        types.MenuItemClick,
        {"menu_item_id": body.get("item_id"), **body},
        message_content=content,
        arguments=_arguments(body),
    )


def _arguments(body: Raw) -> list[types.ClickArgument]:
    arguments: list[types.ClickArgument] = []
    for item in _items(body.get("arguments")):
        # 1.8.0 user clients wrap the list once too often (platform.md 3.10).
        for argument in _items(item):
            if isinstance(argument, dict):
                named = {"label": argument.get("name"), **argument}
                value = argument.get("value")
                value = value if value is None or isinstance(value, str) else str(value)
                arguments.append(build(types.ClickArgument, named, value=value))
            else:
                arguments.append(types.ClickArgument(label="", value=str(argument)))
    return arguments


def _copy(body: Raw) -> types.CopyBody:
    return build(types.CopyBody, body, status=body.get("status") is True)


def _update(make: Callable[[object], tuple[str, Any]]) -> Callable[[Raw], types.UpdateBody]:
    """Make a reader of updates whose items are read by `make`: (field of UpdateItem, value)."""

    def read(body: Raw) -> types.UpdateBody:
        content = [
            build(types.UpdateItem, dict([make(item)])) for item in _items(body.get("content"))
        ]
        return build(types.UpdateBody, body, content=content, recipients=[])

    return read


def _dialog(raw: object) -> types.Dialog | None:
    if not isinstance(raw, dict):
        return None
    components = [build(types.InputComponent, item) for item in _items(raw.get("components"))]
    bottom = [build(types.BottomButton, item) for item in _items(raw.get("bottom_buttons"))]
    return build(types.Dialog, raw, components=components or None, bottom_buttons=bottom or None)


def _with_dialog(cls: type[T], raw: object) -> T:
    return build(cls, raw, dialog=_dialog(raw.get("dialog") if isinstance(raw, dict) else None))


def _channel_info(raw: object) -> types.ChannelInfo:
    data = raw if isinstance(raw, dict) else {}
    context = data.get("context")
    return build(types.ChannelInfo, {**(context if isinstance(context, dict) else {}), **data})


_READERS: dict[tuple[str, str], Callable[[Raw], Any]] = {
    (types.MESSAGE_UP, ""): _message,
    (types.MESSAGE_DOWN, ""): _message,
    (types.ACTION, types.JOIN): _simple_action,
    (types.ACTION, types.LEAVE): _simple_action,
    (types.ACTION, types.REFRESH): _simple_action,
    (types.ACTION, types.BUTTON_CLICK): _button_click,
    (types.ACTION, types.MENU_ITEM_CLICK): _menu_item_click,
    (types.COPY, ""): _copy,
    # The characters themselves are put in by whoever resolves the group.
    (types.UPDATE, types.UPDATE_CHARACTERS): lambda body: build(
        types.UpdateBody, body, content=[], recipients=[]
    ),
    (types.UPDATE, types.UPDATE_BUTTONS): _update(
        lambda raw: ("button", _with_dialog(types.Button, raw))
    ),
    (types.UPDATE, types.UPDATE_MENU): _update(
        lambda raw: ("menu_item", _with_dialog(types.MenuItem, raw))
    ),
    (types.UPDATE, types.UPDATE_CANVAS): _update(
        lambda raw: ("canvas_item", build(types.CanvasItem, raw))
    ),
    (types.UPDATE, types.UPDATE_STYLE): _update(
        lambda raw: ("style_item", build(types.StyleItem, raw))
    ),
    (types.UPDATE, types.UPDATE_CHANNEL_INFO): _update(
        lambda raw: ("channel_info", _channel_info(raw))
    ),
}
