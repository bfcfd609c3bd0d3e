"""Section 3.7: messages from a user, by way of the Platform, to the service."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.conformance.literal import UP_TIME, action, body_of, characters_of, message_up, say, show
from tests.local.conftest import Room
from tests.support.wire import wire_to


async def group_of(room: Room, *characters: str) -> str:
    """Let Bob make a group named Both."""
    given = {"channel_id": room.channel, "group_name": "Both", "characters": [*characters]}
    return str((await room.bob.post("/user/group/create", **given))["group_id"])


async def test_3_7_a_message_of_python_reaches_the_service_with_everything_added(
    room: Room,
) -> None:
    group = await group_of(room, room.ada.user_id, "OWL")
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "hello all"},
        "recipients": group,
        "timestamp": UP_TIME,
        "context": {},
    }
    bob = room.bob.user_id
    await room.bob_socket.good(type="message_up", user_id=bob, service_id=bob, body=body)
    frame = await room.bound.next()
    message_id = frame["body"]["message_id"]
    assert len(message_id) == 36
    assert frame == {
        "type": "message_up",
        "body": {
            "subtype": "text",
            "content": {"text": "hello all"},
            "channel_id": room.channel,
            "timestamp": UP_TIME,
            "recipients": group,
            "message_id": message_id,
            "context": {
                "group_id": group,
                "group_name": "Both",
                "character_num": 2,
                "channel_type": "ccs",
            },
            "sender": bob,
        },
    }
    await room.ada_socket.nothing()  # nobody but the service


async def test_3_7_the_platforms_context_is_merged_over_the_clients(room: Room) -> None:
    await say(room, context={"mood": "fine", "group_id": "forged", "channel_type": "scs"})
    assert (await body_of(room.bound))["context"] == {
        "mood": "fine",
        "group_id": "service",
        "group_name": "service",
        "character_num": 0,
        "channel_type": "ccs",
    }


async def test_3_7_the_literal_service_is_delivered_as_it_is(room: Room) -> None:
    await say(room, "service")
    assert (await body_of(room.bound))["recipients"] == "service"


async def test_3_7_a_group_of_service_alone_is_left_as_it_is(room: Room) -> None:
    group = await group_of(room, "service")
    await say(room, group)
    body = await body_of(room.bound)
    assert (body["recipients"], body["context"]["character_num"]) == (group, 1)
    assert await characters_of(room.ada, group) == ["service"]


async def test_3_7_every_message_has_an_id_of_its_own(room: Room) -> None:
    for _ in range(2):
        await say(room)
    first, second = [(await body_of(room.bound))["message_id"] for _ in range(2)]
    assert first != second


@pytest.mark.parametrize("timestamp", [None, "1719000000123", 1.5, True, [], -1, 2**70])
async def test_3_7_a_timestamp_that_is_none_becomes_the_servers(timestamp: Any) -> None:
    now = 1_719_000_999_999
    async with (
        LocalPlatform(PlatformOptions(), clock=lambda: now) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.be("ada@example.org")
        channel = await ada.channel()
        service = await ada.service_socket(await ada.bound_service(channel))
        body = {"subtype": "text", "channel_id": channel, "content": {"text": "hi"}}
        sent = {**body, "recipients": "service", "timestamp": timestamp}
        await (await ada.user_socket()).good(type="message_up", body=sent)
        assert (await body_of(service))["timestamp"] == now


async def test_3_7_the_clients_timestamp_is_passed_through(room: Room) -> None:
    for timestamp in (0, 1, UP_TIME):
        await say(room, timestamp=timestamp)
        assert (await body_of(room.bound))["timestamp"] == timestamp


async def test_3_7_a_missing_context_is_made(room: Room) -> None:
    body = message_up(room)
    del body["context"]
    await room.bob_socket.good(type="message_up", body=body)
    assert (await body_of(room.bound))["context"]["channel_type"] == "ccs"


async def test_3_7_javascript_speaks_of_the_channel_in_focus(room: Room) -> None:
    second = await room.bob.channel("Second")
    js = {"subtype": "text", "content": {"text": "hi"}, "channel_id": "", "recipients": ""}
    # In two channels, and none has the focus yet.
    assert await room.bob_socket.bad(type="message_up", body=js) == "channel_id is required"
    for channel in (room.channel, second):
        body = action(room, "refresh", channel_id=channel)
        await room.bob_socket.good(type="action", body=body)
    refused = action(room, "refresh", channel_id="nowhere")
    await room.bob_socket.bad(type="action", body=refused)
    await room.bob_socket.drop()
    await room.bob_socket.good(type="message_up", body=js)  # in the second, to its members
    assert (await body_of(room.bob_socket))["channel_id"] == second
    await room.bob_socket.good(type="action", body=action(room, "refresh"))
    await room.bob_socket.good(type="message_up", body=js)
    await room.bound.next()
    await room.bound.next()
    assert (await body_of(room.bound))["channel_id"] == room.channel


async def test_3_7_javascript_speaks_of_the_only_channel(room: Room) -> None:
    for body in ({"channel_id": ""}, {"channel_id": None}, {}):
        js = {"subtype": "text", "content": {"text": "hi"}, "timestamp": 1, **body}
        await room.bob_socket.good(type="message_up", user_id=room.bob.user_id, body=js)
        assert (await body_of(room.bound))["channel_id"] == room.channel


async def test_3_7_a_channel_that_was_left_has_the_focus_no_more(room: Room) -> None:
    second = await room.bob.channel("Second")
    await room.bob_socket.good(type="action", body=action(room, "refresh"))
    await room.bob_socket.good(type="action", body=action(room, "leave"))
    js = {"subtype": "text", "content": {"text": "hi"}, "channel_id": ""}
    await room.bob_socket.drop()
    await room.bob_socket.good(type="message_up", body=js)
    assert (await body_of(room.bob_socket))["channel_id"] == second


@pytest.mark.parametrize("recipients", ["", None])
async def test_3_7_no_recipients_means_the_characters_shown_last(
    room: Room, recipients: Any
) -> None:
    await say(room, recipients)
    group = (await body_of(room.bound))["recipients"]
    assert await characters_of(room.bob, group) == [room.ada.user_id, room.bob.user_id]
    shown = await room.ada.group("OWL", room.bob.user_id)
    await show(room, "characters", {"characters": shown})
    await say(room, recipients)
    assert (await body_of(room.bound))["recipients"] == shown


async def test_3_7_inline_recipients_become_a_group(room: Room) -> None:
    for inline in ([room.ada.user_id, "OWL"], room.ada.user_id, []):
        await say(room, inline)
        body = await body_of(room.bound)
        members = [inline] if isinstance(inline, str) else inline
        assert await characters_of(room.ada, body["recipients"]) == members
        assert body["context"]["character_num"] == len(members)


@pytest.mark.parametrize(
    ("subtype", "content", "delivered"),
    [
        ("text", "hi", {"text": "hi"}),
        ("image", "https://files.example/a.png", {"path": "https://files.example/a.png"}),
        ("file", {"path": "p", "filename": "f", "size": 3}, None),
        ("card", {"link": "l", "title": "t", "button": "b", "text": "x"}, None),
        ("holiday", {"text": "x", "fireworks": [1, {"deep": None}]}, None),
    ],
)
async def test_3_7_content_is_passed_on(
    room: Room, subtype: str, content: Any, delivered: Any
) -> None:
    await say(room, subtype=subtype, content=content)
    body = await body_of(room.bound)
    assert (body["subtype"], body["content"]) == (subtype, delivered or content)


async def test_3_7_missing_content_is_refused_in_clear_words(room: Room) -> None:
    body = message_up(room)
    del body["content"]
    assert await room.bob_socket.bad(type="message_up", body=body) == "content is required"
    await room.bound.nothing()


async def test_3_7_all_may_or_may_not_have_the_author_in_it(room: Room) -> None:
    for to in ([room.ada.user_id], [room.ada.user_id, room.bob.user_id]):
        await say(room, to)
        assert await characters_of(room.ada, (await body_of(room.bound))["recipients"]) == to
