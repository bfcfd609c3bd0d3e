"""Section 7: decisions on the socket that no other section has a test of."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.conformance.literal import body_of, do, message_down, message_up, say, tell, update
from tests.local.conftest import Room
from tests.support.wire import wire_to

MANY = 200


async def test_q11_anybody_with_an_account_may_resolve_a_delivered_group(
    room: Room,
) -> None:
    await say(room, [room.ada.user_id, "OWL"])
    group = (await body_of(room.bound))["recipients"]
    for person in (room.ada, room.bob):
        for path in ("/user/group", "/service/group"):
            found = await person.get(path, group_id=group)
            assert found["characters"] == [room.ada.user_id, "OWL"]


async def test_q16_a_new_name_is_pushed_to_the_members_and_a_binding_is_not(room: Room) -> None:
    context = {"channel_description": "hot drinks"}
    await room.ada.post(
        "/channel/update", channel_id=room.channel, channel_name="Tea house", context=context
    )
    shown = {"channel_description": "hot drinks", "channel_type": "ccs"}
    content = {"channel_id": room.channel, "channel_name": "Tea house", "context": shown}
    body = {"subtype": "channel_info", "channel_id": room.channel, "content": content}
    for socket in (room.ada_socket, room.bob_socket):
        assert await socket.next() == {"type": "update", "body": {**body, "context": {}}}
    await room.bound.nothing()


async def test_q17_the_group_of_an_inline_list_has_no_name(room: Room) -> None:
    await say(room, [room.ada.user_id])
    context = (await body_of(room.bound))["context"]
    assert (context["group_name"], context["character_num"]) == ("", 1)


async def test_q39_scs_is_never_produced(room: Room) -> None:
    for person in (room.ada, room.bob):
        for channel in await person.get("/channel/list"):
            assert channel["channel_context"]["channel_type"] in ("dcs", "ccs")


async def test_q42_unknown_data_survives_both_ways(room: Room) -> None:
    context = {"user_data": {"seat": [1, None, {"deep": "é𝄞"}]}}
    content = {"text": "hi", "read_by": ["ADA"]}
    await say(room, context=context, content=content)
    up = await body_of(room.bound)
    assert up["content"] == content
    assert up["context"]["user_data"] == context["user_data"]
    await tell(room, [room.bob.user_id], context=context, content=content)
    down = await body_of(room.bob_socket)
    assert (down["content"], down["context"]) == (content, context)


async def test_q44_what_goes_up_arrives_in_order(room: Room) -> None:
    for number in range(MANY):
        body = message_up(room, content={"text": str(number)})
        await room.bob_socket.send(type="message_up", body=body)
        await room.ada_socket.send(type="message_up", body=body)
    texts: dict[str, list[str]] = {room.bob.user_id: [], room.ada.user_id: []}
    for _ in range(2 * MANY):
        body = await body_of(room.bound)
        texts[body["sender"]].append(body["content"]["text"])
    assert [*texts.values()] == [[str(number) for number in range(MANY)]] * 2


async def test_q44_messages_and_updates_come_down_in_order(room: Room) -> None:
    to = [room.ada.user_id, room.bob.user_id]
    for number in range(MANY):
        content = [{"text": str(number), "path": None}]
        shown = update(room, "canvas", content, recipients=to)
        await room.bound.send(type="update", service_id=room.service_id, body=shown)
        body = message_down(room, to, content={"text": str(number)})
        await room.bound.send(type="message_down", service_id=room.service_id, body=body)
    for socket in (room.ada_socket, room.bob_socket):
        for number in range(MANY):
            shown = await body_of(socket)
            told = await body_of(socket)
            assert shown["content"] == [{"text": str(number), "path": None}]
            assert told["content"] == {"text": str(number)}


@pytest.mark.parametrize("kept", [False, True])
async def test_q44_all_members_see_one_order_of_what_many_say(kept: bool, tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data" if kept else None)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada, bob = await wire.be("ada@example.org"), await wire.be("bob@example.org")
        channel = await ada.channel()
        await bob.join(channel)
        room = Room(ada, bob, channel, await ada.user_socket(), await bob.user_socket())
        to = [ada.user_id, bob.user_id]

        async def talk(socket: object, name: str) -> None:
            for number in range(50):
                body = message_up(room, to, content={"text": f"{name} {number}"})
                await socket.send(type="message_up", body=body)  # type: ignore[attr-defined]

        await asyncio.gather(talk(room.ada_socket, "ada"), talk(room.bob_socket, "bob"))
        heard: list[list[str]] = []
        for socket in (room.ada_socket, room.bob_socket):
            heard.append([(await body_of(socket))["content"]["text"] for _ in range(100)])
        assert heard[0] == heard[1]
        for name in ("ada", "bob"):
            mine = [text for text in heard[0] if text.startswith(name)]
            assert mine == [f"{name} {number}" for number in range(50)]


async def test_q44_a_leave_comes_after_what_was_said_before_it(room: Room) -> None:
    await room.bob_socket.send(type="message_up", body=message_up(room))
    await room.bob_socket.send(type="action", body={"subtype": "leave", "channel_id": room.channel})
    await room.bob_socket.send(type="message_up", body=message_up(room))
    kinds = [await room.bound.next() for _ in range(2)]
    assert [each["type"] for each in kinds] == ["message_up", "action"]
    assert [(await room.bob_socket.copy())["status"] for _ in range(3)] == [True, True, False]
    await do(room, "join")
    assert (await body_of(room.bound))["subtype"] == "join"
