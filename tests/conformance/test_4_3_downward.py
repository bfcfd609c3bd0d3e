"""Section 4.3: events on their way down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.literal import (
    body_of,
    do,
    history,
    message_down,
    say,
    show,
    tell,
    update,
)
from tests.local.conftest import Room
from tests.support.wire import Person


async def test_4_3_the_channel_must_be_bound_to_the_service(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    for kind, body in (
        ("message_down", message_down(room, [room.bob.user_id])),
        ("update", update(room, "canvas", [])),
    ):
        text = await room.bound.bad(type=kind, service_id=other, body=body)
        assert text == f"Channel {room.channel} is not bound to service {other}"
        body["channel_id"] = "nowhere"
        text = await room.bound.bad(type=kind, service_id=room.service_id, body=body)
        assert text == "Channel not found"
    await room.bob_socket.nothing()


async def test_4_3_after_unbinding_the_service_is_silent(room: Room) -> None:
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    await room.ada.post("/service/unbind", **pair)
    await room.bob_socket.drop()
    body = message_down(room, [room.bob.user_id])
    await room.bound.bad(type="message_down", service_id=room.service_id, body=body)
    await room.bob_socket.nothing()


@pytest.mark.parametrize("form", ["group", "list", "one"])
async def test_4_3_recipients_are_a_group_a_list_or_one_character(room: Room, form: str) -> None:
    bob = room.bob.user_id
    to: Any = {"group": await room.ada.group(bob), "list": [bob], "one": bob}[form]
    await tell(room, to)
    await show(room, "canvas", [], recipients=to)
    kinds = [(await room.bob_socket.next())["type"] for _ in range(2)]
    assert kinds == ["message_down", "update"]


@pytest.mark.parametrize("nobody", ["service", "", None, []])
async def test_4_3_these_are_nobody(room: Room, nobody: Any) -> None:
    await tell(room, nobody)
    await show(room, "canvas", [], recipients=nobody)
    await room.bob_socket.nothing()
    await room.ada_socket.nothing()


async def test_4_3_an_unknown_group_is_refused_and_nobody_receives_anything(room: Room) -> None:
    frame = {"type": "message_down", "service_id": room.service_id}
    text = await room.bound.bad(**frame, body=message_down(room, "no-such-group"))
    assert text == "Group not found: no-such-group"
    await room.bob_socket.nothing()
    assert await history(room.bob, room) == []


async def test_4_3_only_members_receive_and_the_others_are_no_error(room: Room, cy: Person) -> None:
    socket = await cy.user_socket()
    context = {"name": "Owl", "avatar": "", "description": ""}
    owl = await room.ada.post(
        "/service/character/create", service_id=room.service_id, context=context
    )
    await tell(room, [cy.user_id, owl["character_id"], "unknown", "service", room.bob.user_id])
    assert (await body_of(room.bob_socket))["content"] == {"text": "welcome"}
    await socket.nothing()
    for alone in (cy.user_id, owl["character_id"]):
        await tell(room, alone)
    await socket.nothing()


async def test_4_3_who_is_listed_twice_receives_once(room: Room) -> None:
    await tell(room, [room.bob.user_id, room.bob.user_id])
    await room.bob_socket.next()
    await room.bob_socket.nothing()
    assert len(await history(room.bob, room)) == 1


async def test_4_3_recipients_who_are_offline_find_it_in_their_history(room: Room) -> None:
    await room.bob_socket.close()
    await tell(room, [room.ada.user_id, room.bob.user_id])
    down = await body_of(room.ada_socket)
    for person in (room.ada, room.bob):
        assert [each["message_id"] for each in await history(person, room)] == [down["message_id"]]


async def test_4_3_the_named_sender_gets_no_copy_of_its_own(room: Room) -> None:
    await tell(room, [room.ada.user_id], sender=room.bob.user_id)
    assert (await body_of(room.ada_socket))["sender"] == room.bob.user_id
    await room.bob_socket.nothing()
    assert await history(room.bob, room) == []


async def test_4_3_a_service_may_speak_at_any_time_as_a_member_who_has_left(room: Room) -> None:
    await do(room, "leave")
    await tell(room, [room.ada.user_id], sender=room.bob.user_id)
    assert (await body_of(room.ada_socket))["sender"] == room.bob.user_id


async def test_4_3_a_service_may_relay_between_its_channels(room: Room) -> None:
    there = await room.ada.channel("There")
    await room.ada.post("/service/bind", channel_id=there, service_id=room.service_id)
    await say(room, [room.ada.user_id])
    up = await body_of(room.bound)
    await tell(room, up["recipients"], channel_id=there, sender=up["sender"])
    down = await body_of(room.ada_socket)
    assert (down["channel_id"], down["sender"]) == (there, room.bob.user_id)
