"""Dicts become dataclasses, whatever they lack: `from_dict`, `build`, `as_update_body`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moobius import types
from moobius.tolerant import as_update_body, build, from_dict
from moobius.types import Button, Character, ClickArgument, Dialog, InputComponent

CLASSES = [
    value
    for value in vars(types).values()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
]
ADA = Character("ADA", "Ada", "https://x/a.png", "a member")
BUTTON = Button(
    "order",
    "Order",
    Dialog("Order", [InputComponent("Drink", "text")], [types.BottomButton("ok", "OK", True)]),
)
VALUES: list[Any] = [
    BUTTON,
    ADA,
    types.MenuItem("m", "Menu", ["text"], Dialog("Sure?")),
    types.CanvasItem("text", "https://x/y.png"),
    types.StyleItem("button", "highlight", True, "order", "here"),
    types.ChannelInfo("CH", "Tea room", "We drink tea", "ccs"),
    types.ButtonClick("order", "CH", "ADA", [ClickArgument("Drink", "tea")], context={"a": 1}),
    types.MenuItemClick("m", "text", types.MessageContent("hi"), "CH", "ADA", "MSG", []),
    types.MessageBody(
        "text", "CH", types.MessageContent("hi"), 5, ["ADA"], "BOB", "MSG", {"a": 1}, {"mine": 2}
    ),
    types.CopyBody("REQ", "message_up", True, {"message": "Success"}),
    types.UpdateBody(
        "buttons", "CH", [types.UpdateItem(None, BUTTON, None, None, None, None)], ["ADA"]
    ),
    types.UserInfo("a", "b", "c", "d", "e", "f", {"g": 1}),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_round_trip_through_a_dict(value: Any) -> None:
    plain = dataclasses.asdict(value)
    assert from_dict(type(value), plain) == value
    assert from_dict(type(value), {**plain, "new in version 9": 1}) == value
    assert from_dict(type(value), value) is value


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("nothing", [{}, None, "text", 5, []])
def test_out_of_nothing_comes_an_instance_all_the_same(cls: type, nothing: Any) -> None:
    assert type(from_dict(cls, nothing)) is cls


KEYS = sorted({field.name for cls in CLASSES for field in dataclasses.fields(cls)})
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1.5, "", "x", [], [1], ["a", None, {}], [[{"name": 5}]], {}, {"text": [1]}]
)
STRANGE = st.dictionaries(st.sampled_from([*KEYS, "characters"]), ODD, max_size=8)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(cls=st.sampled_from(CLASSES), raw=STRANGE | st.dictionaries(st.sampled_from(KEYS), STRANGE))
def test_no_json_is_too_strange(cls: type, raw: dict[str, Any]) -> None:
    assert type(from_dict(cls, raw)) is cls


def test_older_keys_are_understood() -> None:
    assert from_dict(ClickArgument, {"name": "Drink", "value": 5}) == ClickArgument("Drink", "5")
    click = from_dict(types.MenuItemClick, {"item_id": "m", "arguments": [[{"name": "a"}]]})
    assert (click.menu_item_id, click.arguments) == ("m", [from_dict(ClickArgument, {"name": "a"})])
    assert from_dict(types.ButtonClick, {"arguments": ["tea"]}).arguments == [
        ClickArgument("", "tea")
    ]
    item = {"character_id": "ADA", "character_context": {"name": "Ada", "avatar": "a"}}
    assert from_dict(Character, item).name == "Ada"
    info = {"channel_id": "CH", "context": {"channel_description": "tea"}}
    assert from_dict(types.ChannelInfo, info).channel_description == "tea"


@pytest.mark.parametrize("dialog", [None, False, "x", 5])
def test_a_dialog_that_is_none(dialog: Any) -> None:
    assert from_dict(Button, {"button_id": "a", "dialog": dialog}).dialog is None


def test_build_takes_what_is_known_already() -> None:
    assert build(Character, {"character_id": "ADA", "name": None}, avatar="a") == Character(
        "ADA", "", "a"
    )


def test_a_dataclass_of_the_users_own() -> None:
    @dataclass
    class Game:
        name: str
        moves: list[str] = field(default_factory=list)
        white: bool = True

    assert from_dict(Game, {"name": "chess", "unknown": 1}) == Game("chess")
    assert from_dict(Game, {"moves": ["e4"]}) == Game("", ["e4"])


# ---- Updates ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subtype", "name", "value"),
    [
        ("characters", "character", ADA),
        ("buttons", "button", BUTTON),
        ("menu", "menu_item", types.MenuItem("m", "Menu", "text")),
        ("canvas", "canvas_item", types.CanvasItem("text")),
        ("style", "style_item", types.StyleItem("canvas", "visible")),
        ("channel_info", "channel_info", types.ChannelInfo("CH", "Tea", "We drink", "ccs")),
    ],
)
def test_each_kind_of_update(subtype: str, name: str, value: Any) -> None:
    item = build(types.UpdateItem, {name: value})
    wanted = types.UpdateBody(subtype, "CH", [item, item], ["BOB"])
    plain = dataclasses.asdict(value)
    for content in ([plain, plain], [value, plain], [item, {name: plain}]):
        body = {
            "subtype": subtype, "channel_id": "CH", "content": content, "recipients": ["BOB"],
            "unknown": 1,
        }  # fmt: skip
        assert as_update_body(body) == wanted
    assert as_update_body(wanted) is wanted
    assert as_update_body(dataclasses.asdict(wanted)) == wanted


def test_characters_as_ids_as_objects_and_as_a_group() -> None:
    def shown(content: Any) -> list[Any]:
        body = as_update_body({"subtype": "characters", "channel_id": "CH", "content": content})
        return [item.character for item in body.content]

    assert shown({"characters": ["ADA", {"character_id": "BOB", "name": "Bob"}]}) == [
        Character("ADA", ""),
        Character("BOB", "Bob"),
    ]
    assert shown({"characters": "GROUP"}) == shown("GROUP") == shown(None) == []


def test_one_item_is_a_list_of_one() -> None:
    body = as_update_body({"subtype": "canvas", "content": {"text": "hi"}})
    assert [item.canvas_item for item in body.content] == [types.CanvasItem("hi")]
