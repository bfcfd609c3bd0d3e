"""Section 4.8: who finds what in a history."""

from __future__ import annotations

from tests.conformance.literal import body_of, do, history, say, show, tell
from tests.local.conftest import Room


async def test_4_8_everybody_sees_only_their_own(room: Room) -> None:
    await say(room, [room.ada.user_id])
    await tell(room, [room.ada.user_id], content={"text": "psst"})
    assert [each["content"]["text"] for each in await history(room.bob, room)] == ["hello all"]
    assert [each["content"]["text"] for each in await history(room.ada, room)] == ["psst"]


async def test_4_8_updates_are_not_recorded(room: Room) -> None:
    await show(room, "canvas", [{"text": "Menu"}])
    await do(room, "refresh")
    assert await history(room.bob, room) == []


async def test_4_8_an_echo_is_a_second_message(room: Room) -> None:
    await say(room, [room.bob.user_id])
    up = await body_of(room.bound)
    await tell(room, up["recipients"], sender=up["sender"], content=up["content"])
    down = await body_of(room.bob_socket)
    found = {each["message_id"] for each in await history(room.bob, room)}
    assert found == {up["message_id"], down["message_id"]}
    assert len(found) == 2


async def test_4_8_leaving_does_not_delete_it(room: Room) -> None:
    await tell(room, [room.bob.user_id])
    await do(room, "leave")
    await do(room, "join")
    assert [each["content"] for each in await history(room.bob, room)] == [{"text": "welcome"}]
