"""What the verbs accept for the parts of a view, and what of it travels (platform.md 3.12)."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moobius.core import views
from moobius.types import (
    BottomButton,
    Button,
    CanvasItem,
    ClickArgument,
    Dialog,
    InputComponent,
    MenuItem,
    StyleItem,
)

RING = {"button_id": "ring", "button_text": "Ring", "dialog": None}
ORDER = Button(
    "order",
    "Order",
    Dialog(
        "Your order",
        [InputComponent("Drink", "dropdown", True, "choose", ["tea", "cocoa"])],
        [BottomButton("now", "Now", True)],
    ),
)
ORDER_SENT = {
    "button_id": "order",
    "button_text": "Order",
    "dialog": {
        "title": "Your order",
        "components": [
            {
                "label": "Drink",
                "type": "dropdown",
                "required": True,
                "placeholder": "choose",
                "choices": ["tea", "cocoa"],
            }
        ],
        "bottom_buttons": [{"id": "now", "text": "Now", "submit": True}],
    },
}


def test_one_item_or_many_dataclass_or_dict() -> None:
    ring = Button("ring", "Ring")

    def generated() -> Iterator[Button]:
        yield ring

    for value in (ring, [ring], (ring,), dict(RING), [dict(RING)], generated()):
        assert views.items(value, views.button) == [RING]
    assert views.items([ORDER, RING], views.button) == [ORDER_SENT, RING]
    empty: list[Any] = [None, [], ()]
    for nothing in empty:
        assert views.items(nothing, views.button) == []


@pytest.mark.parametrize("wrong", ["ring", ["ring"], 5, [RING, None]])
def test_an_item_of_another_kind_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"expected a dataclass of .* or a dict"):
        views.items(wrong, views.button)


@pytest.mark.parametrize("nothing", [None, False, {}, ""])
def test_a_button_without_a_dialog(nothing: Any) -> None:
    assert views.button({**RING, "dialog": nothing}) == RING
    assert views.button({"button_id": "ring", "button_text": "Ring"}) == RING
    assert views.items(Button("ring", "Ring", nothing), views.button) == [RING]


def test_a_dialog_as_plain_dicts_also_inside_a_button() -> None:
    plain: Any = ORDER_SENT["dialog"]
    assert views.dialog(plain) == plain
    assert views.dialog(ORDER.dialog) == plain
    assert views.items(Button("order", "Order", plain), views.button) == [ORDER_SENT]


def test_a_dialog_without_buttons_says_so() -> None:
    assert views.dialog({"title": "T", "bottom_buttons": []}) == {
        "title": "T",
        "bottom_buttons": None,
    }
    assert views.dialog(Dialog()) == {
        "title": "Dialog",
        "components": None,
        "bottom_buttons": None,
    }


@pytest.mark.parametrize("subtypes", ["text", ["text"], ("text",), {"text"}])
def test_a_menu_item_lists_its_subtypes(subtypes: Any) -> None:
    item = MenuItem("quote", "Quote", subtypes)
    assert views.items(item, views.menu_item) == [
        {
            "menu_item_id": "quote",
            "menu_item_text": "Quote",
            "message_subtypes": ["text"],
            "dialog": None,
        }
    ]


def test_a_menu_item_with_a_dialog_assigned_later() -> None:
    item = MenuItem("quote", "Quote", ["text", "card"])
    item.dialog = Dialog("Why")
    assert views.items([item], views.menu_item)[0]["dialog"]["title"] == "Why"


@pytest.mark.parametrize(
    ("item", "sent"),
    [
        (CanvasItem("hi"), {"text": "hi", "path": None}),
        (CanvasItem(path="a.png"), {"text": None, "path": "a.png"}),
        ({"path": Path("a.png")}, {"text": None, "path": "a.png"}),
        (CanvasItem("hi", ""), {"text": "hi", "path": None}),
        ({}, {"text": None, "path": None}),
        ({"text": "", "extra": 1}, {"text": "", "path": None}),
    ],
)
def test_a_canvas_item_has_both_keys(item: Any, sent: Any) -> None:
    assert views.items(item, views.canvas_item) == [sent]


def test_a_style_item_has_only_what_is_set() -> None:
    item = StyleItem("canvas", "visible", expand=False)
    assert views.items(item, views.style_item) == [
        {"widget": "canvas", "display": "visible", "expand": False}
    ]
    hook = {"button_id": "ring", "button_name": "Ring", "arguments": []}
    older = {"widget": "button", "display": "highlight", "button_hook": hook, "text": None}
    assert views.items(older, views.style_item) == [
        {"widget": "button", "display": "highlight", "button_hook": hook}
    ]


def test_the_callers_objects_are_not_modified() -> None:
    given: list[Any] = [copy.deepcopy(ORDER), copy.deepcopy(ORDER_SENT)]
    for item in views.items(given, views.button):
        item["dialog"]["components"].append("changed")
        item["dialog"]["title"] = "changed"
    assert given == [ORDER, ORDER_SENT]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (ClickArgument("Drink", "tea", "f"), ClickArgument("Drink", "tea", "f")),
        ({"label": "Drink", "value": "tea"}, ClickArgument("Drink", "tea")),
        ({"name": "Drink", "value": "tea"}, ClickArgument("Drink", "tea")),
        ({"label": "a", "value": "b", "filename": "c"}, ClickArgument("a", "b", "c")),
        (("Drink", "tea"), ClickArgument("Drink", "tea")),
        (["Drink", 5], ClickArgument("Drink", "5")),
        ({"label": "Drink", "value": None}, ClickArgument("Drink", "")),
        ({"label": "Drink"}, ClickArgument("Drink", "")),
        ({"label": "Drink", "value": 5}, ClickArgument("Drink", "5")),
    ],
)
def test_what_was_entered_is_text(given: Any, meant: ClickArgument) -> None:
    assert views.click_arguments([given]) == [meant]


def test_a_click_argument_with_a_number_is_not_modified() -> None:
    number: Any = 5
    given = ClickArgument("Drink", number)
    assert views.click_arguments([given]) == [ClickArgument("Drink", "5")]
    assert given == ClickArgument("Drink", number)


def test_a_simple_click_has_no_arguments() -> None:
    assert views.click_arguments(None) == []
    assert views.click_arguments([]) == []


@pytest.mark.parametrize("wrong", ["ab", "tea", 5, ("Drink",), ("a", "b", "c")])
def test_an_argument_of_another_kind_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="expected a ClickArgument, a dict or a"):
        views.click_arguments([wrong])
