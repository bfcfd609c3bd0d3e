"""Which dialect a frame gives away, and frames in the older ones: pure, table by table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.local.model.refusal import Refused
from moobius.local.wire import inbound
from moobius.local.wire.dialects import Dialect, render, spoken
from tests.local.wire.test_inbound import JSON, unhurried

DIALOG = {
    "title": "Your order",
    "components": [
        {"label": "Drink", "type": "dropdown", "required": True}
        | {"placeholder": "choose", "choices": ["tea"]},
        {"label": "Note", "type": "text", "required": False, "placeholder": None, "choices": None},
    ],
    "bottom_buttons": [
        {"id": "later", "text": "Later", "submit": False},
        {"id": "now", "text": "Now", "submit": True},
    ],
}
INPUTS = [
    {"name": "Drink", "type": "enum", "optional": False, "values": ["tea"]}
    | {"placeholder": "choose"},
    {"name": "Note", "type": "string", "optional": True, "values": None, "placeholder": None},
]
CLICK = {
    "subtype": "button_click",
    "button_id": "order",
    "channel_id": "CH",
    "arguments": [{"label": "Drink", "value": "tea"}],
    "bottom_button_id": "now",
    "context": {},
    "sender": "ADA",
}
MESSAGE = {
    "subtype": "text",
    "channel_id": "CH",
    "content": {"text": "hello", "size": 3},
    "timestamp": 1697000000000,
    "sender": "BOB",
    "message_id": "MSG-1",
    "context": {"mood": "fine"},
}


def _read(**frame: Any) -> inbound.Request:
    return inbound.read(json.dumps(frame))


def _update(subtype: str, content: Any, **extras: Any) -> dict[str, Any]:
    body = {"subtype": subtype, "channel_id": "CH", "content": content, **extras}
    return {"type": "update", "body": body}


def _bodies(dialect: Dialect, frame: dict[str, Any], *named: str) -> list[Any]:
    return [(each["type"], each["body"]) for each in render(frame, dialect, named)]


@pytest.mark.parametrize(
    ("kind", "subtype", "dialect"),
    [
        ("ping", None, Dialect.D0),
        ("msg_up", "text", Dialect.D0),
        ("msg_down", "text", Dialect.D0),
        ("feature_call", None, Dialect.D0),
        ("update", "update_userlist", Dialect.D0),
        ("action", "fetch_playground", Dialect.D0),
        ("button_click", None, Dialect.D1),
        ("menu_click", None, Dialect.D1),
        ("update", "update_buttons", Dialect.D1),
        ("update", "update_style", Dialect.D1),
        ("action", "fetch_characters", Dialect.D1),
        ("action", "fetch_style", Dialect.D1),
        ("action", "join_channel", None),
        ("action", "refresh", None),
        ("action", "button_click", None),
        ("update", "buttons", None),
        ("update", 7, None),
        ("message_up", "update_me", None),
        ("heartbeat", None, None),
    ],
)
def test_a_frame_gives_its_dialect_away(kind: str, subtype: Any, dialect: Dialect | None) -> None:
    assert spoken(_read(type=kind, body={"subtype": subtype})) is dialect


def test_without_a_body_nothing_is_given_away() -> None:
    assert spoken(_read(type="update")) is None


def test_d2_is_what_the_platform_thinks_in() -> None:
    frame = {"type": "action", "body": CLICK}
    assert render(frame, Dialect.D2) == (frame,)
    error = {"message": "Internal server error", "connectionId": "X", "requestId": "Y"}
    assert {render(error, dialect)[0]["message"] for dialect in Dialect} == {error["message"]}


@pytest.mark.parametrize("subtype", ["join", "leave"])
@pytest.mark.parametrize("dialect", [Dialect.D1, Dialect.D0])
def test_older_services_know_join_channel(dialect: Dialect, subtype: str) -> None:
    body = {"subtype": subtype, "channel_id": "CH", "context": {}, "sender": "ADA"}
    older = {**body, "subtype": f"{subtype}_channel"}
    assert _bodies(dialect, {"type": "action", "body": body}) == [("action", older)]


@pytest.mark.parametrize(
    ("dialect", "parts"),
    [
        (Dialect.D1, ("characters", "buttons", "canvas", "context_menu", "channel_info")),
        (Dialect.D0, ("userlist", "features", "playground", "style", "channel_info")),
    ],
)
def test_a_refresh_is_a_request_for_each_part(dialect: Dialect, parts: tuple[str, ...]) -> None:
    body = {"subtype": "refresh", "channel_id": "CH", "context": {}, "sender": "ADA"}
    assert _bodies(dialect, {"type": "action", "body": body}) == [
        ("action", {**body, "subtype": f"fetch_{part}"}) for part in parts
    ]


def test_d1_a_click_is_a_type_of_its_own() -> None:
    assert _bodies(Dialect.D1, {"type": "action", "body": CLICK}) == [
        (
            "button_click",
            {
                "button_id": "order",
                "channel_id": "CH",
                "arguments": [{"name": "Drink", "value": "tea"}],
                "bottom_button_id": "now",
                "context": {},
                "sender": "ADA",
                "button_type": "button",
            },
        )
    ]
    typed = {"type": "action", "body": {**CLICK, "button_type": "key"}}
    assert _bodies(Dialect.D1, typed)[0][1]["button_type"] == "key"


def test_d1_a_menu_click_always_has_a_message_id() -> None:
    body = {
        "subtype": "menu_item_click",
        "menu_item_id": "quote",
        "channel_id": "CH",
        "message_subtype": "text",
        "message_content": {"text": "welcome"},
        "arguments": [],
        "bottom_button_id": "confirm",
        "context": {},
        "sender": "ADA",
    }
    older = {
        "item_id": "quote",
        "channel_id": "CH",
        "message_id": "",
        "message_subtype": "text",
        "message_content": {"text": "welcome"},
        "arguments": [],
        "bottom_button_id": "confirm",
        "context": {},
        "sender": "ADA",
    }
    assert _bodies(Dialect.D1, {"type": "action", "body": body}) == [("menu_click", older)]
    assert _bodies(Dialect.D0, {"type": "action", "body": body}) == []  # it had no menus


def test_d1_buttons_and_menus_have_their_older_shapes() -> None:
    buttons = [
        {"button_id": "order", "button_text": "Order", "dialog": DIALOG},
        {"button_id": "ring", "button_text": "Ring", "dialog": None},
    ]
    frame = _update("buttons", buttons, group_id="temp", context={})
    assert render(frame, Dialect.D1) == (
        _update(
            "update_buttons",
            [
                {
                    "button_id": "order",
                    "button_name": "Order",
                    "new_window": True,
                    "arguments": INPUTS,
                    "bottom_buttons": [
                        {"text": "Later", "type": "cancel"},
                        {"text": "Now", "type": "confirm"},
                    ],
                },
                {
                    "button_id": "ring",
                    "button_name": "Ring",
                    "new_window": False,
                    "arguments": [],
                    "bottom_buttons": None,
                },
            ],
            group_id="temp",
            context={},
        ),
    )
    item = {"menu_item_id": "quote", "menu_item_text": "Quote", "message_subtypes": ["text"]}
    frame = _update("menu", [{**item, "dialog": None}], context={})
    older = {"item_id": "quote", "item_name": "Quote", "support_subtype": ["text"]}
    assert render(frame, Dialect.D1) == (
        _update(
            "update_context_menu",
            [{**older, "new_window": False, "arguments": []}],
            context={},
        ),
    )


@pytest.mark.parametrize("subtype", ["characters", "canvas", "style", "channel_info"])
def test_d1_other_updates_have_a_prefix(subtype: str) -> None:
    content = [{"text": "Menu", "path": None}]
    frame = _update(subtype, content)
    assert render(frame, Dialect.D1) == (_update(f"update_{subtype}", content),)


def test_d1_messages_are_those_of_d2() -> None:
    frame = {"type": "message_up", "body": {**MESSAGE, "recipients": "GRP-1"}}
    assert render(frame, Dialect.D1) == (frame,)


def test_d0_messages_have_their_recipients_inline() -> None:
    up = {"type": "message_up", "body": {**MESSAGE, "recipients": "GRP-1"}}
    older = {
        "subtype": "text",
        "channel_id": "CH",
        "timestamp": 1697000000000,
        "content": {"text": "hello"},
        "msg_id": "MSG-1",
    }
    context = {"recipients": ["ADA", "BOB"], "group_id": None, "sender": "BOB"}
    assert _bodies(Dialect.D0, up, "ADA", "BOB") == [
        ("msg_up", {**older, "recipients": ["ADA", "BOB"], "context": context})
    ]
    assert _bodies(Dialect.D0, {"type": "message_down", "body": MESSAGE}) == [
        ("msg_down", {**older, "sender": "BOB", "context": {"mood": "fine"}})
    ]


def test_d0_a_copy_is_copy_client() -> None:
    body = {"request_id": "REQ-1", "origin_type": "msg_up", "status": True}
    said = {**body, "context": {"message": "Message received", "features": []}}
    frame = {"type": "copy", "body": said}
    older = {**body, "context": {"msg": "Message received", "features": []}}
    assert _bodies(Dialect.D0, frame) == [("copy_client", older)]
    beat = {"type": "copy", "body": {**body, "context": {}}}
    assert _bodies(Dialect.D0, beat) == [("copy_client", {**body, "context": {}})]


def test_d0_updates_have_their_older_names() -> None:
    filler = {"group_id": "temp", "context": {}}
    characters = _update("characters", {"characters": "GRP-1"})
    older: dict[str, Any] = {"subtype": "update_userlist", "channel_id": "CH"}
    assert _bodies(Dialect.D0, characters, "OWL", "ADA") == [
        ("update", {**older, "userlist": ["OWL", "ADA"], "context": {}})
    ]
    buttons = [{"button_id": "order", "button_text": "Order", "dialog": DIALOG}]
    feature = {"feature_id": "order", "feature_name": "Order", "button_text": "Order"}
    shown = {**older, "subtype": "update_features", **filler}
    assert _bodies(Dialect.D0, _update("buttons", buttons, **filler)) == [
        ("update", {**shown, "features": [{**feature, "new_window": True, "arguments": INPUTS}]})
    ]
    pane = {"text": "Menu", "path": None}
    for content, only in (([pane, {}], pane), ([], {"text": None, "path": None})):
        body = {**older, "subtype": "update_playground", "content": only, **filler}
        assert _bodies(Dialect.D0, _update("canvas", content, **filler)) == [("update", body)]
    assert _bodies(Dialect.D0, _update("menu", [])) == []
    styled = _update("style", [], **filler)
    assert render(styled, Dialect.D0) == (_update("update_style", [], **filler),)
    info = _update("channel_info", {"channel_id": "CH"}, context={})
    assert render(info, Dialect.D0) == (info,)


def test_d0_a_click_is_a_feature_call() -> None:
    call = {
        "feature_id": "order",
        "arguments": [{"name": "Drink", "value": "tea"}],
        "channel_id": "CH",
        "context": {},
        "sender": "ADA",
    }
    assert _bodies(Dialect.D0, {"type": "action", "body": CLICK}) == [("feature_call", call)]


ITEM = st.dictionaries(
    st.sampled_from(
        (
            *("button_id", "button_text", "button_name", "new_window", "arguments", "dialog"),
            *("menu_item_id", "menu_item_text", "message_subtypes", "bottom_buttons"),
            *("widget", "display", "expand", "button_hook", "text", "path"),
        )
    ),
    JSON,
)
SUBTYPES = ("characters", "buttons", "menu", "canvas", "style", "channel_info")


@unhurried
@given(st.sampled_from(SUBTYPES), st.lists(ITEM, max_size=2) | JSON)
def test_whatever_is_accepted_can_be_said_in_every_dialect(subtype: str, content: Any) -> None:
    if isinstance(content, list):
        required = {"button_id": "B", "button_text": "b", "menu_item_id": "M"}
        required["menu_item_text"] = "m"
        content = [{**each, **required} for each in content if isinstance(each, dict)]
    body = {"subtype": subtype, "channel_id": "CH", "content": content}
    try:
        update = inbound.update(_read(type="update", body=body))
    except Refused:
        return
    for dialect in Dialect:
        assert len(render(_update(subtype, update.content), dialect)) <= 1
