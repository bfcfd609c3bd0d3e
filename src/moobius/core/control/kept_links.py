"""The connections of an attached wand: one for each service, kept open, all in one thread."""

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

    from moobius.core.control.connection_files import Record
    from moobius.messaging.aio_link import AsyncLink

T = TypeVar("T")


class KeptLink:
    """A connection to one service, kept open between requests.

    Attributes:
        lock: Hold it during a request: one at a time, so that requests keep their order.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._address = ""
        self._link: AsyncLink | None = None

    async def get(self, record: Record, tls: ssl.SSLContext | None) -> AsyncLink:
        """Return the connection; opens it if it is lost, or the service has another address.

        Raises:
            Unreachable: If the service does not answer.
        """
        link = self._link
        if link is None or not link.is_connected or record.address != self._address:
            await self.close()
            link = self._link = await open_link(record, tls)
            self._address = record.address
        return link

    async def close(self) -> None:
        """Close the connection, if it is open."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()


class LinkThread:
    """A thread with an event loop that makes the requests of all other threads.

    Attributes:
        links: Name of a service -> its connection. Only this thread may use them.
    """

    def __init__(self) -> None:
        self.links: defaultdict[str, KeptLink] = defaultdict(KeptLink)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine in the thread, which is started at the first call."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=_run, args=(self._loop,), name="moobius attached wand", daemon=True
                ).start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Close all connections and end the thread; `submit` starts another."""
        with self._lock:
            loop, self._loop = self._loop, None
            links, self.links = self.links, defaultdict(KeptLink)
        if loop is not None:
            asyncio.run_coroutine_threadsafe(_close(list(links.values())), loop).result()
            loop.call_soon_threadsafe(loop.stop)


async def _close(links: list[KeptLink]) -> None:
    await asyncio.gather(*(link.close() for link in links))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)  # other threads wait for these
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left))
    finally:
        loop.close()
