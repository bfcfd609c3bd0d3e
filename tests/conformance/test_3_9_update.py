"""Section 3.9: updates of what users see."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import characters_of, show, update
from tests.local.conftest import Room

BUTTONS = [
    {"button_id": "ring", "button_text": "Ring the bell", "dialog": None},
    {
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
                },
                {
                    "label": "Note",
                    "type": "text",
                    "required": False,
                    "placeholder": None,
                    "choices": None,
                },
            ],
            "bottom_buttons": [
                {"id": "later", "text": "Later", "submit": False},
                {"id": "now", "text": "Now", "submit": True},
            ],
        },
    },
]
MENU = [
    {
        "menu_item_id": "quote",
        "menu_item_text": "Quote",
        "message_subtypes": ["text", "card"],
        "dialog": None,
    }
]
CANVAS = [
    {"text": "Menu of the day", "path": "https://files.example/menu.png"},
    {"text": "closed on Mondays", "path": None},
]
STYLE = [
    {"widget": "canvas", "display": "visible", "expand": True, "button_id": None, "text": None}
]
FILLER: dict[str, Any] = {"group_id": "temp", "context": {}}


@pytest.mark.parametrize(
    ("subtype", "content", "extras"),
    [
        ("buttons", BUTTONS, FILLER),
        ("menu", MENU, {"context": {}}),
        ("canvas", CANVAS, FILLER),
        ("style", STYLE, FILLER),
    ],
)
async def test_3_9_an_update_is_delivered_as_it_is_without_recipients(
    room: Room, subtype: str, content: Any, extras: dict[str, Any]
) -> None:
    await show(room, subtype, content, **extras)
    body = {"subtype": subtype, "channel_id": room.channel, "content": content, **extras}
    assert await room.bob_socket.next() == {"type": "update", "body": body}
    await room.ada_socket.nothing()


@pytest.mark.parametrize("subtype", ["buttons", "menu", "canvas", "style"])
@pytest.mark.parametrize("content", [[], None])
async def test_3_9_an_empty_list_clears(room: Room, subtype: str, content: Any) -> None:
    await show(room, subtype, content)
    body = {"subtype": subtype, "channel_id": room.channel, "content": []}
    assert await room.bob_socket.next() == {"type": "update", "body": body}


async def test_3_9_keys_that_1_8_0_does_not_know_are_not_delivered(room: Room) -> None:
    await show(room, "canvas", CANVAS, sender="OWL", timestamp=1, message_id="MSG-1", extra=2)
    body = {"subtype": "canvas", "channel_id": room.channel, "content": CANVAS}
    assert (await room.bob_socket.next())["body"] == body


async def test_3_9_characters_have_neither_group_nor_context(room: Room) -> None:
    group = await room.ada.group("OWL", room.bob.user_id)
    await show(room, "characters", {"characters": group})
    body = {"subtype": "characters", "channel_id": room.channel, "content": {"characters": group}}
    assert await room.bob_socket.next() == {"type": "update", "body": body}


async def test_3_9_the_order_of_characters_is_kept(room: Room) -> None:
    for order in (["OWL", "BOB", "ADA"], ["ADA", "OWL", "BOB"]):
        await show(room, "characters", {"characters": order})
        group = (await room.bob_socket.next())["body"]["content"]["characters"]
        assert await characters_of(room.bob, group) == order


@pytest.mark.parametrize(
    "content",
    [
        {"characters": ["OWL", "ADA"]},
        ["OWL", "ADA"],
        [{"user_id": "OWL", "context": {}}, {"character_id": "ADA"}],
    ],
)
async def test_3_9_an_inline_list_of_characters_is_delivered_as_a_group(
    room: Room, content: Any
) -> None:
    await show(room, "characters", content)
    group = (await room.bob_socket.next())["body"]["content"]["characters"]
    assert isinstance(group, str)
    assert await characters_of(room.bob, group) == ["OWL", "ADA"]


async def test_3_9_no_characters_at_all_are_an_empty_group(room: Room) -> None:
    await show(room, "characters", {"characters": []})
    group = (await room.bob_socket.next())["body"]["content"]["characters"]
    assert await characters_of(room.bob, group) == []


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"characters": ""}, "content.characters must be a group id or a list of character ids"),
        ({"characters": "no-such-group"}, "Group not found: no-such-group"),
        ({"characters": 7}, "content.characters must be a list of character ids"),
        ({}, "content.characters must be a list of character ids"),
    ],
)
async def test_3_9_characters_that_are_none_are_refused(
    room: Room, content: Any, text: str
) -> None:
    body = update(room, "characters", content)
    refusal = await room.bound.bad(type="update", service_id=room.service_id, body=body)
    assert refusal == text
    await room.bob_socket.nothing()


async def test_3_9_a_lone_item_is_a_list_of_one(room: Room) -> None:
    await show(room, "canvas", {"text": "alone"})
    content = (await room.bob_socket.next())["body"]["content"]
    assert content == [{"text": "alone", "path": None}]


async def test_3_9_an_item_with_neither_text_nor_path_is_an_empty_pane(room: Room) -> None:
    await show(room, "canvas", [{}])
    content = (await room.bob_socket.next())["body"]["content"]
    assert content == [{"text": None, "path": None}]


CONTEXT = {"channel_description": "hot drinks", "channel_type": "ccs"}


async def test_3_9_channel_info_with_its_subtype_outside_goes_to_all_members(room: Room) -> None:
    named = {"channel_id": room.channel, "channel_name": "Tea room"}
    await room.bound.good(
        type="update",
        subtype="channel_info",
        channel_id=room.channel,
        service_id=room.service_id,
        body={**named, **CONTEXT, "context": CONTEXT},
    )
    content = {**named, "context": CONTEXT}
    body = {"subtype": "channel_info", "channel_id": room.channel, "content": content}
    for socket in (room.ada_socket, room.bob_socket):
        assert await socket.next() == {"type": "update", "body": {**body, "context": {}}}


async def test_3_9_channel_info_in_the_other_form_goes_to_its_recipients(room: Room) -> None:
    named = {"channel_id": room.channel, "channel_name": "Tea room"}
    content = {**named, "context": CONTEXT}
    await show(room, "channel_info", content)
    body = {"subtype": "channel_info", "channel_id": room.channel, "content": content}
    assert await room.bob_socket.next() == {"type": "update", "body": {**body, "context": {}}}
    await room.ada_socket.nothing()


async def test_3_9_channel_info_changes_nothing_that_is_stored(room: Room) -> None:
    content = {"channel_id": room.channel, "channel_name": "Renamed", "context": {}}
    await show(room, "channel_info", content)
    listed = await room.bob.get("/channel/list")
    assert [each["channel_name"] for each in listed] == ["Tea room"]
