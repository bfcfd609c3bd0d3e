"""Events in one SQLite file, written by one thread, safe from a kill at any moment."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from moobius.errors import StorageError
from moobius.local.model.events import Event, MessageStored, RequestDone, decode, encode
from moobius.local.store.protocol import REQUESTS_KEPT, Message

T = TypeVar("T")

# `messages` holds each message once, `histories` says who has it. Both stay out of `events`,
# so that a start reads what changed the state and nothing that people merely said. `requests`
# is a window that moves on.
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, message_id TEXT NOT NULL,
                                     body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_id ON messages (message_id);
CREATE TABLE IF NOT EXISTS histories (owner TEXT NOT NULL, channel TEXT NOT NULL,
    timestamp INTEGER NOT NULL, message INTEGER NOT NULL,
    PRIMARY KEY (owner, channel, timestamp, message)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (seq INTEGER PRIMARY KEY, identity TEXT NOT NULL,
                                     request_id TEXT NOT NULL);
"""
VERSION = 1

PRUNE = """
DELETE FROM requests WHERE seq IN (SELECT seq FROM (
    SELECT seq, row_number() OVER (PARTITION BY identity ORDER BY seq DESC) AS age FROM requests
) WHERE age > ?)
"""
PRUNE_EVERY = 20_000  # requests; a start reads at most so many beyond those it wants

HISTORY = """
SELECT body FROM histories JOIN messages ON seq = message
WHERE owner = ? AND channel = ? AND timestamp < ? AND timestamp > ?
ORDER BY timestamp DESC, message DESC LIMIT ?
"""
FIND = """
SELECT body FROM messages JOIN histories ON message = seq
WHERE message_id = ? AND owner = ? LIMIT 1
"""


class SqliteStore:
    """A `Store` in one file.

    Write-ahead logging with `synchronous=NORMAL`: what was appended survives the death of this
    process at any moment; the end of a commit may be lost with the power of the machine.
    """

    def __init__(self, path: Path, requests_kept: int = REQUESTS_KEPT) -> None:
        self._requests_kept = requests_kept
        self._requests_written = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="moobius-store")
        try:
            path.touch(mode=0o600)  # SQLite gives its companions the same mode
            self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise StorageError(
                    f"{path} was written by a newer Moobius (format {version}, this one reads "
                    f"{VERSION}); use that version, or another --data directory"
                )
            self._connection.executescript(SCHEMA)
            self._connection.execute(f"PRAGMA user_version={VERSION}")
        except (sqlite3.Error, OSError) as error:
            self._thread.shutdown()
            raise StorageError(f"cannot open {path}: {error}") from error

    def replay(self) -> Iterator[Event]:
        """Give back the events, oldest first, except messages; the latest requests come last."""
        run = self._connection.execute
        for (body,) in run("SELECT body FROM events ORDER BY seq"):
            yield decode(body)
        run(PRUNE, (self._requests_kept,))
        for identity, request_id in run("SELECT identity, request_id FROM requests ORDER BY seq"):
            yield RequestDone(identity, request_id)

    async def append(self, events: Sequence[Event]) -> None:
        """Keep the events in one transaction."""
        await self._in_thread(lambda: self._append(events))

    def _append(self, events: Sequence[Event]) -> None:
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            for event in events:
                if isinstance(event, MessageStored):
                    self._keep(event)
                elif isinstance(event, RequestDone):
                    self._remember(event)
                else:
                    run("INSERT INTO events (body) VALUES (?)", (encode(event),))
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise

    def _keep(self, event: MessageStored) -> None:
        body = msgspec.json.encode(event.message)
        message = self._connection.execute(
            "INSERT INTO messages (message_id, body) VALUES (?, ?)", (event.message_id, body)
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO histories VALUES (?, ?, ?, ?)",
            [(owner, event.channel_id, event.timestamp, message) for owner in event.owners],
        )

    def _remember(self, event: RequestDone) -> None:
        request = (event.identity, event.request_id)
        run = self._connection.execute
        run("INSERT INTO requests (identity, request_id) VALUES (?, ?)", request)
        self._requests_written += 1
        if self._requests_written % PRUNE_EVERY == 0:
            run(PRUNE, (self._requests_kept,))

    async def history(
        self,
        user_id: str,
        channel_id: str,
        before: float | None = None,
        after: float | None = None,
        limit: int = 64,
    ) -> list[Message]:
        """Return a user's messages in a channel, newest first."""
        upper = 2.0**62 if before is None else before
        lower = -1.0 if after is None else after
        bounds = (user_id, channel_id, upper, lower, limit)
        rows = await self._in_thread(lambda: self._connection.execute(HISTORY, bounds).fetchall())
        return [msgspec.json.decode(body) for (body,) in rows]

    async def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        key = (message_id, user_id)
        row = await self._in_thread(lambda: self._connection.execute(FIND, key).fetchone())
        return None if row is None else msgspec.json.decode(row[0])

    async def close(self) -> None:
        """Finish what was begun and let go of the file."""
        await self._in_thread(self._connection.close)
        self._thread.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except sqlite3.Error as error:
            raise StorageError(f"the journal failed: {error}") from error
