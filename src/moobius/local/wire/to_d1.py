"""D2 → D1: what 1.0 to 1.3.7 and the JavaScript SDK take (platform.md 6.2 to 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from moobius.local.model.outcome import Frame

Item = dict[str, Any]
Converter = Callable[[Item], tuple[Frame, ...]]

BUTTON_TYPE = "button"
"""1.3.7 needs some text there, and looks no further (platform.md 6.4)."""

INPUT_TYPES = {"text": "string", "dropdown": "enum"}
SUBTYPES = {"menu": "update_context_menu"}  # the others only have `update_` in front
VIEW = ("characters", "buttons", "canvas", "context_menu", "channel_info")


def frames(frame: Frame, named: Sequence[str]) -> tuple[Frame, ...]:
    """Return a frame as a client of D1 knows it."""
    convert = TYPES.get(frame.get("type", ""))
    return (frame,) if convert is None else convert(frame["body"])


def _update(body: Item) -> tuple[Frame, ...]:
    subtype = body["subtype"]
    item = ITEMS.get(subtype)
    content = body["content"] if item is None else [item(each) for each in body["content"]]
    older = SUBTYPES.get(subtype, f"update_{subtype}")
    return (update({**body, "subtype": older, "content": content}),)


def _action(body: Item) -> tuple[Frame, ...]:
    return ACTIONS[body["subtype"]](body)


def _refresh(body: Item) -> tuple[Frame, ...]:
    return tuple(action(body, f"fetch_{part}") for part in VIEW)


def _button_click(body: Item) -> tuple[Frame, ...]:
    click = {key: value for key, value in body.items() if key != "subtype"}
    click["button_type"] = body.get("button_type", BUTTON_TYPE)
    click["arguments"] = click_arguments(body)
    return ({"type": "button_click", "body": click},)


def _menu_item_click(body: Item) -> tuple[Frame, ...]:
    dropped = ("subtype", "menu_item_id")
    click = {key: value for key, value in body.items() if key not in dropped}
    click["item_id"] = body["menu_item_id"]
    click.setdefault("message_id", "")
    click["arguments"] = click_arguments(body)
    return ({"type": "menu_click", "body": click},)


def update(body: Item) -> Frame:
    """Build an update."""
    return {"type": "update", "body": body}


def action(body: Item, subtype: str) -> Frame:
    """Build an action of the same member in the same channel."""
    return {"type": "action", "body": {**body, "subtype": subtype}}


def click_arguments(body: Item) -> list[Item]:
    """Return what was entered, by name instead of by label."""
    return [{"name": each["label"], "value": each["value"]} for each in body["arguments"]]


def window(dialog: Item | None) -> Item:
    """Return a dialog as the fields that a button or a menu item had for it."""
    components = dialog["components"] if dialog else []
    return {"new_window": dialog is not None, "arguments": [_input(each) for each in components]}


def _button(item: Item) -> Item:
    # Other builds of the time took `button_text` as well; 1.3.7 falls over a key that it lacks.
    converted = {"button_id": item["button_id"], "button_name": item["button_text"]}
    return {
        **converted,
        **window(item["dialog"]),
        "bottom_buttons": _bottom_buttons(item["dialog"]),
    }


def _menu_item(item: Item) -> Item:
    return {
        "item_id": item["menu_item_id"],
        "item_name": item["menu_item_text"],
        "support_subtype": item["message_subtypes"],
        **window(item["dialog"]),
    }


def _input(item: Item) -> Item:
    return {
        "name": item["label"],
        "type": INPUT_TYPES.get(item["type"], item["type"]),
        "optional": not item["required"],
        "values": item["choices"],
        "placeholder": item["placeholder"],
    }


def _bottom_buttons(dialog: Item | None) -> list[Item] | None:
    buttons = dialog["bottom_buttons"] if dialog else None
    if buttons is None:
        return None
    return [
        {"text": each["text"], "type": "confirm" if each["submit"] else "cancel"}
        for each in buttons
    ]


ITEMS: Mapping[str, Callable[[Item], Item]] = {"buttons": _button, "menu": _menu_item}

ACTIONS: Mapping[str, Converter] = {
    "join": lambda body: (action(body, "join_channel"),),
    "leave": lambda body: (action(body, "leave_channel"),),
    "refresh": _refresh,
    "button_click": _button_click,
    "menu_item_click": _menu_item_click,
}

TYPES: Mapping[str, Converter] = {"update": _update, "action": _action}
