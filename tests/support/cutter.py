"""A line between two messaging peers that breaks at planned places, inside messages.

It reads the messages of one direction as they go by. At a planned message it lets a part of that
through, and then breaks both sides. What was let through arrives: the receiving side has read it to
its end before the sending side hears of the break and can come back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

HEADER_LENGTH = 2


class Cutter:
    """Stands before a server at a Unix socket; breaks one connection after another.

    Attributes:
        cuts: How many connections have been broken.
    """

    def __init__(self, server: Path, parts: list[float], big: int, *, upward: bool) -> None:
        """Prepare.

        Args:
            server: Where connections are passed on to.
            parts: How much of a big message gets through, from 0.0 to 1.0; one for each cut.
            big: Bytes of content that make a message big. The system must not be able to take so
                much at once, or the message would be handed over before it is cut.
            upward: Whether the messages that go to the server are cut, or those that come from it.
        """
        self._server = server
        self._parts = parts
        self._big = big
        self._upward = upward
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_unix_connection(self._server)
        ends = [(reader, there_writer), (there_reader, writer)]
        (source, target), (back, origin) = ends if self._upward else reversed(ends)
        returning = asyncio.create_task(_copy(back, origin))
        try:
            await self._pass_on(source, target)
            # Only when the target has read all and hung up may the source come back.
            target.write_eof()
            await asyncio.wait({returning})
        except OSError:
            pass
        finally:
            returning.cancel()
            await asyncio.gather(returning, return_exceptions=True)
            for end in (target, origin):
                end.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        # The first big message of a connection is the one that was cut before, and comes again.
        is_again = self.cuts > 0
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                head = await source.readexactly(HEADER_LENGTH)
                head += await source.readexactly(int.from_bytes(head, "big"))
                length = json.loads(head[HEADER_LENGTH:])["content-length"]
                if length >= self._big and not is_again and self.cuts < len(self._parts):
                    let_through = int((len(head) + length - 1) * self._parts[self.cuts])
                    rest = max(0, let_through - len(head))
                    target.write(head[:let_through] + await source.readexactly(rest))
                    await target.drain()
                    self.cuts += 1
                    return
                is_again = is_again and length < self._big
                target.write(head + await source.readexactly(length))
                await target.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


@asynccontextmanager
async def cutter(
    path: Path, server: Path, parts: list[float], *, big: int, upward: bool
) -> AsyncIterator[Cutter]:
    """Stand at a path, before the server at another."""
    standing = Cutter(server, parts, big, upward=upward)
    passing: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(standing.serve(reader, writer))
        passing.add(task)
        task.add_done_callback(passing.discard)

    listening = await asyncio.start_unix_server(accept, path)
    try:
        yield standing
    finally:
        listening.close()
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)
