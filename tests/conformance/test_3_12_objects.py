"""Section 3.12: the objects inside frames, in the one shape that 1.8.0 takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import body_of, show, tell
from tests.local.conftest import Room


async def shown(room: Room, subtype: str, item: dict[str, Any]) -> Any:
    """Return an item as Bob receives it."""
    await show(room, subtype, [item])
    return (await body_of(room.bob_socket))["content"][0]


@pytest.mark.parametrize(
    ("subtype", "content"),
    [
        ("text", {"text": "`code` and <b>rich</b>"}),
        ("image", {"path": "https://files.example/a.png", "size": 3, "filename": "a.png"}),
        ("audio", {"path": "https://files.example/a.mp3"}),
        ("file", {"path": "https://files.example/a.pdf", "size": 1234, "filename": "a.pdf"}),
        ("card", {"link": "https://a.example", "title": "T", "button": "Go", "text": "x"}),
        ("all", {"text": "x"}),
        ("custom", {"text": "x", "own": {"deep": [1, None]}}),
        ("never-heard-of", {"anything": True}),
    ],
)
async def test_3_12_all_subtypes_and_content_keys_are_passed_on(
    room: Room, subtype: str, content: dict[str, Any]
) -> None:
    await tell(room, [room.bob.user_id], subtype=subtype, content=content)
    body = await body_of(room.bob_socket)
    assert (body["subtype"], body["content"]) == (subtype, content)


@pytest.mark.parametrize("dialog", [None, False, "", [], "absent"])
async def test_3_12_a_button_without_a_dialog(room: Room, dialog: Any) -> None:
    button = {"button_id": "ring", "button_text": "Ring", "new_window": False, "extra": 1}
    if dialog != "absent":
        button["dialog"] = dialog
    expected = {"button_id": "ring", "button_text": "Ring", "dialog": None}
    assert await shown(room, "buttons", button) == expected


async def test_3_12_what_a_dialog_leaves_out_is_filled_in(room: Room) -> None:
    dialog = {"components": [{"label": "Name"}], "bottom_buttons": [{"text": "Go"}]}
    button = {"button_id": "ask", "button_text": "Ask", "dialog": dialog}
    assert (await shown(room, "buttons", button))["dialog"] == {
        "title": "Dialog",
        "components": [
            {
                "label": "Name",
                "type": "text",
                "required": False,
                "placeholder": None,
                "choices": None,
            }
        ],
        "bottom_buttons": [{"id": "go", "text": "Go", "submit": True}],
    }


@pytest.mark.parametrize("kind", ["text", "dropdown", "textbox", "number", "password", "file"])
async def test_3_12_types_of_inputs_are_passed_on(room: Room, kind: str) -> None:
    dialog = {"title": "T", "components": [{"label": "x", "type": kind}], "bottom_buttons": None}
    button = {"button_id": "ask", "button_text": "Ask", "dialog": dialog}
    component = (await shown(room, "buttons", button))["dialog"]["components"][0]
    assert component["type"] == kind


async def test_3_12_one_message_subtype_is_a_list_of_one(room: Room) -> None:
    item = {"menu_item_id": "quote", "menu_item_text": "Quote", "message_subtypes": "text"}
    assert await shown(room, "menu", item) == {**item, "message_subtypes": ["text"], "dialog": None}


async def test_3_12_a_canvas_item_has_text_and_path(room: Room) -> None:
    item = {"text": "Menu", "size": 3}
    assert await shown(room, "canvas", item) == {"text": "Menu", "path": None}


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ({"widget": "channel", "expand": "true"}, {"widget": "channel", "expand": True}),
        ({"widget": "playground", "expand": "false"}, {"widget": "canvas", "expand": False}),
        ({"widget": "feature"}, {"widget": "button"}),
        ({"widget": "button", "text": "<b>x</b>", "extra": 1}, {"text": "<b>x</b>"}),
        (
            {"widget": "button", "button_hook": {"button_id": "ring", "button_name": "Ring"}},
            {"widget": "button", "button_id": "ring"},
        ),
        (
            {"widget": "button", "button_id": "mine", "button_hook": {"button_id": "ring"}},
            {"widget": "button", "button_id": "mine"},
        ),
    ],
)
async def test_3_12_a_style_has_exactly_these_keys(
    room: Room, sent: dict[str, Any], given: dict[str, Any]
) -> None:
    style = {"widget": "button", "display": "highlight", "expand": None, "button_id": None}
    expected = {**style, "text": None, **given}
    assert await shown(room, "style", {"display": "highlight", **sent}) == expected
