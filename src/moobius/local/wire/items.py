"""The objects inside payloads, in the one shape modern clients take (platform.md 3.12, 6.3).

Each function takes what any client ever sent and returns exactly the keys of the D2 object:
original clients break on one key more. Older spellings are rows of the tables.
"""

from __future__ import annotations

from typing import Any

import msgspec

from moobius.local.model.refusal import malformed
from moobius.local.wire.fields import flag, objects, text_or_null, texts

Item = dict[str, Any]

INPUT_TYPES = {"string": "text", "enum": "dropdown"}
CONTENT_TEXTS = ("text", "path", "filename", "link", "title", "button")
CONTENT_KEYS = (*CONTENT_TEXTS, "size")
STYLE_TEXTS = ("widget", "display", "button_id", "text")
COMPONENT = "dialog.components."
WIDGETS = {"playground": "canvas", "feature": "button"}


def button(item: Item) -> Item:
    """Return a button; the arguments of an older one become its dialog."""
    return {
        "button_id": _first(item, "button_id", "feature_id"),
        "button_text": _first(item, "button_text", "button_name", "feature_name"),
        "dialog": _dialog_of(item),
    }


def menu_item(item: Item) -> Item:
    """Return a menu item."""
    subtypes = item.get("message_subtypes", item.get("support_subtype"))
    if isinstance(subtypes, str):
        subtypes = [subtypes]
    return {
        "menu_item_id": _first(item, "menu_item_id", "item_id"),
        "menu_item_text": _first(item, "menu_item_text", "item_name"),
        "message_subtypes": [] if subtypes is None else texts(subtypes, "message_subtypes"),
        "dialog": _dialog_of(item),
    }


def canvas_item(item: Item) -> Item:
    """Return a pane of the canvas."""
    return {name: text_or_null(item, name) for name in ("text", "path")}


def style_item(item: Item) -> Item:
    """Return a style hint; words for `expand` become booleans.

    A `button_hook`, which older examples have, comes down to the button it names: 1.8.0 takes
    these five keys and no other.
    """
    style: Item = {name: text_or_null(item, name) for name in STYLE_TEXTS}
    hook = item.get("button_hook")
    if style["button_id"] is None and isinstance(hook, dict):
        style["button_id"] = text_or_null(hook, "button_id", "button_hook.")
    style["widget"] = WIDGETS.get(style["widget"], style["widget"])
    return {**style, "expand": flag(item, "expand")}


def _dialog_of(item: Item) -> Item | None:
    dialog = item.get("dialog")
    if isinstance(dialog, dict):
        return _dialog(dialog)
    if dialog and dialog != "false":  # demos send `false` for none
        raise malformed("dialog must be an object")
    if flag(item, "new_window"):
        parts = {"components": item.get("arguments"), "bottom_buttons": item.get("bottom_buttons")}
        return _dialog(parts)
    return None


def _dialog(dialog: Item) -> Item:
    components, bottom = dialog.get("components"), dialog.get("bottom_buttons")
    return {
        "title": text_or_null(dialog, "title", "dialog.") or "Dialog",
        "components": [_input(each) for each in objects(components, "dialog.components")],
        "bottom_buttons": None
        if bottom is None
        else [_bottom_button(each) for each in objects(bottom, "dialog.bottom_buttons")],
    }


def _input(item: Item) -> Item:
    kind = text_or_null(item, "type") or "text"
    optional = flag(item, "optional", COMPONENT)
    required = flag(item, "required", COMPONENT) if optional is None else not optional
    return {
        "label": _first(item, "label", "name"),
        "type": INPUT_TYPES.get(kind, kind),
        "required": bool(required),
        "placeholder": text_or_null(item, "placeholder"),
        "choices": _choices(item.get("choices", item.get("values"))),
    }


def _choices(value: Any) -> list[str] | None:
    """Return what may be chosen as texts, for a text is what a click sends back."""
    if value is None:
        return None
    plain = isinstance(value, list) and not any(isinstance(each, dict | list) for each in value)
    if not plain:
        raise malformed("choices must be a list of strings")
    return [_as_text(each) for each in value]


def _bottom_button(item: Item) -> Item:
    words = text_or_null(item, "text") or ""
    submit = flag(item, "submit", "dialog.bottom_buttons.")
    button_id = text_or_null(item, "id") or words.lower()
    if submit is None:
        submit = item.get("type") != "cancel"
    return {"id": button_id, "text": words, "submit": submit}


def _first(item: Item, *names: str) -> str:
    """Return the first of the fields that is there, so that a new spelling wins over an old."""
    for name in names:
        value = item.get(name)
        if isinstance(value, str):
            return value
    raise malformed(f"{names[0]} is required")


def click_arguments(value: Any) -> list[Item]:
    """Return click arguments: flat, labelled, with texts for values (platform.md 3.10)."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed("arguments must be a list")
    flat = [each for part in value for each in (part if isinstance(part, list) else [part])]
    return [_click_argument(each) for each in flat]


def _click_argument(item: Any) -> Item:
    if not isinstance(item, dict):
        return {"label": "", "value": _as_text(item)}
    label = item.get("label", item.get("name"))
    argument = {"label": _as_text(label), "value": _as_text(item.get("value"))}
    if item.get("filename") is not None:
        argument["filename"] = _as_text(item["filename"])
    return argument


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def checked_content(content: Item, name: str) -> Item:
    """Return the content of a message if what is known of it is as it should be.

    Keys that are not known pass (platform.md 3.12).
    """
    for key in CONTENT_TEXTS:
        text_or_null(content, key, f"{name}.")
    size = content.get("size")
    if size is not None and type(size) is not int:
        raise malformed(f"{name}.size must be a whole number")
    return content


def message_content(content: Item) -> Item:
    """Keep the content keys an original service takes (platform.md 3.10, menu click)."""
    checked_content(content, "message_content")
    return {key: content[key] for key in CONTENT_KEYS if key in content}
