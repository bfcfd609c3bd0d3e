"""The dataclasses of the wire, field by field, and their helpers (sdk.md 1.9.2)."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field
from typing import Any

import pytest

from moobius import types
from moobius.json_utils import enhanced_json_load, enhanced_json_save

# Class -> its fields in order; "name" has no default, "name=x" has that one (sdk.md 1.9.2).
FIELDS: dict[str, list[str]] = {
    "InputComponent": ["label", "type", "required=False", "placeholder=None", "choices=None"],
    "BottomButton": ["id", "text", "submit"],
    "Dialog": ["title=Dialog", "components=None", "bottom_buttons=None"],
    "Button": ["button_id", "button_text", "dialog=None"],
    "ClickArgument": ["label", "value", "filename=None"],
    "ButtonClick": [
        "button_id", "channel_id", "sender", "arguments=None", "subtype=button_click",
        "labels=None", "bottom_button_id=None", "context=None", "button_type=None",
    ],
    "SimpleAction": ["subtype", "channel_id", "sender", "context=None"],
    "MenuItem": ["menu_item_id", "menu_item_text", "message_subtypes", "dialog=None"],
    "MessageContent": [
        "text=None", "path=None", "size=None", "filename=None",
        "link=None", "title=None", "button=None",
    ],
    "MenuItemClick": [
        "menu_item_id", "message_subtype", "message_content", "channel_id", "sender",
        "message_id=None", "arguments=None", "bottom_button_id=None", "context=None",
        "subtype=menu_item_click",
    ],
    "CanvasItem": ["text=None", "path=None"],
    "View": ["character_ids", "button_ids", "canvas_id"],
    "Group": ["group_id", "character_ids"],
    "MessageBody": [
        "subtype", "channel_id", "content", "timestamp", "recipients", "sender", "message_id",
        "context=None", "user_data=None",
    ],
    "ChannelInfo": ["channel_id", "channel_name", "channel_description", "channel_type"],
    "CopyBody": ["request_id", "origin_type", "status", "context=None"],
    "Payload": ["type", "request_id", "user_id", "body"],
    "Character": [
        "character_id", "name", "avatar=None", "description=None", "character_context=None",
    ],
    "StyleItem": ["widget", "display", "expand=None", "button_id=None", "text=None"],
    "UpdateItem": [
        "character", "button", "channel_info", "menu_item", "canvas_item", "style_item",
    ],
    "UpdateBody": [
        "subtype", "channel_id", "content", "recipients", "group_id=None", "context=None",
    ],
    "UserInfo": [
        "avatar", "description", "name", "email", "email_verified", "user_id",
        "system_context=None",
    ],
}  # fmt: skip

CLASSES = [getattr(types, name) for name in FIELDS]


def filled(cls: Any) -> Any:
    """Return an instance whose every field has a value of its own."""
    return cls(*(f"{field.name}!" for field in dataclasses.fields(cls)))


@pytest.mark.parametrize("name", FIELDS)
def test_fields_in_their_order(name: str) -> None:
    shown = [
        field.name if field.default is MISSING else f"{field.name}={field.default}"
        for field in dataclasses.fields(getattr(types, name))
    ]
    assert shown == FIELDS[name]


def test_users_and_records_know_them_as_types() -> None:
    for name, cls in zip(FIELDS, CLASSES, strict=True):
        assert (cls.__module__, cls.__qualname__) == ("moobius.types", name)
        assert f'"moobius.types.{name}"' in enhanced_json_save(None, filled(cls))


# ---- How they are shown -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (types.Button("a", "b"), "moobius.Button(button_id=a, button_text=b)"),
        (types.CanvasItem(), "moobius.CanvasItem()"),
        (types.CanvasItem(path="x"), "moobius.CanvasItem(path=x)"),
        (types.Dialog(), "moobius.Dialog()"),
        (types.Dialog("Order"), "moobius.Dialog(title=Order)"),
        (types.InputComponent("a", "text", False), "moobius.InputComponent(label=a, type=text)"),
        (
            types.Character("ID", "Ada", description=""),
            "moobius.Character(character_id=ID, name=Ada, description=)",
        ),
        (
            types.Button("a", "b", types.Dialog("c", [])),
            "moobius.Button(button_id=a, button_text=b,"
            " dialog=moobius.Dialog(title=c, components=[]))",
        ),
        (
            types.Payload("t", None, None, [types.CanvasItem("x")]),
            "moobius.Payload(type=t, request_id=None, user_id=None,"
            " body=[moobius.CanvasItem(text=x)])",
        ),
    ],
)
def test_str_and_repr_show_what_is_not_a_default(value: object, shown: str) -> None:
    assert str(value) == repr(value) == shown


# ---- How they behave --------------------------------------------------------------------------


@pytest.mark.parametrize("cls", CLASSES)
def test_equal_by_fields_and_unhashable(cls: Any) -> None:
    value, first = filled(cls), dataclasses.fields(cls)[0].name
    assert value == filled(cls)
    assert value != dataclasses.replace(value, **{first: "other"})
    with pytest.raises(TypeError, match="unhashable"):
        hash(value)


def test_comparing_with_a_string_is_false_and_no_error() -> None:
    character: Any = types.Character("id", "Ada")
    assert character != "id"
    assert [character, "id"].index("id") == 1


@pytest.mark.parametrize("cls", CLASSES)
def test_positions_keywords_copies_and_pickles(cls: Any) -> None:
    value = filled(cls)
    fields = dataclasses.asdict(value)
    assert cls(**fields) == value
    assert copy.copy(value) == copy.deepcopy(value) == dataclasses.replace(value) == value
    assert pickle.loads(pickle.dumps(value)) == value
    assert fields == {name: f"{name}!" for name in fields}


@pytest.mark.parametrize("cls", CLASSES)
def test_storage_keeps_every_class(cls: Any) -> None:
    value = filled(cls)
    assert enhanced_json_load(enhanced_json_save(None, {"x": [value]}).encode()) == {"x": [value]}


def test_a_deep_copy_shares_nothing() -> None:
    button = types.Button("a", "b", types.Dialog(components=[types.InputComponent("c", "text")]))
    other = copy.deepcopy(button)
    assert other.dialog is not None
    assert other.dialog.components is not None
    other.dialog.components[0].label = "changed"
    assert button.dialog is not None
    assert button.dialog.components == [types.InputComponent("c", "text")]


def test_nested_dicts_stay_dicts() -> None:
    plain: Any = {"title": "Order", "components": [{"label": "Drink", "type": "text"}]}
    button = types.Button("a", "b", plain)
    assert button.dialog is plain
    assert types.as_plain(button) == {"button_id": "a", "button_text": "b", "dialog": plain}
    assert dataclasses.asdict(button)["dialog"] == plain


def test_a_dataclass_of_the_users_own() -> None:
    @dataclass
    @types.add_str_method
    class Score:
        points: int
        note: str = ""

    assert str(Score(3)) == repr(Score(3)) == "moobius.Score(points=3)"
    assert str(Score(3, "well done")) == "moobius.Score(points=3, note=well done)"


def test_a_default_that_is_made_anew_each_time_is_no_news() -> None:
    @dataclass
    @types.add_str_method
    class Game:
        moves: list[str] = field(default_factory=list)

    assert str(Game()) == "moobius.Game()"
    assert str(Game(["e4"])) == "moobius.Game(moves=['e4'])"


# ---- Helpers ----------------------------------------------------------------------------------

ADA, BOB = types.Character("ADA", "Ada"), types.Character("BOB", "Bob")


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (None, []),
        ([], []),
        ("ADA", ["ADA"]),
        (ADA, ["ADA"]),
        (["ADA", BOB], ["ADA", "BOB"]),
        (("BOB", "ADA", "BOB"), ["BOB", "ADA", "BOB"]),
        ([["ADA", [BOB]], "CAT"], ["ADA", "BOB", "CAT"]),
        ({"ADA"}, ["ADA"]),
        ({"ADA": 1, "BOB": 2}, ["ADA", "BOB"]),
        ({"ADA": 1}.keys(), ["ADA"]),
        ([None, "ADA"], ["ADA"]),
    ],
)
def test_to_char_id_list(given: Any, ids: list[str]) -> None:
    assert types.to_char_id_list(given) == ids


def test_to_char_id_list_takes_a_generator_and_makes_a_new_list() -> None:
    def both() -> Iterator[object]:
        yield ADA
        yield "BOB"

    assert types.to_char_id_list(both()) == ["ADA", "BOB"]
    given = ["ADA"]
    assert types.to_char_id_list(given) is not given


@pytest.mark.parametrize("wrong", [5, [5], ["ADA", 5.0], types.CanvasItem()])
def test_to_char_id_list_refuses_anything_else(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a character id, a Character or an iterable"):
        types.to_char_id_list(wrong)


@pytest.mark.parametrize(
    ("text", "limit", "short"),
    [
        ("", 0, ""),
        ("hello", 5, "hello"),
        ("hello", 6, "hello"),
        ("hello", 4, "hell...5 chars"),
        ("hello", 0, "...5 chars"),
        ("☕☕☕", 1, "☕...3 chars"),
    ],
)
def test_limit_len(text: str, limit: int, short: str) -> None:
    assert types.limit_len(text, limit) == short


def test_assert_strs() -> None:
    class Text(str):
        pass

    assert types.assert_strs()
    assert types.assert_strs("a", "")
    for wrong in (None, 5, b"a", Text("a")):
        with pytest.raises(TypeError, match="argument 2 must be a string"):
            types.assert_strs("a", "b", wrong, 7)


def test_as_plain_makes_json_of_anything_and_modifies_nothing() -> None:
    value = {
        "tuple": (types.CanvasItem("a"),),
        "set": {"x"},
        "nested": types.Dialog(components=[types.InputComponent("a", "text")]),
        "class": types.Dialog,
    }
    before = copy.deepcopy(value)
    assert types.as_plain(value) == {
        "tuple": [{"text": "a", "path": None}],
        "set": ["x"],
        "nested": {
            "title": "Dialog",
            "components": [
                {
                    "label": "a",
                    "type": "text",
                    "required": False,
                    "placeholder": None,
                    "choices": None,
                }
            ],
            "bottom_buttons": None,
        },
        "class": types.Dialog,
    }
    assert value == before
