"""A journal for an event loop: threads that write, read pages, find single rows, make snapshots."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

from loguru import logger

from moobius.errors import StorageError
from moobius.local.model.events import Event
from moobius.local.model.state import State
from moobius.local.store import snapshots
from moobius.local.store.journal import Journal, explained
from moobius.local.store.pages import MOST_BYTES
from moobius.local.store.protocol import REQUESTS_KEPT, Message

T = TypeVar("T")

SNAPSHOT_EVERY = 10_000
"""Events after which a snapshot is made, or a quarter of the last one's entries if that is more:
so a start reads few events, and a large state is not written over and over."""

WORTHWHILE = 10
"""At a clean stop, a tenth of those are enough."""

PAUSE_SECONDS = 0.001  # in which the event loop need not share the interpreter


class SqliteStore:
    """A `Store` in one file.

    Commands are kept by one thread, in order; histories are read by another, and single rows by a
    third. Snapshots are made by a fourth, out of the journal and not out of the living state, so
    nobody waits for them.

    Args:
        path: The file; made if it is not there.
        requests_kept: How many requests of every identity it remembers.
        snapshot_every: Events after which a snapshot is made, at the least.
    """

    def __init__(
        self,
        path: Path,
        requests_kept: int = REQUESTS_KEPT,
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._path = path
        self._snapshot_every = snapshot_every
        with ExitStack() as on_failure:

            def opened() -> Journal:
                return on_failure.enter_context(closing(Journal(path, requests_kept)))

            self._journal = opened()
            # Reading what was committed need not wait for what is being written, nor hold it up.
            self._reader = opened()
            # What is found at once waits for no page of a history.
            self._finder = opened()
            on_failure.pop_all()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="moobius-store")
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="moobius-store-reader")
        self._finders = ThreadPoolExecutor(1, thread_name_prefix="moobius-store-finder")
        self._snapshot_thread = ThreadPoolExecutor(1, thread_name_prefix="moobius-snapshot")
        self._snapshot_under_way: Future[None] | None = None
        self._postponed = 0
        self._closing = threading.Event()

    async def restore(self) -> State:
        """Return the state that the events have led to."""
        return await _in_thread(self._writer, self._journal.restore)

    async def has_requests(self, identity: str) -> bool:
        """Return whether an identity has made a request that is remembered."""
        return await _in_thread(self._finders, lambda: self._finder.has_requests(identity))

    async def request(self, identity: str, request_id: str) -> str | None:
        """Return the digest of an identity's latest request with an id."""
        asked = (identity, request_id)
        return await _in_thread(self._finders, lambda: self._finder.request(*asked))

    async def append(self, events: Sequence[Event]) -> None:
        """Keep the events in one transaction."""
        await _in_thread(self._writer, lambda: self._journal.append(events))
        idle = self._snapshot_under_way is None or self._snapshot_under_way.done()
        if idle and self._journal.since_snapshot >= self._postponed + self._due():
            self._snapshot_under_way = self._snapshot_thread.submit(
                self._try_to_make_snapshot, self._pause
            )

    async def history(
        self,
        user_id: str,
        channel_id: str,
        before: float | None = None,
        after: float | None = None,
        limit: int = 64,
        most_bytes: int = MOST_BYTES,
    ) -> list[Message]:
        """Return a page of a user's messages in a channel, newest first."""
        asked = (user_id, channel_id, before, after, limit, most_bytes)
        return await _in_thread(self._readers, lambda: self._reader.history(*asked))

    async def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        asked = (user_id, message_id)
        return await _in_thread(self._finders, lambda: self._finder.find_message(*asked))

    async def close(self) -> None:
        """Finish what was begun, make a snapshot if it is worth it, and close the file."""
        self._closing.set()
        if self._snapshot_under_way is not None:
            await asyncio.wait([asyncio.wrap_future(self._snapshot_under_way)])
        if self._journal.since_snapshot >= self._due() / WORTHWHILE:
            await asyncio.wrap_future(
                self._snapshot_thread.submit(self._try_to_make_snapshot, lambda: None)
            )
        await _in_thread(self._finders, self._finder.close)
        await _in_thread(self._readers, self._reader.close)
        await _in_thread(self._writer, self._journal.close)
        self._finders.shutdown()
        self._readers.shutdown()
        self._writer.shutdown()
        self._snapshot_thread.shutdown()

    # Snapshots

    def _due(self) -> int:
        return max(self._snapshot_every, self._journal.entries // 4)

    def _try_to_make_snapshot(self, pause: Callable[[], None]) -> None:
        try:
            self._make_snapshot(pause)
        except _Stopped:
            logger.debug("a snapshot is not finished, because the Platform stops")
        except Exception as error:  # it costs the next start time, and loses nothing
            logger.opt(exception=error).warning("no snapshot could be made")
            self._postponed = self._journal.since_snapshot
        else:
            self._postponed = 0

    def _make_snapshot(self, pause: Callable[[], None]) -> None:
        """Make a snapshot of the last one and the events since."""
        with closing(Journal(self._path)) as reader:
            run = reader.connection.execute
            run("BEGIN")  # what is written from now on is left to the next snapshot
            (seq,) = run("SELECT max(seq) FROM events").fetchone()
            old = run(snapshots.PARTS).fetchall()
            state = reader.restore(pause)
            added = reader.since_snapshot
        for statement, values in snapshots.steps(seq, state, old):
            self._writer.submit(self._journal.connection.execute, statement, values).result()
            pause()
        self._writer.submit(self._journal.mark_snapshot, added, snapshots.size_of(state)).result()

    def _pause(self) -> None:
        if self._closing.is_set():
            raise _Stopped
        time.sleep(PAUSE_SECONDS)


async def _in_thread(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    except sqlite3.Error as error:
        raise StorageError(f"the journal failed: {explained(error)}") from error


class _Stopped(Exception):
    """There is no time to finish a snapshot."""
