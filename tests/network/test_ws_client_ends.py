"""The socket when the app is behind, and at its end: nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from moobius.errors import TransportError
from moobius.network import ws_client as module
from moobius.network import ws_payload_builder as builder
from moobius.network.frame_reader import Inbound
from moobius.network.ws_client import WSClient
from tests.support.owl import connected, message
from tests.support.patience import PATIENCE, until
from tests.support.peer import Frame, Peer, copy_of, peer

# ---- An app that is behind ---------------------------------------------------------------------


@asynccontextmanager
async def behind(
    script: Peer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[WSClient, asyncio.Event]]:
    """A client whose app does not come back from its first frame until the event is set."""
    monkeypatch.setattr(module, "READ_AHEAD", 2)
    catch_up = asyncio.Event()

    async def wait(_: Inbound) -> None:
        await catch_up.wait()

    async with connected(script, on_frame=wait) as client:
        for _ in range(10):
            await script.open[0].send('{"type": "weather", "body": {}}')
        await until(lambda: not client._intake.may_read.is_set())
        yield client, catch_up


async def test_an_app_that_is_behind_can_connect_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer() as script, behind(script, monkeypatch) as (client, _):
        await script.cut()
        await until(lambda: not script.open)
        while client.is_connected:  # nobody reads, so only a writer can notice
            await client.send(message("hi"))
            await asyncio.sleep(0.01)
        await until(lambda: client.is_connected and client.outbound_queue.empty())
        assert len(script.connections) == 2


async def test_an_app_that_is_behind_gets_its_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer() as script, behind(script, monkeypatch) as (client, _):
        answer = await asyncio.wait_for(client.ask(builder.join_channel("U", "CH")), PATIENCE)
        assert answer.status


async def test_an_app_that_is_behind_closes_with_everything_acknowledged(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    async with peer() as script, behind(script, monkeypatch) as (client, _):
        await client.send(message("bye"))
        await client.close(flush=PATIENCE)
        assert script.texts() == ["bye"]
    assert not any("not acknowledged" in line for line in log)


async def test_an_app_that_is_behind_for_long_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not reading is how we ask the Platform to wait; it must not look like a dead connection."""
    monkeypatch.setattr(module, "PING_EVERY", 0.05)
    seen: list[Inbound] = []
    async with peer() as script, behind(script, monkeypatch) as (client, catch_up):
        for _ in range(300):
            await script.open[0].send('{"type": "weather", "body": {}}')
        pings: list[float] = []
        ask = client._connection.ping  # type: ignore[union-attr]

        async def count(seconds: float) -> bool:
            pings.append(seconds)
            return await ask(seconds)

        monkeypatch.setattr(client._connection, "ping", count)
        await until(lambda: len(pings) > 3)

        async def note(frame: Inbound) -> None:
            seen.append(frame)

        client.on_frame = note
        monkeypatch.setattr(module, "PING_EVERY", PATIENCE)  # for one that reads, it is too short
        catch_up.set()
        await until(lambda: len([f for f in seen if f.type == "weather"]) >= 308)
        assert len(script.connections) == 1


async def test_a_peer_that_is_gone_is_noticed(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.setattr(module, "PING_EVERY", 0.2)
    async with peer() as script, connected(script):
        script.open[0].transport.pause_reading()
        await until(lambda: len(script.connections) >= 2)
    assert any("no answer to a ping within 0.2 s" in line for line in log)


# ---- The end -----------------------------------------------------------------------------------


async def test_asking_ends_when_the_platform_never_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "UNANSWERED_AFTER", 0.2)

    def answer(frame: Frame) -> Frame | None:
        return copy_of(frame) if frame["type"] == "service_login" else None

    async with peer(answer) as script, connected(script) as client:
        with pytest.raises(TransportError, match=r"action/join_channel to channel CH.*unanswered"):
            await asyncio.wait_for(client.ask(builder.join_channel("U", "CH")), PATIENCE)


async def test_asking_ends_when_the_client_is_closed() -> None:
    def answer(frame: Frame) -> Frame | None:
        return copy_of(frame) if frame["type"] == "service_login" else None

    async with peer(answer) as script, connected(script) as client:
        asking = asyncio.create_task(client.ask(builder.join_channel("U", "CH")))
        await until(lambda: script.frames[-1]["type"] == "action")
        await client.close(flush=0)
        with pytest.raises(TransportError, match="closed"):
            await asyncio.wait_for(asking, PATIENCE)


async def test_a_sender_waiting_for_room_ends_when_the_client_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "QUEUE_SIZE", 1)

    def answer(frame: Frame) -> Frame | None:
        return copy_of(frame) if frame["type"] == "service_login" else None

    async with peer(answer) as script, connected(script) as client:
        await client.send(message("0"))
        sending = asyncio.create_task(client.send(message("1")))
        await until(lambda: script.texts() == ["0"])
        await client.close(flush=0)
        with pytest.raises(TransportError, match="closed"):
            await asyncio.wait_for(sending, PATIENCE)


async def test_close_waits_for_a_connection_that_is_coming_back() -> None:
    async with peer() as script, connected(script) as client:
        await script.cut()
        await until(lambda: not client.is_connected)
        await client.send(message("bye"))
        await client.close()
        assert script.texts() == ["bye"]


async def test_close_says_what_could_not_be_sent(log: list[str]) -> None:
    async with peer() as script, connected(script) as client:
        script.answer = lambda frame: copy_of(frame, status=False)  # no login any more
        await script.cut()
        await until(lambda: not client.is_connected)
        await client.send(message("bye"))
        await client.close(flush=0.1)
    assert sum("1 frames were not acknowledged in 0.1 s" in line for line in log) == 1


async def test_receiving_ends_when_the_client_is_closed() -> None:
    async with peer() as script, connected(script) as client:
        receiving = asyncio.create_task(client.receive())
        await asyncio.sleep(0)
        await client.close()
        await asyncio.wait_for(receiving, PATIENCE)


async def test_one_who_stops_receiving_can_still_send() -> None:
    async with peer() as script, connected(script) as client:
        receiving = asyncio.create_task(client.receive())
        await asyncio.sleep(0)
        receiving.cancel()
        await asyncio.wait({receiving})
        await client.send(message("last words"))
        await client.close()
        assert script.texts() == ["last words"]


async def test_a_closed_client_can_connect_again() -> None:
    async with peer() as script, connected(script) as client:
        await client.close()
        await client.connect()
        await client.send(message("again"))
        await until(lambda: script.texts() == ["again"])


async def test_a_frame_that_always_meets_a_lost_login_is_given_up(log: list[str]) -> None:
    def answer(frame: Frame) -> Frame:
        bad = frame["type"] == "message_down" and frame["body"]["content"]["text"] == "poison"
        return copy_of(frame, status=not bad, message="You have not login yet")

    async with peer(answer) as script, connected(script) as client:
        await client.send(message("poison"))
        await client.send(message("hi"))
        await until(client.outbound_queue.empty)
        assert list(dict.fromkeys(script.texts())) == ["poison", "hi"]
        assert len(script.connections) == 2
    assert any("refused message_down/text to channel CH: You have not" in line for line in log)


async def test_what_was_refused_for_a_lost_login_is_sent_again_in_any_case() -> None:
    forgetful = True

    def answer(frame: Frame) -> Frame:
        nonlocal forgetful
        if frame["type"] == "message_down" and forgetful:
            forgetful = False
            return copy_of(frame, status=False, message="You have not login yet")
        return copy_of(frame)

    async with peer(answer) as script, connected(script, resend=False) as client:
        await client.send(message("hi"))
        await until(lambda: script.texts() == ["hi", "hi"])
