"""What a session does beyond the wire reference, whose statements are in `tests/conformance`."""

from __future__ import annotations

import contextlib
import gc
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions, engine
from moobius.local.recent import RecentRequests
from tests.local.conftest import Room
from tests.support.patience import until
from tests.support.wire import Person, wire_to


def message_up(room: Room, text: str = "hello") -> dict[str, Any]:
    return {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": text},
        "recipients": "service",
    }


def message_down(room: Room, text: str = "welcome") -> dict[str, Any]:
    return {**message_up(room, text), "recipients": [room.bob.user_id], "sender": "OWL"}


async def test_deduplicate_a_repeat_is_acknowledged_and_not_done_again(room: Room) -> None:
    frame = {"type": "message_down", "service_id": room.service_id, "request_id": "REQ-X"}
    await room.bound.good(**frame, body=message_down(room))
    again = await room.ada.service_socket(room.service_id)
    await again.good(**frame, body=message_down(room))
    await room.bob_socket.next()
    await room.bob_socket.nothing()
    history = await room.bob.get("/channel/history_message", channel_id=room.channel)
    assert len(history) == 1


async def test_deduplicate_ids_of_different_speakers_do_not_meet(room: Room) -> None:
    frame = {"type": "message_up", "request_id": "REQ-X", "body": message_up(room)}
    for socket in (room.ada_socket, room.bob_socket):
        await socket.good(**frame)
    senders = [(await room.bound.next())["body"]["sender"] for _ in range(2)]
    assert senders == [room.ada.user_id, room.bob.user_id]


async def test_deduplicate_what_was_refused_may_be_tried_again(room: Room) -> None:
    frame = {"type": "message_down", "service_id": room.service_id, "request_id": "REQ-X"}
    await room.bound.bad(**frame, body={**message_down(room), "recipients": "no-such-group"})
    await room.bound.good(**frame, body=message_down(room))
    assert (await room.bob_socket.next())["body"]["content"] == {"text": "welcome"}


async def test_deduplicate_not_by_the_id_alone(room: Room) -> None:
    for text in ("one", "two", "two"):  # as of a client that counts from 1 whenever it starts
        body = message_up(room, text)
        await room.bob_socket.good(type="message_up", request_id="1", body=body)
    same = dict(reversed(message_up(room, "two").items()))
    await room.bob_socket.good(type="message_up", body=same, request_id="1")
    heard = [frame["body"]["content"]["text"] for frame in await room.bound.drain()]
    assert heard == ["one", "two"]


async def test_deduplicate_tells_nobody_what_others_have_asked(room: Room) -> None:
    frame = {"type": "message_down", "service_id": room.service_id, "request_id": "REQ-X"}
    await room.bound.good(**frame, body=message_down(room))
    foreign = await room.bob.service_socket("")
    refusals = [
        await foreign.bad(**{**frame, "request_id": request_id}, body=message_down(room))
        for request_id in ("REQ-X", "REQ-Y")
    ]
    assert refusals == ["Service not found for this access_token"] * 2


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> list[RecentRequests]:
    """What the Platforms that are started from now on remember."""
    made: list[RecentRequests] = []

    class Watched(RecentRequests):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(engine, "RecentRequests", Watched)
    return made


async def test_deduplicate_keeps_nothing_for_those_who_may_not_or_have_gone(
    remembered: list[RecentRequests], room: Room
) -> None:
    (recent,) = remembered

    async def hold(identities: int) -> None:
        await until(lambda: gc.collect() >= 0 and len(recent) == identities)

    await hold(0)  # those who came in over sockets of their own have gone
    for number in range(5):
        frame = {"type": "message_down", "service_id": f"{number}" * 10_000}
        await room.bound.bad(**frame, body=message_down(room))
    assert len(recent) == 0
    frame = {"type": "message_down", "service_id": room.service_id}
    await room.bound.good(**frame, body=message_down(room))
    await room.bob_socket.good(type="message_up", body=message_up(room))
    await hold(2)
    await room.bob_socket.close()
    await hold(1)


async def test_deduplicate_a_click_is_known_after_a_restart_too(tmp_path: Path) -> None:
    click = {"subtype": "button_click", "button_id": "pay", "arguments": []}
    token = service_id = channel = ""
    heard = []
    for _ in range(2):
        async with (
            LocalPlatform(PlatformOptions(data=tmp_path)) as platform,
            wire_to(platform.url) as wire,
        ):
            if not token:
                ada = await wire.be("ada@example.org")
                token, channel = ada.token, await ada.channel()
                service_id = await ada.bound_service(channel)
            ada = Person(wire, "", token, "")
            service, member = await ada.service_socket(service_id), await ada.user_socket()
            for _ in range(2):
                body = {**click, "channel_id": channel}
                await member.good(type="action", request_id="CLICK", body=body)
            heard += await service.drain()
    assert len(heard) == 1


async def test_what_waits_for_a_bad_login_is_done_after_it_in_order(room: Room) -> None:
    await room.bob_socket.send(type="user_login", request_id="1", access_token="wrong")
    await room.bob_socket.send(type="message_up", request_id="2", body=message_up(room))
    await room.bob_socket.send(type="heartbeat", request_id="3", body={})
    answers = [await room.bob_socket.copy() for _ in range(3)]
    assert [(each["request_id"], each["status"]) for each in answers] == [
        ("1", False),
        ("2", True),
        ("3", True),
    ]


async def test_cut_connections_are_gone_and_can_come_back(
    platform: LocalPlatform, room: Room
) -> None:
    platform.cut_connections()
    assert await room.bob_socket.closed() in (1006, None)
    socket = await room.bob.user_socket()
    await socket.good(type="action", body={"subtype": "join", "channel_id": room.channel})


async def test_a_deleted_account_is_disconnected(room: Room) -> None:
    await room.bob.post("/auth/delete_account", username=room.bob.email, password="bob")
    assert await room.bob_socket.closed() == 1001
    assert await room.bob.refused("GET", "/user/info") == 10005


async def test_when_the_store_has_failed_frames_are_refused_and_nobody_is_cut_off(
    tmp_path: Path,
) -> None:
    options = PlatformOptions(data=tmp_path)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        channel = await ada.channel()
        service_id = await ada.bound_service(channel)
        service, member = await ada.service_socket(service_id), await ada.user_socket()
        break_journal(tmp_path)
        body = {"subtype": "text", "channel_id": channel, "content": {"text": "hello"}}
        for _ in range(2):  # the one on its way when it fails, and those that come after
            text = await member.bad(type="message_up", body={**body, "recipients": "service"})
            assert "cannot store anything any more" in text
        await service.nothing()
        await member.good(type="heartbeat", body={})
        # A refused login would be tried again at once, by every service of old.
        login = {"type": "service_login", "access_token": ada.token, "service_id": service_id}
        await service.good(**login)
        assert await member.bad(type="dance", body={}) == "Unknown type: dance"


def break_journal(data: Path) -> None:
    """Let the store still be read, but not written to."""
    (file,) = [each for each in data.iterdir() if each.suffix in (".db", ".sqlite", ".sqlite3")]
    with contextlib.closing(sqlite3.connect(file)) as journal, journal:
        found = journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in found:
            if not name.startswith("sqlite_"):
                refusal = "BEGIN SELECT RAISE(ABORT, 'no room'); END"
                journal.execute(f"CREATE TRIGGER no_{name} BEFORE INSERT ON {name} {refusal}")


async def test_another_user_of_the_same_socket_has_no_channel_in_focus(room: Room) -> None:
    for _ in range(2):  # so that none of them is meant
        await room.ada.channel()
    refresh = {"subtype": "refresh", "channel_id": room.channel}
    await room.bob_socket.good(type="action", body=refresh)
    body = {**message_up(room), "channel_id": ""}
    await room.bob_socket.good(type="message_up", body=body)
    await room.bob_socket.good(type="user_login", access_token=room.ada.token)
    assert await room.bob_socket.bad(type="message_up", body=body) == "channel_id is required"
