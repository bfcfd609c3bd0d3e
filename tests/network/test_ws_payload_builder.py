"""The frames a client sends, as platform.md 3 and its recordings have them."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from moobius.network import ws_payload_builder as builder
from moobius.types import (
    Button,
    CanvasItem,
    ClickArgument,
    Dialog,
    InputComponent,
    MessageContent,
    StyleItem,
)

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def like_the_recording(frame: dict[str, Any]) -> Any:
    """Return the frame as a reader sees it, with the request id and time of the recordings."""
    frame = json.loads(json.dumps(frame))
    assert UUID.fullmatch(frame["request_id"])
    frame["request_id"] = "REQ-1"
    if "timestamp" in frame.get("body", {}):
        assert abs(frame["body"]["timestamp"] - time.time() * 1000) < 60_000
        frame["body"]["timestamp"] = 1719000000123
    return frame


RECORDED: list[tuple[str, Callable[[], dict[str, Any]], str]] = [
    (
        "service_login (3.4)",
        lambda: builder.service_login("SVC", "TOKEN"),
        """{"type": "service_login", "request_id": "REQ-1", "auth_origin": "cognito",
            "access_token": "TOKEN", "service_id": "SVC"}""",
    ),
    (
        "user_login (3.5)",
        lambda: builder.user_login("TOKEN"),
        """{"type": "user_login", "request_id": "REQ-1", "auth_origin": "cognito",
            "access_token": "TOKEN"}""",
    ),
    (
        "heartbeat (3.6)",
        builder.heartbeat,
        """{"type": "heartbeat", "request_id": "REQ-1", "body": {}}""",
    ),
    (
        "message_up (3.7)",
        lambda: builder.message_up("ADA", "CH", "GRP-1", "text", MessageContent(text="hello all")),
        """{"type": "message_up", "request_id": "REQ-1", "user_id": "ADA", "service_id": "ADA",
            "body": {"subtype": "text", "channel_id": "CH", "content": {"text": "hello all"},
                     "recipients": "GRP-1", "timestamp": 1719000000123, "context": {}}}""",
    ),
    (
        "message_down (3.8)",
        lambda: builder.message_down("SVC", "CH", "GRP-2", "text", {"text": "welcome"}, "OWL"),
        """{"type": "message_down", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "text", "channel_id": "CH", "content": {"text": "welcome"},
                     "recipients": "GRP-2", "timestamp": 1719000000123, "context": {},
                     "sender": "OWL"}}""",
    ),
    (
        "message_down with a file and a context",
        lambda: builder.message_down(
            "SVC", "CH", "GRP-2", "file",
            MessageContent(path="https://x/a", size=5, filename="a"), "OWL", {"mood": "good"},
        ),
        """{"type": "message_down", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "file", "channel_id": "CH",
                     "content": {"path": "https://x/a", "size": 5, "filename": "a"},
                     "recipients": "GRP-2", "timestamp": 1719000000123,
                     "context": {"mood": "good"}, "sender": "OWL"}}""",
    ),
    (
        "update of characters (3.9)",
        lambda: builder.update("characters", "SVC", "CH", "GRP-2", {"characters": "GRP-3"}),
        """{"type": "update", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "characters", "channel_id": "CH", "recipients": "GRP-2",
                     "content": {"characters": "GRP-3"}}}""",
    ),
    (
        "update of buttons",
        lambda: builder.update(
            "buttons", "SVC", "CH", "GRP-2",
            [Button("order", "Order", Dialog("Your order", [InputComponent("Note", "text")]))],
        ),
        """{"type": "update", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "buttons", "channel_id": "CH", "recipients": "GRP-2",
                     "group_id": "temp", "context": {}, "content": [
              {"button_id": "order", "button_text": "Order", "dialog": {"title": "Your order",
               "components": [{"label": "Note", "type": "text", "required": false,
                               "placeholder": null, "choices": null}],
               "bottom_buttons": null}}]}}""",
    ),
    (
        "update of the menu",
        lambda: builder.update(
            "menu", "SVC", "CH", "GRP-2",
            [{"menu_item_id": "quote", "menu_item_text": "Quote", "message_subtypes": ["text"],
              "dialog": None}],
        ),
        """{"type": "update", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "menu", "channel_id": "CH", "recipients": "GRP-2", "context": {},
                     "content": [{"menu_item_id": "quote", "menu_item_text": "Quote",
                                  "message_subtypes": ["text"], "dialog": null}]}}""",
    ),
    (
        "update of the canvas",
        lambda: builder.update("canvas", "SVC", "CH", "GRP-2", [CanvasItem("closed on Mondays")]),
        """{"type": "update", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "canvas", "channel_id": "CH", "recipients": "GRP-2",
                     "group_id": "temp", "context": {},
                     "content": [{"text": "closed on Mondays", "path": null}]}}""",
    ),
    (
        "update of the style",
        lambda: builder.update(
            "style", "SVC", "CH", "GRP-2", [StyleItem("canvas", "visible", True)]
        ),
        """{"type": "update", "request_id": "REQ-1", "service_id": "SVC",
            "body": {"subtype": "style", "channel_id": "CH", "recipients": "GRP-2",
                     "group_id": "temp", "context": {},
                     "content": [{"widget": "canvas", "display": "visible", "expand": true,
                                  "button_id": null, "text": null}]}}""",
    ),
    (
        "refresh (3.10)",
        lambda: builder.action("refresh", "ADA", "CH"),
        """{"type": "action", "request_id": "REQ-1", "user_id": "ADA",
            "body": {"subtype": "refresh", "channel_id": "CH", "context": {}}}""",
    ),
    (
        "join",
        lambda: builder.join_channel("ADA", "CH"),
        """{"type": "action", "request_id": "REQ-1", "user_id": "ADA",
            "body": {"subtype": "join_channel", "channel_id": "CH", "context": {}}}""",
    ),
    (
        "leave",
        lambda: builder.leave_channel("ADA", "CH"),
        """{"type": "action", "request_id": "REQ-1", "user_id": "ADA",
            "body": {"subtype": "leave_channel", "channel_id": "CH", "context": {}}}""",
    ),
    (
        "button click",
        lambda: builder.button_click(
            "ADA", "CH", "order",
            [ClickArgument("Drink", "tea"), {"label": "Note", "value": "no sugar"}], "now",
        ),
        """{"type": "action", "request_id": "REQ-1", "user_id": "ADA",
            "body": {"subtype": "button_click", "button_id": "order", "channel_id": "CH",
                     "arguments": [{"label": "Drink", "value": "tea"},
                                   {"label": "Note", "value": "no sugar"}],
                     "bottom_button_id": "now", "context": {}}}""",
    ),
    (
        "simple button click",
        lambda: builder.button_click("ADA", "CH", "ring", [], "confirm"),
        """{"type": "action", "request_id": "REQ-1", "user_id": "ADA",
            "body": {"subtype": "button_click", "button_id": "ring", "channel_id": "CH",
                     "arguments": [], "bottom_button_id": "confirm", "context": {}}}""",
    ),
    (
        "menu item click",
        lambda: builder.action(
            "menu_item_click", "ADA", "CH", menu_item_id="quote", message_id="MSG-2",
            message_subtype="text", message_content={"text": "welcome"}, arguments=[],
            bottom_button_id="confirm",
        ),
        """{"type": "action", "request_id": "REQ-1", "user_id": "ADA",
            "body": {"subtype": "menu_item_click", "menu_item_id": "quote", "channel_id": "CH",
                     "message_id": "MSG-2", "message_subtype": "text",
                     "message_content": {"text": "welcome"},
                     "arguments": [], "bottom_button_id": "confirm", "context": {}}}""",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "recorded"), [row[1:] for row in RECORDED], ids=[row[0] for row in RECORDED]
)
def test_a_frame_is_as_recorded(build: Callable[[], dict[str, Any]], recorded: str) -> None:
    assert like_the_recording(build()) == json.loads(recorded)


def test_every_frame_has_an_id_of_its_own() -> None:
    ids = {builder.heartbeat()["request_id"] for _ in range(100)}
    assert len(ids) == 100
    assert all(uuid.UUID(request_id).version == 4 for request_id in ids)


def test_the_callers_objects_are_not_modified_nor_shared() -> None:
    content, context, items = {"text": "hi", "path": None}, {"a": 1}, [{"text": "hi"}]
    message = builder.message_down("SVC", "CH", "GRP", "text", content, "OWL", context)
    message["body"]["content"]["text"] = message["body"]["context"]["a"] = "changed"
    update = builder.update("canvas", "SVC", "CH", "GRP", items)
    update["body"]["content"][0]["text"] = update["body"]["context"]["a"] = "changed"
    assert (content, context, items) == ({"text": "hi", "path": None}, {"a": 1}, [{"text": "hi"}])
    assert builder.update("canvas", "SVC", "CH", "GRP", [])["body"]["context"] == {}


@pytest.mark.parametrize("value", [StyleItem("canvas", "visible"), {"widget": "canvas", "a": None}])
def test_fields_that_are_not_set_are_left_out(value: Any) -> None:
    sent = builder.without_nones(value)
    assert "canvas" in sent.values()
    assert None not in sent.values()


def test_messages_sent_at_once_have_times_one_after_the_other() -> None:
    frames = [
        builder.message_down("SVC", "CH", "GRP-2", "text", {"text": "hello"}, "OWL")
        for _ in range(200)
    ]
    times = [frame["body"]["timestamp"] for frame in frames]
    assert times == sorted(set(times))
