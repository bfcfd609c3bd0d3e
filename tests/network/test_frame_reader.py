"""Frames as the Platform delivers them (platform.md 3 and Appendix A), and any other text."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from moobius.errors import PayloadError
from moobius.network.frame_reader import SPELLINGS, Inbound, read_frame
from moobius.network.frame_reader import TYPES as OLDER_TYPES
from moobius.tolerant import build
from moobius.types import (
    BottomButton,
    Button,
    ButtonClick,
    CanvasItem,
    ChannelInfo,
    Character,
    ClickArgument,
    CopyBody,
    Dialog,
    InputComponent,
    MenuItem,
    MenuItemClick,
    MessageBody,
    MessageContent,
    SimpleAction,
    StyleItem,
    UpdateBody,
    UpdateItem,
)


def item(**field: Any) -> UpdateItem:
    return build(UpdateItem, field)


def update(subtype: str, *content: UpdateItem, group_id: str | None = "temp") -> UpdateBody:
    return UpdateBody(subtype, "CH", list(content), [], group_id, {})


# What the Platform sends -> what is read, and what identifies it.
MESSAGE_UP = """{"type": "message_up",
 "body": {"subtype": "text", "content": {"text": "hello all"}, "channel_id": "CH",
          "timestamp": 1719000000123, "recipients": "GRP-1", "message_id": "MSG-1",
          "context": {"group_id": "GRP-1", "group_name": "Owl", "character_num": 1,
                      "channel_type": "ccs"},
          "sender": "ADA"}}"""
MESSAGE_DOWN = """{"type": "message_down",
 "body": {"subtype": "text", "channel_id": "CH", "content": {"text": "welcome"},
          "timestamp": 1719000000456, "message_id": "MSG-2", "context": {}, "sender": "OWL"}}"""
COPY = """{"type": "copy", "body": {"request_id": "REQ-1", "origin_type": "message_up",
  "status": true, "context": {"message": "Message received"}}}"""
REFRESH = """{"type": "action", "body": {"subtype": "refresh", "channel_id": "CH",
  "context": {}, "sender": "ADA"}}"""
BUTTON_CLICK = """{"type": "action",
 "body": {"subtype": "button_click", "button_id": "order", "channel_id": "CH",
          "arguments": [{"label": "Drink", "value": "tea"}, {"label": "Note", "value": "no sugar"}],
          "bottom_button_id": "now", "context": {}, "sender": "ADA"}}"""
MENU_ITEM_CLICK = """{"type": "action",
 "body": {"subtype": "menu_item_click", "menu_item_id": "quote", "channel_id": "CH",
          "message_id": "MSG-2", "message_subtype": "text", "message_content": {"text": "welcome"},
          "arguments": [], "bottom_button_id": "confirm", "context": {}, "sender": "ADA"}}"""
CHARACTERS = """{"type": "update", "body": {"subtype": "characters", "channel_id": "CH",
  "content": {"characters": "GRP-3"}}}"""
BUTTONS = """{"type": "update", "body": {"subtype": "buttons", "channel_id": "CH",
  "group_id": "temp", "context": {}, "content": [
  {"button_id": "ring", "button_text": "Ring the bell", "dialog": null},
  {"button_id": "order", "button_text": "Order", "dialog": {"title": "Your order",
     "components": [{"label": "Drink", "type": "dropdown", "required": true,
                     "placeholder": "choose", "choices": ["tea", "cocoa"]},
                    {"label": "Note", "type": "text", "required": false, "placeholder": null,
                     "choices": null}],
     "bottom_buttons": [{"id": "later", "text": "Later", "submit": false},
                        {"id": "now", "text": "Now", "submit": true}]}}]}}"""
MENU = """{"type": "update", "body": {"subtype": "menu", "channel_id": "CH", "context": {},
  "content": [{"menu_item_id": "quote", "menu_item_text": "Quote",
               "message_subtypes": ["text", "card"], "dialog": null}]}}"""
CANVAS = """{"type": "update", "body": {"subtype": "canvas", "channel_id": "CH",
  "group_id": "temp", "context": {}, "content": [
  {"text": "Menu of the day", "path": "https://files.example/menu.png"},
  {"text": "closed on Mondays", "path": null}]}}"""
STYLE = """{"type": "update", "body": {"subtype": "style", "channel_id": "CH",
  "group_id": "temp", "context": {}, "content": [
  {"widget": "canvas", "display": "visible", "expand": true, "button_id": null, "text": null}]}}"""
CHANNEL_INFO = """{"type": "update", "body": {"subtype": "channel_info", "channel_id": "CH",
  "content": {"channel_id": "CH", "channel_name": "Tea room",
              "context": {"channel_description": "hot drinks", "channel_type": "ccs"}},
  "context": {}}}"""

UP_CONTEXT = {
    "group_id": "GRP-1", "group_name": "Owl", "character_num": 1, "channel_type": "ccs",
}  # fmt: skip

RECORDED: list[tuple[str, Inbound]] = [
    (
        MESSAGE_UP,
        Inbound(
            "message_up", "text", "CH", "ADA",
            MessageBody(
                "text", "CH", MessageContent(text="hello all"), 1719000000123, [], "ADA", "MSG-1",
                UP_CONTEXT,
            ),
            recipients="GRP-1",
        ),
    ),
    (
        MESSAGE_DOWN,
        Inbound(
            "message_down", "text", "CH", "OWL",
            MessageBody(
                "text", "CH", MessageContent(text="welcome"), 1719000000456, [], "OWL", "MSG-2", {}
            ),
        ),
    ),
    (
        COPY,
        Inbound(
            "copy", "", "", "",
            CopyBody("REQ-1", "message_up", True, {"message": "Message received"}),
        ),
    ),
    (REFRESH, Inbound("action", "refresh", "CH", "ADA", SimpleAction("refresh", "CH", "ADA", {}))),
    (
        BUTTON_CLICK,
        Inbound(
            "action", "button_click", "CH", "ADA",
            ButtonClick(
                "order", "CH", "ADA",
                [ClickArgument("Drink", "tea"), ClickArgument("Note", "no sugar")],
                bottom_button_id="now", context={},
            ),
        ),
    ),
    (
        MENU_ITEM_CLICK,
        Inbound(
            "action", "menu_item_click", "CH", "ADA",
            MenuItemClick(
                "quote", "text", MessageContent(text="welcome"), "CH", "ADA", "MSG-2", [],
                "confirm", {},
            ),
        ),
    ),
    (
        CHARACTERS,
        Inbound(
            "update", "characters", "CH", "", UpdateBody("characters", "CH", [], []),
            characters="GRP-3",
        ),
    ),
    (
        BUTTONS,
        Inbound(
            "update", "buttons", "CH", "",
            update(
                "buttons",
                item(button=Button("ring", "Ring the bell")),
                item(button=Button("order", "Order", Dialog(
                    "Your order",
                    [
                        InputComponent("Drink", "dropdown", True, "choose", ["tea", "cocoa"]),
                        InputComponent("Note", "text", False),
                    ],
                    [BottomButton("later", "Later", False), BottomButton("now", "Now", True)],
                ))),
            ),
        ),
    ),
    (
        MENU,
        Inbound(
            "update", "menu", "CH", "",
            update(
                "menu", item(menu_item=MenuItem("quote", "Quote", ["text", "card"])), group_id=None
            ),
        ),
    ),
    (
        CANVAS,
        Inbound(
            "update", "canvas", "CH", "",
            update(
                "canvas",
                item(canvas_item=CanvasItem("Menu of the day", "https://files.example/menu.png")),
                item(canvas_item=CanvasItem("closed on Mondays")),
            ),
        ),
    ),
    (
        STYLE,
        Inbound(
            "update", "style", "CH", "",
            update("style", item(style_item=StyleItem("canvas", "visible", True))),
        ),
    ),
    (
        CHANNEL_INFO,
        Inbound(
            "update", "channel_info", "CH", "",
            update(
                "channel_info",
                item(channel_info=ChannelInfo("CH", "Tea room", "hot drinks", "ccs")),
                group_id=None,
            ),
        ),
    ),
]  # fmt: skip

FRAMES = [text for text, _ in RECORDED]
KINDS = [f"{frame.type} {frame.subtype}" for _, frame in RECORDED]


def read(type_: str, body: Any, **more: Any) -> Inbound:
    return read_frame(json.dumps({"type": type_, "body": body, **more}))


@pytest.mark.parametrize(("text", "frame"), RECORDED, ids=KINDS)
def test_a_recorded_frame(text: str, frame: Inbound) -> None:
    assert read_frame(text) == frame
    assert read_frame(text.encode()) == frame


@pytest.mark.parametrize("text", FRAMES, ids=KINDS)
def test_unknown_keys_are_ignored(text: str) -> None:
    frame = json.loads(text)
    frame["new"] = 1
    frame["body"]["new"] = {"a": [1]}
    for content in (frame["body"].get("content"), frame["body"].get("message_content")):
        for part in content if isinstance(content, list) else [content]:
            if isinstance(part, dict):
                part["new"] = 1
    assert read_frame(json.dumps(frame)) == read_frame(text)


@pytest.mark.parametrize("text", FRAMES, ids=KINDS)
def test_any_one_key_may_be_absent_or_null(text: str) -> None:
    whole = read_frame(text)
    for key in json.loads(text)["body"].keys() - {"subtype"}:
        absent, null = json.loads(text), json.loads(text)
        del absent["body"][key]
        null["body"][key] = None
        frame = read_frame(json.dumps(absent))
        assert type(frame.event) is type(whole.event)
        assert read_frame(json.dumps(null)) == frame


def test_what_stands_for_absent_keys() -> None:
    assert read("message_up", {}).event == MessageBody("", "", MessageContent(), 0, [], "", None)
    assert read("copy", {}).event == CopyBody("", "", False)
    assert read("action", {"subtype": "join"}).event == SimpleAction("join", "", "")
    assert read("action", {"subtype": "button_click"}).event == ButtonClick("", "", "", [])
    assert read("update", {"subtype": "canvas"}).event == UpdateBody("canvas", "", [], [])


@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_a_body_that_is_no_object_is_an_empty_one(body: Any) -> None:
    assert read("message_up", body) == read("message_up", {})
    assert read_frame('{"type": "message_up"}') == read("message_up", {})


# ---- Spellings --------------------------------------------------------------------------------

# The table of sdk.md 3.7, row by row.
ACCEPTED = {
    ("action", "join_channel"): ("action", "join"),
    ("action", "leave_channel"): ("action", "leave"),
    ("action", "menu_click"): ("action", "menu_item_click"),
    ("action", "fetch_characters"): ("action", "refresh"),
    ("action", "fetch_userlist"): ("action", "refresh"),
    ("action", "fetch_buttons"): ("action", "refresh"),
    ("action", "fetch_features"): ("action", "refresh"),
    ("action", "fetch_canvas"): ("action", "refresh"),
    ("action", "fetch_playground"): ("action", "refresh"),
    ("action", "fetch_style"): ("action", "refresh"),
    ("action", "fetch_menu"): ("action", "refresh"),
    ("action", "fetch_context_menu"): ("action", "refresh"),
    ("action", "fetch_channel_info"): ("action", "refresh"),
    ("refresh", ""): ("action", "refresh"),
    ("button_click", ""): ("action", "button_click"),
    ("feature_call", ""): ("action", "button_click"),
    ("menu_click", ""): ("action", "menu_item_click"),
    ("update", "update_characters"): ("update", "characters"),
    ("update", "update_userlist"): ("update", "characters"),
    ("update", "update_buttons"): ("update", "buttons"),
    ("update", "update_features"): ("update", "buttons"),
    ("update", "update_canvas"): ("update", "canvas"),
    ("update", "update_playground"): ("update", "canvas"),
    ("update", "update_style"): ("update", "style"),
    ("update", "update_menu"): ("update", "menu"),
    ("update", "update_context_menu"): ("update", "menu"),
    ("update", "update_channel_info"): ("update", "channel_info"),
}


def test_the_table_of_spellings() -> None:
    assert SPELLINGS == ACCEPTED
    assert not SPELLINGS.keys() & set(SPELLINGS.values()), "one step leads to the current spelling"


@pytest.mark.parametrize(("old", "new"), sorted(SPELLINGS.items()), ids=str)
def test_an_older_spelling_reads_as_the_current_one(
    old: tuple[str, str], new: tuple[str, str]
) -> None:
    body = {"channel_id": "CH", "sender": "ADA", "content": [], "button_id": "ring"}
    frame = read(old[0], {**body, "subtype": old[1]} if old[1] else body)
    assert frame == read(new[0], {**body, "subtype": new[1]})
    assert (frame.type, frame.subtype, frame.event.subtype) == (*new, new[1])
    assert not isinstance(frame.event, dict)


@pytest.mark.parametrize(
    ("old", "new"),
    [("msg_up", "message_up"), ("msg_down", "message_down"), ("copy_client", "copy")],
)
def test_an_older_type_reads_as_the_current_one(old: str, new: str) -> None:
    body = {"subtype": "text", "channel_id": "CH", "request_id": "REQ-1", "status": True}
    assert read(old, body) == read(new, body)
    assert read(old, body).type == new


def test_a_request_for_a_part_of_the_view_is_told_from_one_for_all_of_it() -> None:
    assert read("action", {"subtype": "fetch_style"}).is_fetch
    assert not read("action", {"subtype": "refresh"}).is_fetch
    assert not read("refresh", {}).is_fetch


def test_a_message_of_2023() -> None:
    """The example of platform.md 6.3."""
    context = {"recipients": ["ADA", "BOB"], "group_id": None, "sender": "BOB"}
    body = {
        "subtype": "text",
        "content": {"text": "hello"},
        "channel_id": "CH",
        "timestamp": 1697000000000,
        "recipients": ["ADA", "BOB"],
        "msg_id": "MSG-1",
        "context": context,
    }
    content = MessageContent(text="hello")
    message = MessageBody("text", "CH", content, 1697000000000, [], "BOB", "MSG-1", context)
    assert read("msg_up", body) == Inbound(
        "message_up", "text", "CH", "BOB", message, recipients=["ADA", "BOB"]
    )


def test_a_click_of_2023() -> None:
    click = read("feature_call", {"feature_id": "ring", "channel_id": "CH", "arguments": []})
    assert click.event == ButtonClick("ring", "CH", "", [])
    assert read("feature_call", {"feature_id": "old", "button_id": "new"}).event.button_id == "new"


def test_updates_of_2023() -> None:
    people: list[Any] = [{"user_id": "ADA", "context": {"nickname": "Ada", "avatar": "a"}}, "BOB"]
    frame = read("update", {"subtype": "update_userlist", "userlist": people})
    ada = {"name": "Ada", "nickname": "Ada", "avatar": "a"}
    assert frame.characters == [{"character_id": "ADA", "character_context": ada}, "BOB"]
    canvas = read("update", {"subtype": "update_playground", "content": {"text": "hi"}})
    assert canvas.event.content == [item(canvas_item=CanvasItem("hi"))]


def test_clicks_of_older_clients() -> None:
    """The examples of platform.md 6.3."""
    click = read(
        "button_click",
        {
            "button_id": "order",
            "channel_id": "CH",
            "arguments": [{"name": "Drink", "value": "tea"}],
            "context": {},
        },
    )
    assert click.event == ButtonClick(
        "order", "CH", "", [ClickArgument("Drink", "tea")], context={}
    )
    menu = read(
        "menu_click",
        {
            "item_id": "quote",
            "message_id": "MSG-2",
            "message_subtype": "text",
            "message_content": {"text": "welcome"},
            "channel_id": "CH",
            "context": {},
            "arguments": [],
        },
    )
    assert menu.event == MenuItemClick(
        "quote", "text", MessageContent("welcome"), "CH", "", "MSG-2", [], context={}
    )


@pytest.mark.parametrize(
    ("arguments", "read_as"),
    [
        (None, []),
        ([], []),
        ([[]], []),
        ([[{"label": "a", "value": "b"}]], [ClickArgument("a", "b")]),
        ({"label": "a", "value": "b"}, [ClickArgument("a", "b")]),
        ([{"name": "a", "value": "b"}], [ClickArgument("a", "b")]),
        (
            [{"label": "a", "name": "n", "value": "b", "filename": "f"}],
            [ClickArgument("a", "b", "f")],
        ),
        ([{"label": "a", "value": 5}], [ClickArgument("a", "5")]),
        (["tea", 5], [ClickArgument("", "tea"), ClickArgument("", "5")]),
        ([{"label": "a", "value": ""}], [ClickArgument("a", "")]),
    ],
)
def test_arguments_of_clicks(arguments: Any, read_as: list[ClickArgument]) -> None:
    for kind in ("button_click", "menu_item_click"):
        assert read("action", {"subtype": kind, "arguments": arguments}).event.arguments == read_as


def test_an_empty_argument_is_none() -> None:
    frame = read(
        "action", {"subtype": "button_click", "arguments": [{"label": "a", "value": None}]}
    )
    assert frame.event.arguments[0].value is None


def test_the_sender_may_stand_in_the_context() -> None:
    frame = read("message_up", {"context": {"sender": "BOB"}})
    assert (frame.sender, frame.event.sender) == ("BOB", "BOB")
    frame = read("message_up", {"context": {"sender": "BOB"}, "sender": "ADA"})
    assert (frame.sender, frame.event.sender) == ("ADA", "ADA")


@pytest.mark.parametrize("recipients", ["GRP-1", "service", ["ADA", "BOB"], None, ""])
def test_recipients_are_left_to_who_can_resolve_them(recipients: Any) -> None:
    frame = read("message_up", {"recipients": recipients})
    assert frame.recipients == recipients
    assert frame.event.recipients == []


@pytest.mark.parametrize(
    "characters", ["GRP-3", ["ADA"], [{"character_id": "ADA", "name": "Ada"}], [], None]
)
def test_characters_are_left_to_who_can_resolve_them(characters: Any) -> None:
    frame = read("update", {"subtype": "characters", "content": {"characters": characters}})
    assert frame.characters == characters
    assert frame.event.content == []
    assert read("update", {"subtype": "characters", "content": characters}).characters == characters


@pytest.mark.parametrize("status", [False, None, "true", 1])
def test_only_true_is_a_yes(status: Any) -> None:
    assert read("copy", {"status": status}).event.status is False


@pytest.mark.parametrize("timestamp", ["now", None, 1.5, {}])
def test_a_timestamp_is_a_whole_number(timestamp: Any) -> None:
    assert read("message_up", {"timestamp": timestamp}).event.timestamp == 0


def test_a_channel_whose_facts_stand_in_its_context_or_beside_it() -> None:
    content = {
        "channel_id": "CH",
        "channel_name": "Tea room",
        "channel_description": "hot drinks",
        "channel_type": "ccs",
    }
    info = read("update", {"subtype": "channel_info", "content": content}).event
    assert info.content == [item(channel_info=ChannelInfo("CH", "Tea room", "hot drinks", "ccs"))]


def test_a_button_whose_dialog_is_false() -> None:
    content = [{"button_id": "ring", "button_text": "Ring", "dialog": False}]
    frame = read("update", {"subtype": "buttons", "content": content})
    assert frame.event.content == [item(button=Button("ring", "Ring"))]


@pytest.mark.parametrize(
    "frame",
    [
        {"message": "Internal server error", "connectionId": "X", "requestId": "Y"},
        {"type": "poke", "body": {"channel_id": "CH"}},
        {"type": "action", "body": {"subtype": "dance"}},
        {"type": "update", "body": {"subtype": "weather"}},
        {"type": 5, "body": {"subtype": []}},
        {},
    ],
)
def test_a_frame_nobody_knows_is_handed_on_whole(frame: dict[str, Any]) -> None:
    assert read_frame(json.dumps(frame)).event == frame


# ---- Anything at all --------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
TYPES = sorted(
    {kind.split(" ")[0] for kind in KINDS} | {kind for kind, _ in SPELLINGS} | OLDER_TYPES.keys()
)
SUBTYPES = sorted({kind.split(" ")[1] for kind in KINDS} | {subtype for _, subtype in SPELLINGS})
KEYS = sorted({key for text in FRAMES for key in json.loads(text)["body"]} - {"subtype"})


@st.composite
def nearly_right(draw: st.DrawFn) -> str:
    """Draw frames of known kinds whose parts are anything at all."""
    body = draw(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6))
    item_keys = st.sampled_from(["dialog", "components", "label", "context", "arguments", "value"])
    items = st.lists(st.dictionaries(item_keys, JSON, max_size=3), max_size=2)
    if draw(st.booleans()):
        body["content"] = draw(items)
        body["arguments"] = draw(items)
    body["subtype"] = draw(st.sampled_from(SUBTYPES) | JSON)
    return json.dumps({"type": draw(st.sampled_from(TYPES)), "body": body})


def assert_is_read_or_refused(text: str | bytes) -> None:
    try:
        frame = read_frame(text)
    except PayloadError as error:
        assert "\n" not in str(error)
        return
    assert isinstance(frame.type, str)
    assert isinstance(frame.subtype, str)
    assert isinstance(frame.channel_id, str)
    assert isinstance(frame.sender, str)
    assert getattr(frame.event, "recipients", []) == [] or isinstance(frame.event, dict)


@given(nearly_right())
def test_a_frame_with_anything_inside_is_read(text: str) -> None:
    try:
        json.dumps(json.loads(text), allow_nan=False).encode()
    except (ValueError, UnicodeError):
        assert_is_read_or_refused(text)
        return
    frame = read_frame(text)
    assert_is_read_or_refused(text)
    str(frame.event)  # services print what they receive


@given(JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    assert_is_read_or_refused(json.dumps(value))
    if not isinstance(value, dict):
        with pytest.raises(PayloadError):
            read_frame(json.dumps(value))


@given(st.text() | st.binary())
@example("")
@example("{")
@example("\ufeff{}")
@example("\ud800")
@example('{"type": "\ud800"}')
@example('{"type": "\\ud800"}')
@example(b'{"type": "\xff"}')
@example("NaN")
@example('{"body": 1e999}')
@example('{"body": ' + "9" * 5000 + "}")
@example("[" * 200_000)
@example('{"body":' * 100_000)
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    assert_is_read_or_refused(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "a frame that is not JSON"),
        ("", "a frame that is not JSON"),
        ("[]", "a frame must be an object, not list"),
        ('"copy"', "a frame must be an object, not str"),
        ("null", "a frame must be an object, not NoneType"),
    ],
)
def test_the_refusal_says_why(text: str, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        read_frame(text)


# ---- Building ---------------------------------------------------------------------------------


def test_build_takes_what_it_knows() -> None:
    assert build(Character, {"character_id": "ADA", "name": "Ada", "new": 1}) == Character(
        "ADA", "Ada"
    )
    assert build(Character, {"name": None}, avatar="a") == Character("", "", "a")
    assert build(Character, "no object") == Character("", "")
