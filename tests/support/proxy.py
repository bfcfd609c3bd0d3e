"""A wire that can be cut anywhere: a TCP proxy that understands as much WebSocket as it needs.

It passes bytes on in both directions, reads the client's frames as they go by, and breaks one
connection after another at the places of a plan, without a word to either side.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

TEXT = 1


@dataclass(frozen=True)
class Cut:
    """Where a connection breaks.

    Attributes:
        after: How many whole messages of the client get through first, the login among them.
        part: How much of the next one does, from 0.0 to 1.0; `None` cuts at once.
        unanswered: Whether the Platform's answer to the last whole one is held back.
    """

    after: int
    part: float | None = None
    unanswered: bool = False


@dataclass
class Passage:
    """One connection through the proxy."""

    cut: Cut | None
    frames: list[dict[str, Any]] = field(default_factory=list)
    """What the client sent and the Platform got, decoded."""
    is_open: bool = True


class Proxy:
    """Stands between a client and the Platform; `url` is where clients connect."""

    def __init__(self, port: int, plan: Iterable[Cut]) -> None:
        self._port = port
        self._plan = iter(plan)
        self.passages: list[Passage] = []
        self.url = ""

    @property
    def open(self) -> list[Passage]:
        """The connections there are right now."""
        return [passage for passage in self.passages if passage.is_open]

    @property
    def cuts(self) -> int:
        """How many connections have broken where the plan says."""
        return sum(not p.is_open and p.cut is not None for p in self.passages)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = Passage(next(self._plan, None))
        self.passages.append(passage)
        try:
            there = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            passage.is_open = False
            writer.transport.abort()
            return
        up = asyncio.create_task(_up(reader, there[1], passage))
        down = asyncio.create_task(_down(there[0], writer, passage))
        done, pending = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        # Without a word: no closing handshake, and what is still under way is lost.
        writer.transport.abort()
        there[1].transport.abort()
        passage.is_open = False
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                task.result()


async def _up(
    client: asyncio.StreamReader, platform: asyncio.StreamWriter, passage: Passage
) -> None:
    """Pass on what the client sends, until the planned place or the end."""
    platform.write(await client.readuntil(b"\r\n\r\n"))
    cut = passage.cut
    while not (cut and cut.part is None and len(passage.frames) == cut.after):
        frame = await _read_frame(client)
        if cut and frame.is_text and len(passage.frames) == cut.after:
            platform.write(frame.raw[: max(1, int(len(frame.raw) * (cut.part or 0)))])
            await platform.drain()
            return
        if frame.is_text:
            passage.frames.append(json.loads(frame.payload))
        platform.write(frame.raw)
        await platform.drain()
    if cut and cut.unanswered:
        await asyncio.Event().wait()  # until `_down` has seen the answer


async def _down(
    platform: asyncio.StreamReader, client: asyncio.StreamWriter, passage: Passage
) -> None:
    """Pass on what the Platform sends, until the answer that is held back or the end."""
    client.write(await platform.readuntil(b"\r\n\r\n"))
    cut = passage.cut
    while True:
        frame = await _read_frame(platform)
        if cut and cut.unanswered and frame.is_text and len(passage.frames) == cut.after:
            body = json.loads(frame.payload)["body"]
            if body.get("request_id") == passage.frames[-1]["request_id"]:
                return
        client.write(frame.raw)
        await client.drain()


class _Frame(NamedTuple):
    raw: bytes
    """As it came."""
    is_text: bool
    payload: bytes
    """Unmasked."""


async def _read_frame(reader: asyncio.StreamReader) -> _Frame:
    head = await reader.readexactly(2)
    length, extended, mask = head[1] & 0x7F, b"", b"\0\0\0\0"
    if length >= 126:
        extended = await reader.readexactly(2 if length == 126 else 8)
        length = int.from_bytes(extended, "big")
    if is_masked := head[1] & 0x80:
        mask = await reader.readexactly(4)
    data = await reader.readexactly(length)
    keys = (mask * (length // 4 + 1))[:length]
    plain = (int.from_bytes(data, "big") ^ int.from_bytes(keys, "big")).to_bytes(length, "big")
    raw = head + extended + (mask if is_masked else b"") + data
    return _Frame(raw, head[0] & 0x0F == TEXT, plain)


@asynccontextmanager
async def proxy_to(port: int, plan: Iterable[Cut] = ()) -> AsyncIterator[Proxy]:
    """Stand before the Platform at a port of this machine."""
    proxy = Proxy(port, plan)
    passing: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        passing.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await task
        passing.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    try:
        yield proxy
    finally:
        server.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
