"""What an attached wand has open: a thread with an event loop, a connection for each service."""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from moobius.core.control.calls import open_link

if TYPE_CHECKING:
    import ssl

    from moobius.core.control.records import Record
    from moobius.messaging.aio_link import AsyncLink

T = TypeVar("T")


class Road:
    """The way to one service: a connection that is kept.

    Attributes:
        turn: Held by who asks: one at a time, so that order is kept.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self._address = ""
        self._link: AsyncLink | None = None

    async def link_to(self, record: Record, tls: ssl.SSLContext | None) -> AsyncLink:
        """Return the connection; it is made if there is none, or the service has moved.

        Raises:
            Unreachable: If nobody answers.
        """
        link = self._link
        if link is None or not link.is_connected or record.address != self._address:
            await self.close()
            link = self._link = await open_link(record, tls)
            self._address = record.address
        return link

    async def close(self) -> None:
        """Hang up."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()


class Roads:
    """All of one process: whoever asks, from whatever thread, one thread does it.

    Attributes:
        to: Name -> the way to that service. For that thread.
    """

    def __init__(self) -> None:
        self.to: defaultdict[str, Road] = defaultdict(Road)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def begin(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Let something be done in that thread, which is started if need be."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_run, args=(self._loop,), name="moobius attached wand", daemon=True
                ).start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Hang up everywhere, and let the thread end."""
        with self._lock:
            loop, self._loop = self._loop, None
            roads, self.to = self.to, defaultdict(Road)
        if loop is not None:
            asyncio.run_coroutine_threadsafe(_close(list(roads.values())), loop).result()
            loop.call_soon_threadsafe(loop.stop)


async def _close(roads: list[Road]) -> None:
    await asyncio.gather(*(road.close() for road in roads))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)  # who waits for them in another thread shall not for ever
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
    finally:
        loop.close()
