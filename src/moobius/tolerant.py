"""Makes dataclasses from JSON objects, tolerantly: whatever they lack or have besides.

Unknown keys are ignored, absent ones filled, older spellings of a key understood (sdk.md 3.7).
Which class a frame means is decided in `network/frame_reader.py`; here it is known.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from moobius import values, words
from moobius.values import default_of

T = TypeVar("T")
Raw = Mapping[str, Any]

# What stands in for an absent field without a default, by its annotation.
_EMPTY: Mapping[str, Any] = {"str": "", "int": 0, "bool": False}


def from_dict(cls: type[T], raw: Any) -> T:
    """Make a dataclass, and those inside it, from a dict that may lack keys or have more.

    Args:
        cls: Any dataclass; those of `moobius.types` also understand the older keys.
        raw: A dict; an instance of `cls` is returned as it is.
    """
    if isinstance(raw, cls):
        return raw
    data = raw if isinstance(raw, Mapping) else {}
    reader = _READERS.get(cls)
    return cast(T, reader(data)) if reader else build(cls, data)


def build(cls: type[T], raw: object, **known: Any) -> T:
    """Make a dataclass from the keys it knows; what is absent gets its default, or is empty.

    Args:
        cls: The dataclass.
        raw: Where its fields are looked up; anything but a mapping has none.
        **known: Fields whose value is known already.
    """
    data = raw if isinstance(raw, Mapping) else {}
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        if field.name in known:
            fields[field.name] = known[field.name]
        elif data.get(field.name) is not None:
            fields[field.name] = data[field.name]
        elif default_of(field) is dataclasses.MISSING:
            fields[field.name] = _EMPTY.get(str(field.type))
    return cls(**fields)


def as_update_body(payload_body: Any) -> values.UpdateBody:
    """Return the `UpdateBody` that a dict stands for, with every item as its dataclass.

    Args:
        payload_body: The body of an `update` frame; its `subtype` says what the items are. A
            body that is an `UpdateBody` already is returned as it is.
    """
    return from_dict(values.UpdateBody, payload_body)


def items_of(value: object) -> list[Any]:
    """Return a list as it is, one thing as a list, and nothing as an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


# ---- One reader for each class that is more than its fields --------------------------------------


def _message(body: Raw) -> values.MessageBody:
    timestamp, recipients = body.get("timestamp"), body.get("recipients")
    return build(
        values.MessageBody,
        body,
        content=from_dict(values.MessageContent, body.get("content")),
        recipients=recipients if isinstance(recipients, list) else [],
        timestamp=timestamp if isinstance(timestamp, int) else 0,
    )


def _button_click(body: Raw) -> values.ButtonClick:
    return build(values.ButtonClick, body, arguments=_arguments(body))


def _menu_item_click(body: Raw) -> values.MenuItemClick:
    return build(
        values.MenuItemClick,
        {"menu_item_id": body.get("item_id"), **body},
        message_content=from_dict(values.MessageContent, body.get("message_content")),
        arguments=_arguments(body),
    )


def _arguments(body: Raw) -> list[values.ClickArgument]:
    # 1.8.0 user clients wrap the list once too often (platform.md 3.10).
    found = [argument for item in items_of(body.get("arguments")) for argument in items_of(item)]
    return [
        from_dict(values.ClickArgument, argument)
        if isinstance(argument, (Mapping, values.ClickArgument))
        else values.ClickArgument(label="", value=str(argument))
        for argument in found
    ]


def _click_argument(raw: Raw) -> values.ClickArgument:
    value = raw.get("value")
    value = value if value is None or isinstance(value, str) else str(value)
    return build(values.ClickArgument, {"label": raw.get("name"), **raw}, value=value)


def _copy(body: Raw) -> values.CopyBody:
    return build(values.CopyBody, body, status=body.get("status") is True)


def _dialog(raw: Raw) -> values.Dialog:
    components = [from_dict(values.InputComponent, i) for i in items_of(raw.get("components"))]
    bottom = [from_dict(values.BottomButton, i) for i in items_of(raw.get("bottom_buttons"))]
    return build(values.Dialog, raw, components=components or None, bottom_buttons=bottom or None)


def _with_dialog(cls: type[T]) -> Callable[[Raw], T]:
    def read(raw: Raw) -> T:
        dialog = raw.get("dialog")
        is_dialog = isinstance(dialog, (Mapping, values.Dialog))
        return build(cls, raw, dialog=from_dict(values.Dialog, dialog) if is_dialog else None)

    return read


def _channel_info(raw: Raw) -> values.ChannelInfo:
    context = raw.get("context")
    return build(values.ChannelInfo, {**(context if isinstance(context, Mapping) else {}), **raw})


def _character(raw: Raw) -> values.Character:
    context = raw.get("character_context")
    return build(values.Character, {**(context if isinstance(context, Mapping) else {}), **raw})


# Subtype of an update -> the field of `UpdateItem` that its items set, and their class.
_UPDATED: Mapping[str, tuple[str, type]] = {
    words.UPDATE_CHARACTERS: ("character", values.Character),
    words.UPDATE_BUTTONS: ("button", values.Button),
    words.UPDATE_MENU: ("menu_item", values.MenuItem),
    words.UPDATE_CANVAS: ("canvas_item", values.CanvasItem),
    words.UPDATE_STYLE: ("style_item", values.StyleItem),
    words.UPDATE_CHANNEL_INFO: ("channel_info", values.ChannelInfo),
}


def _update_item(raw: Raw) -> values.UpdateItem:
    given: dict[str, Any] = {
        name: from_dict(cls, raw[name])
        for name, cls in _UPDATED.values()
        if raw.get(name) is not None
    }
    return build(values.UpdateItem, given)


def _update(body: Raw) -> values.UpdateBody:
    recipients, content = body.get("recipients"), body.get("content")
    if isinstance(content, Mapping) and "characters" in content:
        content = content["characters"]
    known = _UPDATED.get(str(body.get("subtype")).removeprefix("update_"))
    # A text here is the id of a group, whose members are filled in later.
    found = [] if known is None or isinstance(content, str) else items_of(content)
    return build(
        values.UpdateBody,
        body,
        content=[_updated(item, *known) for item in found if known],
        recipients=recipients if isinstance(recipients, list) else [],
    )


def _updated(item: Any, name: str, cls: type) -> values.UpdateItem:
    if isinstance(item, values.UpdateItem) or (isinstance(item, Mapping) and name in item):
        return from_dict(values.UpdateItem, item)
    if isinstance(item, str) and cls is values.Character:
        item = {"character_id": item}
    return build(values.UpdateItem, {name: from_dict(cls, item)})


_READERS: Mapping[type, Callable[[Raw], Any]] = {
    values.Button: _with_dialog(values.Button),
    values.ButtonClick: _button_click,
    values.ChannelInfo: _channel_info,
    values.Character: _character,
    values.ClickArgument: _click_argument,
    values.CopyBody: _copy,
    values.Dialog: _dialog,
    values.MenuItem: _with_dialog(values.MenuItem),
    values.MenuItemClick: _menu_item_click,
    values.MessageBody: _message,
    values.UpdateBody: _update,
    values.UpdateItem: _update_item,
}
