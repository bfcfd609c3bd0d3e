"""A journal for an event loop: threads that write, read pages, find single rows, make snapshots."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from loguru import logger

from moobius.errors import StorageError
from moobius.local.model.events import Event
from moobius.local.model.state import State
from moobius.local.store import snapshots
from moobius.local.store.journal import Journal
from moobius.local.store.pages import MOST_BYTES
from moobius.local.store.protocol import REQUESTS_KEPT, Message

T = TypeVar("T")

FOLD_EVERY = 10_000
"""Events after which a snapshot is made, or a quarter of the last one's entries if that is more:
so a start reads few events, and a large state is not written over and over."""

WORTHWHILE = 10
"""At a clean stop, a tenth of those are enough."""

BREATH_SECONDS = 0.001  # in which the event loop has the interpreter for itself


class SqliteStore:
    """A `Store` in one file.

    Commands are kept by one thread, in order; histories are read by another, and single rows by a
    third. Snapshots are made by a fourth, out of the journal and not out of the living state, so
    nobody waits for them.

    Args:
        path: The file; made if it is not there.
        requests_kept: How many requests of every identity it remembers.
        fold_every: Events after which a snapshot is made, at the least.
    """

    def __init__(
        self,
        path: Path,
        requests_kept: int = REQUESTS_KEPT,
        fold_every: int = FOLD_EVERY,
    ) -> None:
        self._path = path
        self._fold_every = fold_every
        self._journal = Journal(path, requests_kept)
        # Reading what was committed need not wait for what is being written, nor hold it up.
        self._reader = Journal(path, requests_kept)
        # What is found at once waits for no page of a history.
        self._finder = Journal(path, requests_kept)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="moobius-store")
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="moobius-store-reader")
        self._finders = ThreadPoolExecutor(1, thread_name_prefix="moobius-store-finder")
        self._folder = ThreadPoolExecutor(1, thread_name_prefix="moobius-snapshot")
        self._folding: Future[None] | None = None
        self._postponed = 0
        self._closing = threading.Event()

    async def restore(self) -> State:
        """Return the state that the events have led to."""
        return await _in_thread(self._writer, self._journal.restore)

    async def has_requests(self, identity: str) -> bool:
        """Return whether an identity has made a request that is remembered."""
        return await _in_thread(self._finders, lambda: self._finder.has_requests(identity))

    async def request(self, identity: str, request_id: str) -> str | None:
        """Return what an identity asked under an id at last, as a digest."""
        asked = (identity, request_id)
        return await _in_thread(self._finders, lambda: self._finder.request(*asked))

    async def append(self, events: Sequence[Event]) -> None:
        """Keep the events in one transaction."""
        await _in_thread(self._writer, lambda: self._journal.append(events))
        idle = self._folding is None or self._folding.done()
        if idle and self._journal.unfolded >= self._postponed + self._due():
            self._folding = self._folder.submit(self._fold_safely, self._breathe)

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
        """Finish what was begun, make a snapshot if it is worth it, and let go of the file."""
        self._closing.set()
        if self._folding is not None:
            await asyncio.wait([asyncio.wrap_future(self._folding)])
        if self._journal.unfolded >= self._due() / WORTHWHILE:
            await asyncio.wrap_future(self._folder.submit(self._fold_safely, lambda: None))
        await _in_thread(self._finders, self._finder.close)
        await _in_thread(self._readers, self._reader.close)
        await _in_thread(self._writer, self._journal.close)
        self._finders.shutdown()
        self._readers.shutdown()
        self._writer.shutdown()
        self._folder.shutdown()

    # Snapshots

    def _due(self) -> int:
        return max(self._fold_every, self._journal.entries // 4)

    def _fold_safely(self, breathe: Callable[[], None]) -> None:
        try:
            self._fold(breathe)
        except _Stopped:
            logger.debug("the Platform stops, and the snapshot that was being made with it")
        except Exception as error:  # it costs the next start time, and loses nothing
            logger.opt(exception=error).warning("no snapshot could be made")
            self._postponed = self._journal.unfolded
        else:
            self._postponed = 0

    def _fold(self, breathe: Callable[[], None]) -> None:
        """Make a snapshot of the last one and the events since."""
        with closing(Journal(self._path)) as reader:
            run = reader.connection.execute
            run("BEGIN")  # what is written meanwhile is for the next one
            (seq,) = run("SELECT max(seq) FROM events").fetchone()
            old = run(snapshots.PARTS).fetchall()
            state = reader.restore(breathe)
            folded = reader.unfolded
        for statement, values in snapshots.steps(seq, state, old):
            self._writer.submit(self._journal.connection.execute, statement, values).result()
            breathe()
        self._writer.submit(self._journal.folded, folded, snapshots.size_of(state)).result()

    def _breathe(self) -> None:
        if self._closing.is_set():
            raise _Stopped
        time.sleep(BREATH_SECONDS)


async def _in_thread(thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    except sqlite3.Error as error:
        raise StorageError(f"the journal failed: {error}") from error


class _Stopped(Exception):
    """There is no time to finish a snapshot."""
