"""Section 3.10: what users do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import action, body_of, do, tell
from tests.local.conftest import Room
from tests.support.wire import Person


def delivered(room: Room, subtype: str, **keys: Any) -> dict[str, Any]:
    """The body of an action as the service receives it."""
    sender = room.bob.user_id
    return {"subtype": subtype, "channel_id": room.channel, "context": {}, "sender": sender, **keys}


async def test_3_10_a_refresh_is_delivered_with_its_sender(room: Room) -> None:
    await do(room, "refresh")
    assert await room.bound.next() == {"type": "action", "body": delivered(room, "refresh")}


@pytest.mark.parametrize("subtype", ["join_channel", "join"])
async def test_3_10_join_channel_is_delivered_as_join(room: Room, cy: Person, subtype: str) -> None:
    socket = await cy.user_socket()
    await socket.good(type="action", user_id=cy.user_id, body=action(room, subtype))
    body = delivered(room, "join", sender=cy.user_id)
    assert await room.bound.next() == {"type": "action", "body": body}


@pytest.mark.parametrize("subtype", ["leave_channel", "leave"])
async def test_3_10_leave_channel_is_delivered_as_leave(room: Room, subtype: str) -> None:
    await do(room, subtype)
    assert await room.bound.next() == {"type": "action", "body": delivered(room, "leave")}


async def test_3_10_a_missing_context_is_delivered_as_an_empty_one(room: Room) -> None:
    for context in (None, {"mood": "fine"}):
        await do(room, "refresh", context=context)
        assert (await body_of(room.bound))["context"] == (context or {})


async def test_3_10_extra_keys_are_not_delivered(room: Room) -> None:
    await do(room, "refresh", extra=1, recipients="GRP-1")
    assert await body_of(room.bound) == delivered(room, "refresh")


async def test_3_10_a_simple_click(room: Room) -> None:
    click = {"button_id": "ring", "arguments": [], "bottom_button_id": "confirm"}
    await do(room, "button_click", **click)
    body = delivered(room, "button_click", **click)
    assert await room.bound.next() == {"type": "action", "body": body}


async def test_3_10_a_click_with_a_dialog_keeps_the_order_of_arguments(room: Room) -> None:
    arguments = [{"label": "Drink", "value": "tea"}, {"label": "Note", "value": "no sugar"}]
    click = {"button_id": "order", "arguments": arguments, "bottom_button_id": "now"}
    await do(room, "button_click", **click)
    assert await body_of(room.bound) == delivered(room, "button_click", **click)


@pytest.mark.parametrize(
    ("sent", "arguments"),
    [
        ([[]], []),
        ([[{"label": "Drink", "value": "tea"}]], [{"label": "Drink", "value": "tea"}]),
        ([{"name": "Drink", "value": "tea"}], [{"label": "Drink", "value": "tea"}]),
        ([{"label": "a", "name": "b", "value": "c"}], [{"label": "a", "value": "c"}]),
        ([{"label": "Cups", "value": 2}], [{"label": "Cups", "value": "2"}]),
        ([{"label": "Cups", "value": None}], [{"label": "Cups", "value": ""}]),
        ([{"label": "Ice", "value": True}], [{"label": "Ice", "value": "true"}]),
        ([{"label": "All", "value": {"ä": [1]}}], [{"label": "All", "value": '{"ä":[1]}'}]),
        ([{"label": "x", "value": "y", "extra": 1}], [{"label": "x", "value": "y"}]),
        ([{"label": "x", "value": "y", "filename": None}], [{"label": "x", "value": "y"}]),
        (
            [{"label": "x", "value": "y", "filename": "f.png"}],
            [{"label": "x", "value": "y", "filename": "f.png"}],
        ),
        (["plain", 7], [{"label": "", "value": "plain"}, {"label": "", "value": "7"}]),
        (None, []),
    ],
)
async def test_3_10_arguments_are_delivered_flat_and_labelled(
    room: Room, sent: Any, arguments: list[Any]
) -> None:
    await do(room, "button_click", button_id="order", arguments=sent, bottom_button_id="now")
    assert (await body_of(room.bound))["arguments"] == arguments


async def test_3_10_what_a_click_leaves_out_is_filled_in(room: Room) -> None:
    body = {"subtype": "button_click", "button_id": "ring", "channel_id": room.channel}
    await room.bob_socket.good(type="action", body=body)
    click = {"button_id": "ring", "arguments": [], "bottom_button_id": "confirm"}
    assert await body_of(room.bound) == delivered(room, "button_click", **click)


async def test_3_10_labels_and_button_type_are_passed_on(room: Room) -> None:
    click = {"button_id": "ring", "arguments": [], "bottom_button_id": "confirm"}
    more = {"labels": ["a", "b"], "button_type": "key"}
    await do(room, "button_click", **click, **more)
    assert await body_of(room.bound) == delivered(room, "button_click", **click, **more)
    await do(room, "button_click", **click, labels=[1], button_type=2)
    assert await body_of(room.bound) == delivered(room, "button_click", **click)


CLICK: dict[str, Any] = {
    "menu_item_id": "quote",
    "message_id": "MSG-2",
    "message_subtype": "text",
    "message_content": {"text": "welcome"},
    "arguments": [],
    "bottom_button_id": "confirm",
}


async def test_3_10_a_menu_click_is_delivered_with_its_sender(room: Room) -> None:
    await do(room, "menu_item_click", **CLICK)
    body = delivered(room, "menu_item_click", **CLICK)
    assert await room.bound.next() == {"type": "action", "body": body}


async def test_3_10_the_content_of_a_menu_click_has_content_keys_only(room: Room) -> None:
    content = {"text": "welcome", "path": None, "fireworks": 1}
    await do(room, "menu_item_click", **{**CLICK, "message_content": content})
    assert (await body_of(room.bound))["message_content"] == {"text": "welcome", "path": None}


@pytest.mark.parametrize("known", [{"message_subtype": "<unknown>", "message_content": {}}, {}])
async def test_3_10_a_menu_click_on_an_id_alone_is_filled_from_the_history(
    room: Room, known: dict[str, Any]
) -> None:
    await tell(room, [room.bob.user_id])
    message_id = (await body_of(room.bob_socket))["message_id"]
    click = {"menu_item_id": "quote", "message_id": message_id, "arguments": [[]], **known}
    await do(room, "menu_item_click", **click)
    full = {**CLICK, "message_id": message_id}
    assert await body_of(room.bound) == delivered(room, "menu_item_click", **full)


async def test_3_10_what_only_others_have_seen_is_not_filled_in(room: Room) -> None:
    await tell(room, [room.ada.user_id])
    message_id = (await body_of(room.ada_socket))["message_id"]
    await do(room, "menu_item_click", menu_item_id="quote", message_id=message_id)
    body = await body_of(room.bound)
    assert (body["message_subtype"], body["message_content"]) == ("<unknown>", {})
    assert body["message_id"] == message_id


@pytest.mark.parametrize(
    ("subtype", "keys", "text"),
    [
        ("button_click", {}, "button_id is required"),
        ("button_click", {"button_id": 7}, "button_id must be a string"),
        ("button_click", {"button_id": "x", "arguments": "y"}, "arguments must be a list"),
        ("menu_item_click", {}, "menu_item_id is required"),
        ("refresh", {"context": "x"}, "context must be an object"),
        ("refresh", {"channel_id": 7}, "channel_id must be a string"),
        ("refresh", {"channel_id": "nowhere"}, "Channel not found"),
        ("join", {"channel_id": "nowhere"}, "Channel not found"),
    ],
)
async def test_3_10_a_wrong_field_is_named(
    room: Room, subtype: str, keys: dict[str, Any], text: str
) -> None:
    body = action(room, subtype, **keys)
    assert await room.bob_socket.bad(type="action", body=body) == text
    await room.bound.nothing()
