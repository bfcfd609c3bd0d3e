"""Text → `Request` → command: decode once, and speak D2 from here on (platform.md 3, 6.4).

Older names are rows of the tables. A frame that cannot be read raises `Unreadable`; a frame
that can be read but not carried out raises `Refused` with the name of the field.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from moobius.errors import PayloadError
from moobius.local.model.commands import Action, MessageDown, MessageUp, Update
from moobius.local.model.refusal import malformed
from moobius.local.wire import fields, items

DEEPEST = 64
DIGEST_BYTES = 8
BRACKETS = re.compile(r"[\[\]{}]")

# A text that never ends is taken to its last character: otherwise the search would begin again at
# every quote in it, and one hostile frame would keep everybody waiting for minutes.
QUOTED_TEXT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)

UNKNOWN_SUBTYPE = "<unknown>"
"""What 1.8.0's user mode says of a message it knows only by id (platform.md 3.10)."""


class Unreadable(PayloadError):
    """Not JSON, not an object, or without a type."""


@dataclass(frozen=True)
class Request:
    """One frame from a client.

    Attributes:
        type: The frame's type as the client spells it; the acknowledgement repeats it.
        frame: The whole frame; its body may be missing.
    """

    type: str
    request_id: str
    frame: dict[str, Any]

    @property
    def body(self) -> dict[str, Any]:
        """The body.

        Raises:
            Refused: If it is missing or not an object.
        """
        return fields.mapping(self.frame, "body")

    @property
    def digest(self) -> str:
        """What is asked, in short: the same for frames that differ in their text alone."""
        content = msgspec.json.encode(self.frame, order="sorted")
        return hashlib.blake2b(content, digest_size=DIGEST_BYTES).hexdigest()


def read(text: str) -> Request:
    """Read the text of one frame.

    Raises:
        Unreadable: If it is not JSON, not an object, or has no type.
    """
    if _too_deep(text):
        raise Unreadable(f"nested deeper than {DEEPEST} levels")
    try:
        frame = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Unreadable(f"not JSON: {type(error).__name__}") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise Unreadable("not an object with a type")
    request_id = frame.get("request_id")
    return Request(frame["type"], request_id if isinstance(request_id, str) else "", frame)


def _too_deep(text: str) -> bool:
    """Return whether objects and lists are nested too deeply.

    What could be decoded at the edge of the interpreter's recursion limit could not be encoded
    again, and by then it would be on its way to the journal.
    """
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    deepest = depth = 0
    for bracket in BRACKETS.findall(QUOTED_TEXT.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > DEEPEST


class Meaning(NamedTuple):
    """What a type of frame means.

    Attributes:
        kind: The modern type.
        action: The subtype of an action, where the type tells it already.
    """

    kind: str
    action: str = ""


TYPES: Mapping[str, Meaning] = {
    "service_login": Meaning("service_login"),
    "user_login": Meaning("user_login"),
    "heartbeat": Meaning("heartbeat"),
    "ping": Meaning("heartbeat"),
    "message_up": Meaning("message_up"),
    "msg_up": Meaning("message_up"),
    "message_down": Meaning("message_down"),
    "msg_down": Meaning("message_down"),
    "update": Meaning("update"),
    "action": Meaning("action"),
    "button_click": Meaning("action", "button_click"),
    "feature_call": Meaning("action", "button_click"),
    "menu_click": Meaning("action", "menu_item_click"),
    "context_rclick": Meaning("action", "menu_item_click"),
    "refresh": Meaning("action", "refresh"),
    "roger": Meaning("roger"),
    "copy": Meaning("ignore"),
    "copy_client": Meaning("ignore"),
    "display": Meaning("ignore"),
}

ACTIONS: Mapping[str, str] = {
    "join": "join",
    "join_channel": "join",
    "leave": "leave",
    "leave_channel": "leave",
    "refresh": "refresh",
    "button_click": "button_click",
    "menu_item_click": "menu_item_click",
    "menu_click": "menu_item_click",
}
FETCHES = frozenset(
    {
        "fetch_characters",
        "fetch_userlist",
        "fetch_buttons",
        "fetch_features",
        "fetch_canvas",
        "fetch_playground",
        "fetch_style",
        "fetch_channel_info",
        "fetch_context_menu",
        "fetch_menu",
    }
)
UPDATES: Mapping[str, str] = {
    "context_menu": "menu",
    "playground": "canvas",
    "features": "buttons",
    "userlist": "characters",
}


def message_up(request: Request) -> MessageUp:
    """Read a message from a member; its channel may be empty (Q31)."""
    body = request.body
    subtype = fields.text(body, "subtype", "text")
    return MessageUp(
        subtype=subtype,
        channel_id=fields.text(body, "channel_id", ""),
        content=_content(body, subtype),
        recipients=fields.recipients(body),
        timestamp=fields.timestamp(body),
        context=fields.mapping(body, "context", {}),
    )


def message_down(request: Request) -> MessageDown:
    """Read a message from a service."""
    body = request.body
    subtype = fields.text(body, "subtype", "text")
    return MessageDown(
        subtype=subtype,
        channel_id=fields.required(body, "channel_id"),
        content=_content(body, subtype),
        sender=fields.text(body, "sender"),
        recipients=fields.recipients(body),
        timestamp=fields.timestamp(body),
        context=fields.mapping(body, "context", {}),
    )


def _content(body: fields.Body, subtype: str) -> dict[str, Any]:
    content = body.get("content")
    if isinstance(content, str):  # the short form of older clients
        return {"text" if subtype == "text" else "path": content}
    return items.checked_content(fields.mapping(body, "content"), "content")


def update(request: Request) -> Update:
    """Read an update from a service, in either of its forms (platform.md 3.9)."""
    body = request.body
    frame = request.frame
    outside = "subtype" not in body and isinstance(frame.get("subtype"), str)
    subtype = fields.required(frame if outside else body, "subtype")
    short = subtype.removeprefix("update_")
    short = UPDATES.get(short, short)
    reader = CONTENTS.get(short)
    if reader is None:
        raise malformed(f"Unknown type: update {subtype}")
    if outside and short == "channel_info":
        body = _channel_info_of_old({"channel_id": frame.get("channel_id"), **body})
    body = _with_content(body)
    extras = {key: body[key] for key, kind in EXTRAS if isinstance(body.get(key), kind)}
    if short == "channel_info":
        extras = {"context": {}}
    return Update(
        subtype=short,
        channel_id=fields.required(body, "channel_id"),
        content=reader(body),
        recipients=fields.recipients(body),
        extras=extras,
        everyone=outside and short == "channel_info",
    )


CONTENT_NAMES = ("content", "features", "userlist")
EXTRAS: tuple[tuple[str, type], ...] = (("group_id", str), ("context", dict))


def _channel_info_of_old(body: dict[str, Any]) -> dict[str, Any]:
    """Return the form with the subtype outside, which Python SDKs build, as the other form."""
    keys = ("channel_description", "channel_type")
    context = body.get("context") or {key: body[key] for key in keys if key in body}
    names: dict[str, Any] = {
        key: body[key] for key in ("channel_id", "channel_name") if key in body
    }
    return {**names, "content": {**names, "context": context}}


def _with_content(body: dict[str, Any]) -> dict[str, Any]:
    """Return the body with its content under that name."""
    for name in CONTENT_NAMES:
        if name in body:
            return {**body, "content": body[name]}
    raise malformed("content is required")


def _characters(body: fields.Body) -> dict[str, Any]:
    content = body["content"]
    shown = content.get("characters") if isinstance(content, dict) else content
    if isinstance(shown, str):
        return {"characters": shown}
    if isinstance(shown, list):  # of ids, or of the objects that clients once sent
        shown = [_id_of(each) if isinstance(each, dict) else each for each in shown]
    return {"characters": fields.ids(shown, "content.characters")}


def _id_of(character: dict[str, Any]) -> Any:
    return character.get("character_id", character.get("user_id"))


def _each(read_item: Callable[[items.Item], items.Item]) -> Callable[[fields.Body], Any]:
    def read_items(body: fields.Body) -> list[items.Item]:
        return [read_item(each) for each in fields.objects(body["content"], "content")]

    return read_items


CONTENTS: Mapping[str, Callable[[fields.Body], Any]] = {
    "characters": _characters,
    "buttons": _each(items.button),
    "menu": _each(items.menu_item),
    "canvas": _each(items.canvas_item),
    "style": _each(items.style_item),
    "channel_info": lambda body: fields.mapping(body, "content"),
}


def is_fetch(request: Request) -> bool:
    """Return whether the frame is one of the older requests that make up a refresh."""
    return not TYPES[request.type].action and request.body.get("subtype") in FETCHES


def action(request: Request) -> Action:
    """Read something a member did; older spellings become the modern ones."""
    body = request.body
    asked = TYPES[request.type].action or fields.required(body, "subtype")
    subtype = "refresh" if asked in FETCHES else ACTIONS.get(asked)
    if subtype is None:
        raise malformed(f"Unknown type: action {asked}")
    details = DETAILS.get(subtype, _plain)(body)
    return Action(subtype, fields.text(body, "channel_id", ""), details)


def _plain(body: fields.Body) -> dict[str, Any]:
    return {"context": fields.mapping(body, "context", {})}


def _click(body: fields.Body) -> dict[str, Any]:
    return {
        "arguments": items.click_arguments(body.get("arguments")),
        "bottom_button_id": fields.text(body, "bottom_button_id", "confirm"),
        "context": fields.mapping(body, "context", {}),
    }


def _by_either_name(body: fields.Body, name: str, older: str) -> str:
    return fields.required(body, older if older in body and name not in body else name)


def _button_click(body: fields.Body) -> dict[str, Any]:
    details = {"button_id": _by_either_name(body, "button_id", "feature_id"), **_click(body)}
    labels = body.get("labels")
    if isinstance(labels, list) and all(isinstance(each, str) for each in labels):
        details["labels"] = labels
    if isinstance(body.get("button_type"), str):
        details["button_type"] = body["button_type"]
    return details


def _menu_item_click(body: fields.Body) -> dict[str, Any]:
    return {
        "menu_item_id": _by_either_name(body, "menu_item_id", "item_id"),
        "message_id": fields.text(body, "message_id", ""),
        "message_subtype": fields.text(body, "message_subtype", UNKNOWN_SUBTYPE),
        "message_content": items.message_content(fields.mapping(body, "message_content", {})),
        **_click(body),
    }


DETAILS: Mapping[str, Callable[[fields.Body], dict[str, Any]]] = {
    "button_click": _button_click,
    "menu_item_click": _menu_item_click,
}
