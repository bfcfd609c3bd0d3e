"""Sections 4.4 to 4.6: joining and leaving, binding, and channels without a service."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import (
    UP_TIME,
    action,
    body_of,
    characters_of,
    do,
    history,
    say,
    tell,
)
from tests.local.conftest import Room
from tests.support.wire import Person

FILLER: dict[str, Any] = {"group_id": "temp", "context": {}}


async def test_4_4_no_refresh_is_made_up_after_a_join(room: Room, cy: Person) -> None:
    socket = await cy.user_socket()
    await socket.good(type="action", body=action(room, "join"))
    assert (await body_of(room.bound))["subtype"] == "join"
    await room.bound.nothing()
    await socket.nothing()


async def test_4_4_a_farewell_reaches_neither_the_leaver_nor_the_history(room: Room) -> None:
    await do(room, "leave")
    assert (await body_of(room.bound))["subtype"] == "leave"
    await tell(room, [room.bob.user_id], content={"text": "farewell"})
    await room.bob_socket.nothing()
    await do(room, "join")
    assert await history(room.bob, room) == []


async def test_4_5_binding_makes_it_ccs_and_pushes_nothing(plain_room: Room) -> None:
    room = plain_room
    room.service_id = await room.ada.bound_service(room.channel)
    await room.bob_socket.nothing()
    room.service = await room.ada.service_socket(room.service_id)
    await say(room)
    assert (await body_of(room.bound))["context"]["channel_type"] == "ccs"


async def test_4_5_unbinding_shows_the_members_once_and_makes_it_dcs(room: Room) -> None:
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    await room.ada.post("/service/unbind", **pair)
    for socket in (room.ada_socket, room.bob_socket):
        group = (await body_of(socket))["content"]["characters"]
        assert await characters_of(room.bob, group) == [room.ada.user_id, room.bob.user_id]
        await socket.nothing()
    await say(room, [room.ada.user_id])
    assert (await body_of(room.ada_socket))["context"]["channel_type"] == "dcs"
    await room.bound.nothing()


async def test_4_5_a_binding_outlives_its_connections(room: Room) -> None:
    await room.bound.close()
    room.service = await room.ada.service_socket(room.service_id)
    await say(room)
    assert (await body_of(room.bound))["sender"] == room.bob.user_id


async def test_4_6_a_message_goes_to_its_recipients_and_nobody_sees_who_they_are(
    plain_room: Room,
) -> None:
    room = plain_room
    await say(room, [room.ada.user_id, room.bob.user_id, "OWL"])
    frame = await room.ada_socket.next()
    message_id = frame["body"]["message_id"]
    assert frame == {
        "type": "message_down",
        "body": {
            "subtype": "text",
            "channel_id": room.channel,
            "content": {"text": "hello all"},
            "timestamp": UP_TIME,
            "sender": room.bob.user_id,
            "message_id": message_id,
            "context": {"is_dcs": True, "channel_type": "dcs"},
        },
    }
    assert await room.bob_socket.next() == frame
    # The author's own, and what is delivered to the author, are one message.
    for person in (room.ada, room.bob):
        found = await history(person, room)
        assert [each["message_id"] for each in found] == [message_id]
        assert found[0]["context"]["is_dcs"] is True


async def test_4_6_the_author_receives_only_what_is_addressed_to_the_author(
    plain_room: Room,
) -> None:
    room = plain_room
    await say(room, [room.ada.user_id])
    await room.ada_socket.next()
    await room.bob_socket.nothing()
    assert len(await history(room.bob, room)) == 1


async def test_4_6_service_is_nobody(plain_room: Room) -> None:
    await say(plain_room, "service")
    await plain_room.ada_socket.nothing()
    await plain_room.bob_socket.nothing()


@pytest.mark.parametrize("subtype", ["refresh", "fetch_characters", "fetch_style"])
async def test_4_6_a_refresh_shows_the_default_view(plain_room: Room, subtype: str) -> None:
    room = plain_room
    socket = await room.bob.user_socket("/?dialect=d2")
    await socket.good(type="action", body=action(room, subtype))
    bodies = [await body_of(socket) for _ in range(5)]
    group = bodies[0]["content"]["characters"]
    where = {"channel_id": room.channel}
    about = {"channel_description": "", "channel_type": "dcs"}
    info = {**where, "channel_name": "Tea room", "context": about}
    assert bodies == [
        {"subtype": "characters", **where, "content": {"characters": group}},
        {"subtype": "buttons", **where, "content": [], **FILLER},
        {"subtype": "menu", **where, "content": [], "context": {}},
        {"subtype": "canvas", **where, "content": [], **FILLER},
        {"subtype": "channel_info", **where, "content": info, "context": {}},
    ]
    assert await characters_of(room.bob, group) == [room.ada.user_id, room.bob.user_id]
    await socket.nothing()
    await room.ada_socket.nothing()


async def test_4_6_joining_and_leaving_update_those_who_are_there(
    plain_room: Room, cy: Person
) -> None:
    room = plain_room
    socket = await cy.user_socket()
    await socket.good(type="action", body=action(room, "join"))
    everybody = [room.ada.user_id, room.bob.user_id, cy.user_id]
    for each in (room.ada_socket, room.bob_socket, socket):
        group = (await body_of(each))["content"]["characters"]
        assert await characters_of(cy, group) == everybody
    await do(room, "leave")
    for each in (room.ada_socket, socket):
        group = (await body_of(each))["content"]["characters"]
        assert await characters_of(cy, group) == [room.ada.user_id, cy.user_id]
    await room.bob_socket.nothing()


async def test_4_6_clicks_are_acknowledged_and_otherwise_ignored(plain_room: Room) -> None:
    room = plain_room
    await do(room, "button_click", button_id="ring")
    await do(room, "menu_item_click", menu_item_id="quote", message_id="MSG-1")
    await room.bob_socket.nothing()
    await room.ada_socket.nothing()
