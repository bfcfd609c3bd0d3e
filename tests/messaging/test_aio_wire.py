"""Connections that break under load, and what survives on both sides.

What the protocol can promise is in `outbox.py`. Here a connection breaks inside a message of which
the system could not take all, so nothing is lost; and then it breaks anywhere, without mercy.
"""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging import AsyncLink, FilePolicy, Limits, SharedKey, connect, serve
from moobius.messaging.auth import PIECES_AT_A_TIME
from moobius.messaging.files import PIECE
from moobius.messaging.messages import encode_action
from tests.messaging.links import pair
from tests.support.cutter import cutter
from tests.support.patience import until

MESSAGES, REQUESTS, CUTS = 1000, 50, 20
BIG = 1_500_000
# From nothing of the message over parts of its header to all but its last byte.
PARTS = [0.0, 1e-6, 1e-5, 5e-5, 1e-4, 2e-4, *(0.01 * n for n in range(1, 15))]
LIMITS = Limits(request_s=60.0)


class Talk:
    """One side sends messages and asks, the other takes and answers; and asks in turn."""

    def __init__(self, sender: AsyncLink, receiver: AsyncLink) -> None:
        self.sender, self.receiver = sender, receiver
        self.taken: list[int] = []
        self.answers: list[int] = []
        receiver.on("x")(lambda link, number, filler: self.taken.append(number))
        for link in (sender, receiver):
            link.on_request("echo")(lambda link, number: number)

    async def send_all(self) -> None:
        asking = []
        for number in range(MESSAGES):
            is_big = number % (MESSAGES // CUTS) == 25
            await self.sender.send("x", number, "y" * (BIG if is_big else 100))
            if number % (MESSAGES // REQUESTS) == 0:
                asking += [self._ask(link, number) for link in (self.sender, self.receiver)]
        await asyncio.gather(*asking)

    def _ask(self, link: AsyncLink, number: int) -> asyncio.Task[None]:
        async def ask() -> None:
            self.answers.append(await link.request("echo", number))

        return asyncio.create_task(ask())


@pytest.mark.parametrize("key", [None, SharedKey.new()], ids=["open", "key"])
@pytest.mark.parametrize("upward", [True, False], ids=["client sends", "server sends"])
async def test_twenty_cuts_lose_nothing_and_keep_the_order(
    tmp_path: Path, upward: bool, key: SharedKey | None
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    options: dict[str, Any] = {"resume_queue": True, "limits": LIMITS, "key": key}
    async with (
        serve(path=there, identify=lambda _: "the one", **options) as server,
        cutter(here, there, PARTS, big=BIG, upward=upward) as line,
        connect(path=here, reconnect=True, **options) as client,
    ):
        await until(lambda: len(server.links) == 1)
        (peer,) = server.links
        talk = Talk(*((client, peer) if upward else (peer, client)))
        sending = asyncio.create_task(talk.send_all())
        await until(lambda: sending.done() and len(talk.taken) >= MESSAGES, timeout=40.0)
        await sending
        assert line.cuts == CUTS
        assert talk.taken == list(range(MESSAGES))
        expected = range(0, MESSAGES, MESSAGES // REQUESTS)
        assert sorted(talk.answers) == sorted([*expected, *expected])
        assert len(client.link.pending) == len(peer.link.pending) == 0


async def test_cuts_without_mercy_repeat_nothing_and_lose_no_request() -> None:
    taken: list[int] = []
    server = serve(identify=lambda _: "the one", resume_queue=True, limits=LIMITS)
    server.on("x")(lambda link, number: taken.append(number))
    server.on_request("echo")(lambda link, number: number)
    async with server:
        async with connect(
            "127.0.0.1", server.port, reconnect=True, resume_queue=True, limits=LIMITS
        ) as link:

            async def say() -> None:
                for number in range(MESSAGES):
                    await link.send("x", number)
                    if number % 3 == 0:
                        await asyncio.sleep(0)

            async def cut() -> None:
                for _ in range(CUTS):
                    assert await link.request("echo", -1) == -1
                    wire = link._wire
                    assert wire is not None
                    wire.transport.abort()
                    await until(lambda: link._wire is not wire)  # noqa: B023  # awaited here

            asking = [asyncio.create_task(link.request("echo", n)) for n in range(REQUESTS)]
            await asyncio.gather(say(), cut())
            assert [await answer for answer in asking] == list(range(REQUESTS))
            await link.send("x", MESSAGES)
            await until(lambda: taken[-1:] == [MESSAGES])
            assert taken == sorted(set(taken))


async def test_a_message_counts_as_handed_over_with_its_last_byte_and_no_sooner() -> None:
    received = bytearray()
    resume, is_all = asyncio.Event(), asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await resume.wait()
        while data := await reader.read(65536):
            received.extend(data)
        writer.close()
        is_all.set()

    listening = await asyncio.start_server(take, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    limits = Limits(json_content=None, queue_bytes=None)
    async with connect("127.0.0.1", port, resume_queue=True, limits=limits) as link:
        link.link.send_action("big", ["y" * 30_000_000])
        link.link.send_action("small")
        link.flush()
        wire = link._wire
        assert wire is not None
        await until(lambda: wire.has_unsent)
        assert len(link.link.outbox) == 2  # the first one only in part
        resume.set()
        await until(lambda: len(link.link.outbox) == 0)
    await asyncio.wait_for(is_all.wait(), 20.0)
    assert received.count(b'"action": "small"') == 1
    listening.close()


@pytest.mark.parametrize("size", [1_000, 200_000])
async def test_with_a_resumed_queue_it_is_known_exactly_what_the_system_has_taken(
    size: int,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:  # the system accepts; nobody reads
        port = listening.getsockname()[1]
        link = await connect("127.0.0.1", port, resume_queue=True, limits=LIMITS)
        wire = link._wire
        assert wire is not None
        count = 12_000_000 // size
        for _ in range(min(count, 9_000)):
            link.link.send_action("x", ["y" * size])
        queued, length = len(link.link.outbox), len(encode_action("x", ["y" * size]).wire)
        link.flush()
        await until(lambda: wire.has_unsent)
        handed_over = queued - len(link.link.outbox)
        written = handed_over * length + wire._unconfirmed
        taken = written - wire.transport.get_write_buffer_size()
        assert handed_over == taken // length
        wire.transport.abort()
        await link.close()


async def test_others_have_a_turn_while_a_file_is_signed(tmp_path: Path) -> None:
    content = os.urandom(8 * PIECES_AT_A_TIME * PIECE + 1)
    (tmp_path / "big").write_bytes(content)
    (tmp_path / "there").mkdir()
    files = FilePolicy.inside(tmp_path / "there")
    async with pair(server={"files": files}, key=SharedKey.new()) as (server, link):
        wire = link._wire
        assert wire is not None
        before, turns = wire._written, 0
        link.link.send_file(tmp_path / "big", "big")
        link.flush()
        link.flush()  # which is no reason to hurry
        while wire._written == before:
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 6
        (peer,) = server.links
        arrived = tmp_path / "there" / "big"
        await until(lambda: arrived.exists() and arrived.read_bytes() == content)
        assert peer.is_connected
        # A connection that ends in the middle of it ends that, too.
        link.link.send_file(tmp_path / "big", "again")
        link.flush()
        wire.transport.abort()
        await asyncio.wait_for(link.wait_closed(), 10.0)
