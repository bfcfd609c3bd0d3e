"""The objects inside payloads, in the one shape modern clients take (platform.md 3.12, 6.3).

Each function takes what any client ever sent and returns exactly the keys of the D2 object:
original clients break on one key more. Older spellings are rows of the tables.
"""

from __future__ import annotations

from typing import Any

from moobius.local.model.refusal import malformed
from moobius.local.wire.fields import objects

Item = dict[str, Any]

INPUT_TYPES = {"string": "text", "enum": "dropdown"}
CONTENT_KEYS = ("text", "path", "size", "filename", "link", "title", "button")
STYLE_KEYS = ("widget", "display", "expand", "button_id", "text")
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
        "message_subtypes": [] if subtypes is None else subtypes,
        "dialog": _dialog_of(item),
    }


def canvas_item(item: Item) -> Item:
    """Return a pane of the canvas."""
    return {"text": item.get("text"), "path": item.get("path")}


def style_item(item: Item) -> Item:
    """Return a style hint; words for `expand` become booleans.

    A `button_hook`, which older examples have, comes down to the button it names: 1.8.0 takes
    these five keys and no other.
    """
    style: Item = {key: item.get(key) for key in STYLE_KEYS}
    hook = item.get("button_hook")
    if style["button_id"] is None and isinstance(hook, dict):
        style["button_id"] = hook.get("button_id")
    if isinstance(style["widget"], str):
        style["widget"] = WIDGETS.get(style["widget"], style["widget"])
    if isinstance(style["expand"], str):
        style["expand"] = style["expand"].lower() == "true"
    return style


def _dialog_of(item: Item) -> Item | None:
    dialog = item.get("dialog")
    if isinstance(dialog, dict):
        return _dialog(dialog)
    if item.get("new_window") in (True, "true"):
        parts = {"components": item.get("arguments"), "bottom_buttons": item.get("bottom_buttons")}
        return _dialog(parts)
    return None  # absent, null, or the `false` that demos send


def _dialog(dialog: Item) -> Item:
    components, bottom = dialog.get("components"), dialog.get("bottom_buttons")
    return {
        "title": dialog.get("title") or "Dialog",
        "components": [_input(each) for each in objects(components, "dialog.components")],
        "bottom_buttons": None
        if bottom is None
        else [_bottom_button(each) for each in objects(bottom, "dialog.bottom_buttons")],
    }


def _input(item: Item) -> Item:
    kind = item.get("type", "text")
    required = not item["optional"] if "optional" in item else item.get("required", False)
    return {
        "label": _first(item, "label", "name"),
        "type": INPUT_TYPES.get(kind, kind) if isinstance(kind, str) else "text",
        "required": bool(required),
        "placeholder": item.get("placeholder"),
        "choices": item.get("choices", item.get("values")),
    }


def _bottom_button(item: Item) -> Item:
    words = item.get("text") or ""
    submit = item["submit"] if "submit" in item else item.get("type") != "cancel"
    return {"id": item.get("id") or str(words).lower(), "text": words, "submit": bool(submit)}


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
    return value if isinstance(value, str) else str(value)


def message_content(content: Item) -> Item:
    """Keep the content keys an original service takes (platform.md 3.10, menu click)."""
    return {key: content[key] for key in CONTENT_KEYS if key in content}
