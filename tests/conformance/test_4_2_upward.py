"""Sections 4.1 and 4.2: events on their way up."""

from __future__ import annotations

import pytest

from tests.conformance.literal import action, body_of, do, history, message_up, say, show
from tests.local.conftest import Room
from tests.support.wire import Person, Socket


@pytest.fixture
async def stranger(cy: Person) -> Socket:
    """Cy, who is not a member."""
    return await cy.user_socket()


async def test_4_1_the_platform_keeps_no_views(room: Room) -> None:
    await show(room, "canvas", [{"text": "Menu"}])
    await room.bob_socket.next()
    await do(room, "refresh")
    await room.bound.next()
    await room.bob_socket.nothing()  # the service has to show it again


async def test_4_2_every_upward_event_goes_to_the_service_exactly_once(room: Room) -> None:
    second = await room.bob.user_socket()
    await say(room, [room.ada.user_id])
    await do(room, "refresh")
    kinds = [(await room.bound.next())["type"] for _ in range(2)]
    assert kinds == ["message_up", "action"]
    await room.bound.nothing()
    await room.ada_socket.nothing()  # though it was addressed to her
    await second.nothing()


async def test_4_2_a_message_is_in_its_senders_history(room: Room) -> None:
    await say(room, [room.ada.user_id])
    sent = await body_of(room.bound)
    assert [each["message_id"] for each in await history(room.bob, room)] == [sent["message_id"]]
    assert await history(room.ada, room) == []


@pytest.mark.parametrize("gone", ["join", "leave"])
async def test_4_2_members_have_changed_before_the_service_is_told(
    room: Room, cy: Person, gone: str
) -> None:
    person, socket = (
        (room.bob, room.bob_socket) if gone == "leave" else (cy, await cy.user_socket())
    )
    await socket.send(type="action", body=action(room, gone))
    assert (await body_of(room.bound))["subtype"] == gone
    members = await room.ada.get("/channel/character_list", channel_id=room.channel)
    assert (person.user_id in members["character_list"]) is (gone == "join")


@pytest.mark.parametrize(
    "subtype", ["refresh", "button_click", "menu_item_click", "fetch_buttons", "fetch_style"]
)
async def test_4_2_only_members_may_act(room: Room, stranger: Socket, subtype: str) -> None:
    for _ in range(2):  # a request for a view is refused however many came before
        body = action(room, subtype, button_id="ring", menu_item_id="quote")
        text = await stranger.bad(type="action", body=body)
        assert text == f"You are not a member of channel {room.channel}"
    await room.bound.nothing()


async def test_4_2_only_members_may_speak(room: Room, stranger: Socket) -> None:
    text = await stranger.bad(type="message_up", body=message_up(room))
    assert text == f"You are not a member of channel {room.channel}"
    await room.bound.nothing()


async def test_4_2_join_needs_a_channel(stranger: Socket, room: Room) -> None:
    for subtype in ("join", "leave"):
        body = action(room, subtype, channel_id="nowhere")
        assert await stranger.bad(type="action", body=body) == "Channel not found"


async def test_4_2_joining_twice_and_leaving_twice_succeed_without_effect(room: Room) -> None:
    await do(room, "join")  # Bob is a member
    await room.bound.nothing()
    await do(room, "leave")
    await room.bound.next()
    await do(room, "leave")
    await room.bound.nothing()


async def test_4_2_an_offline_service_loses_the_event_for_good(room: Room) -> None:
    await room.bound.close()
    await say(room, [room.ada.user_id])
    await do(room, "refresh")
    await room.bob_socket.nothing()  # no default behaviour either
    await room.ada_socket.nothing()
    room.service = await room.ada.service_socket(room.service_id)
    await room.bound.nothing()  # nothing is replayed
    assert [each["content"] for each in await history(room.bob, room)] == [{"text": "hello all"}]


async def test_4_2_a_join_while_the_service_is_offline_is_a_join(room: Room, cy: Person) -> None:
    await room.bound.close()
    socket = await cy.user_socket()
    await socket.good(type="action", body=action(room, "join"))
    members = await room.ada.get("/channel/character_list", channel_id=room.channel)
    assert members["character_list"][-1] == cy.user_id
