"""D2 → D0: what 0.0.1 takes (platform.md 6.2, 6.3). It knows no groups and no menus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from moobius.local.model.outcome import Frame
from moobius.local.wire.to_d1 import Item, action, click_arguments, update, window

Converter = Callable[[Item, Sequence[str]], tuple[Frame, ...]]

CONTENT_KEYS = ("text", "path")
VIEW = ("userlist", "features", "playground", "style", "channel_info")
EMPTY_PANE: Item = {"text": None, "path": None}


def frames(frame: Frame, named: Sequence[str]) -> tuple[Frame, ...]:
    """Return a frame as a client of D0 knows it; what it cannot know is left out."""
    convert = TYPES.get(frame.get("type", ""))
    return (frame,) if convert is None else convert(frame["body"], named)


def _copy(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    context = dict(body["context"])
    if "message" in context:
        context["msg"] = context.pop("message")
    return ({"type": "copy_client", "body": {**body, "context": context}},)


def _message(body: Item) -> Item:
    """Return the part that messages up and down have in common."""
    content = {key: body["content"][key] for key in CONTENT_KEYS if key in body["content"]}
    kept = {key: body[key] for key in ("subtype", "channel_id", "timestamp")}
    return {**kept, "content": content, "msg_id": body["message_id"]}


def _message_up(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    recipients = list(named)
    context = {"recipients": recipients, "group_id": None, "sender": body["sender"]}
    converted = {**_message(body), "recipients": recipients, "context": context}
    return ({"type": "msg_up", "body": converted},)


def _message_down(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    converted = {**_message(body), "sender": body["sender"], "context": body["context"]}
    return ({"type": "msg_down", "body": converted},)


def _update(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    convert = UPDATES.get(body["subtype"])
    return () if convert is None else convert(body, named)


def _characters(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    converted = {"subtype": "update_userlist", "channel_id": body["channel_id"]}
    return (update({**converted, "userlist": list(named), "context": {}}),)


def _buttons(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    converted = {key: value for key, value in body.items() if key != "content"}
    features = [_feature(each) for each in body["content"]]
    return (update({**converted, "subtype": "update_features", "features": features}),)


def _feature(item: Item) -> Item:
    text = item["button_text"]
    converted = {"feature_id": item["button_id"], "feature_name": text, "button_text": text}
    return {**converted, **window(item["dialog"])}


def _canvas(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    pane = next(iter(body["content"]), EMPTY_PANE)  # there was only one
    return (update({**body, "subtype": "update_playground", "content": pane}),)


def _action(body: Item, named: Sequence[str]) -> tuple[Frame, ...]:
    convert = ACTIONS.get(body["subtype"])
    return () if convert is None else convert(body)


def _feature_call(body: Item) -> tuple[Frame, ...]:
    kept = {key: body[key] for key in ("channel_id", "context", "sender")}
    call = {"feature_id": body["button_id"], "arguments": click_arguments(body), **kept}
    return ({"type": "feature_call", "body": call},)


UPDATES: Mapping[str, Converter] = {
    "characters": _characters,
    "buttons": _buttons,
    "canvas": _canvas,
    "style": lambda body, named: (update({**body, "subtype": "update_style"}),),
    "channel_info": lambda body, named: (update(body),),
}

ACTIONS: Mapping[str, Callable[[Item], tuple[Frame, ...]]] = {
    "join": lambda body: (action(body, "join_channel"),),
    "leave": lambda body: (action(body, "leave_channel"),),
    "refresh": lambda body: tuple(action(body, f"fetch_{part}") for part in VIEW),
    "button_click": _feature_call,
}

TYPES: Mapping[str, Converter] = {
    "copy": _copy,
    "message_up": _message_up,
    "message_down": _message_down,
    "update": _update,
    "action": _action,
}
