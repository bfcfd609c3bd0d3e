"""One SQLite file: the events, the messages people have in their histories, the latest requests.

Blocking, and for one thread; `SqliteStore` is the face for an event loop. `export` and `import`
use it as it is.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path

import msgspec

from moobius.errors import StorageError
from moobius.local.model.apply import apply
from moobius.local.model.events import Event, MessageStored, RequestDone, decode, encode
from moobius.local.model.state import State
from moobius.local.store import snapshots
from moobius.local.store.pages import MOST_BYTES, MOST_MESSAGES, Row, page_of
from moobius.local.store.protocol import REQUESTS_KEPT, Message

# `messages` holds each message once, `histories` says who has it. Both stay out of `events`,
# so that a start reads what changed the state and nothing that people merely said. `requests`
# is a window that moves on. Events are never deleted: a snapshot saves a start from reading the
# old ones, and can always be made again from them.
SCHEMA = """
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, message_id TEXT NOT NULL,
                                     body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS messages_by_id ON messages (message_id);
CREATE TABLE IF NOT EXISTS histories (owner TEXT NOT NULL, channel TEXT NOT NULL,
    timestamp INTEGER NOT NULL, message INTEGER NOT NULL,
    PRIMARY KEY (owner, channel, timestamp, message)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS requests (seq INTEGER PRIMARY KEY, identity TEXT NOT NULL,
                                     request_id TEXT NOT NULL,
                                     digest TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS requests_by_identity ON requests (identity);
CREATE INDEX IF NOT EXISTS requests_by_id ON requests (identity, request_id);
"""
VERSION = 2
REQUEST_COLUMNS = "SELECT name FROM pragma_table_info('requests')"
ADD_DIGEST = "ALTER TABLE requests ADD COLUMN digest TEXT NOT NULL DEFAULT ''"

EVENTS = "SELECT seq, body FROM events WHERE seq > ? ORDER BY seq"
HISTORY = """
SELECT timestamp, body FROM histories JOIN messages ON seq = message
WHERE owner = ? AND channel = ? AND timestamp < ? AND timestamp > ?
ORDER BY timestamp DESC, message DESC LIMIT ?
"""
FIND = """
SELECT body FROM messages JOIN histories ON message = seq
WHERE message_id = ? AND owner = ? LIMIT 1
"""
MESSAGES = """
SELECT seq, message_id, body, channel, timestamp, owner FROM messages
JOIN histories ON message = seq ORDER BY seq
"""
REQUESTS = """
SELECT request_id, digest FROM
    (SELECT seq, request_id, digest FROM requests WHERE identity = ? ORDER BY seq DESC LIMIT ?)
ORDER BY seq
"""
REQUEST = """
SELECT digest FROM requests
WHERE identity = ? AND request_id = ? ORDER BY seq DESC LIMIT 1
"""
PRUNE = """
DELETE FROM requests WHERE identity = :identity AND seq <=
    (SELECT seq FROM requests WHERE identity = :identity ORDER BY seq DESC LIMIT 1 OFFSET :kept)
"""

# What SQLite says -> what to do about it. Python 3.10 does not tell its numbers of errors.
FULL = "the disk may be full: make room, or choose another directory with --data"
DAMAGED = (
    "it is damaged: put an export in its place with `moobius platform import FILE --replace`, or "
    "choose another directory with --data"
)
ADVICE = {
    "disk I/O error": FULL,
    "is full": FULL,
    "is not a database": DAMAGED,
    "is malformed": DAMAGED,
}

EVENTS_PER_PAUSE = 1000  # between two calls of `pause`


def explained(error: Exception) -> str:
    """Return what an error says, and what to do about it if that is known."""
    said = str(error)
    advice = next((advice for words, advice in ADVICE.items() if words in said), None)
    return f"{said}; {advice}" if advice else said


class Journal:
    """The file, opened.

    Write-ahead logging with `synchronous=NORMAL`: what was appended survives the death of this
    process at any moment; the end of a commit may be lost with the power of the machine.

    Args:
        path: The file; made if it is not there.
        requests_kept: How many requests of every identity it remembers.

    Attributes:
        since_snapshot: How many events came after the newest snapshot; known once restored.
        entries: How many entries the newest snapshot has; 0 without one.

    Raises:
        StorageError: If it cannot be opened, or is of a newer format.
    """

    def __init__(self, path: Path, requests_kept: int = REQUESTS_KEPT) -> None:
        self.since_snapshot = 0
        self.entries = 0
        self._requests_kept = requests_kept
        self._requests_written: dict[str, int] = {}
        try:
            path.touch(mode=0o600)  # SQLite gives its companions the same mode
            self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            try:
                self._prepare(path)
            except BaseException:
                self.connection.close()
                raise
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"cannot open {path}: {explained(error)}") from error

    def _prepare(self, path: Path) -> None:
        run = self.connection.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        (version,) = run("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StorageError(
                f"{path} was written by a newer Moobius (format {version}, this one reads "
                f"{VERSION}); use that version, or another --data directory"
            )
        self.connection.executescript(SCHEMA + snapshots.SCHEMA)
        # By the column and not by the version: a process may have been killed between the two.
        if ("digest",) not in run(REQUEST_COLUMNS).fetchall():
            run(ADD_DIGEST)
        if version != VERSION:
            run(f"PRAGMA user_version={VERSION}")

    def restore(self, pause: Callable[[], None] = lambda: None) -> State:
        """Return the state: the newest snapshot with the events since.

        Args:
            pause: Called between two parts of the work; what it raises ends it.

        Raises:
            StorageError: If an event cannot be read, or does not fit those before it.
        """
        found = snapshots.newest(self.connection, pause)
        state, seq, entries = found if found is not None else (State(), 0, 0)
        count = 0
        for count, event in enumerate(self.events(seq), 1):
            try:
                apply(state, event)
            except LookupError as error:
                raise StorageError(
                    f"event {seq + count} of the journal, {type(event).__name__}, names something "
                    f"that is not there: {error}; was the file changed by something else?"
                ) from error
            if count % EVENTS_PER_PAUSE == 0:
                pause()
        self.since_snapshot, self.entries = count, entries
        return state

    def events(self, after: int = 0) -> Iterator[Event]:
        """Give back the events, oldest first, except messages and requests.

        Args:
            after: Only those with a larger number.

        Raises:
            StorageError: If one of them cannot be read.
        """
        for seq, body in self.connection.execute(EVENTS, (after,)):
            try:
                yield decode(body)
            except msgspec.MsgspecError as error:
                raise StorageError(
                    f"event {seq} of the journal cannot be read: {error}; "
                    "was it written by a newer Moobius?"
                ) from error

    def messages(self) -> Iterator[MessageStored]:
        """Give back every message with all whose histories it is in, oldest first."""
        rows = self.connection.execute(MESSAGES)
        for _, copies in itertools.groupby(rows, key=itemgetter(0)):
            (_, message_id, body, channel, timestamp, owner), *others = copies
            owners = (owner, *(other[-1] for other in others))
            message = msgspec.json.decode(body)
            yield MessageStored(owners, channel, message_id, timestamp, message)

    def count_messages(self) -> int:
        """Count the messages."""
        (count,) = self.connection.execute("SELECT count(*) FROM messages").fetchone()
        return int(count)

    def append(self, events: Sequence[Event]) -> None:
        """Keep the events in one transaction."""
        run = self.connection.execute
        since_snapshot = 0
        run("BEGIN IMMEDIATE")
        try:
            for event in events:
                if isinstance(event, MessageStored):
                    self._keep(event)
                elif isinstance(event, RequestDone):
                    self._remember(event)
                else:
                    run("INSERT INTO events (body) VALUES (?)", (encode(event),))
                    since_snapshot += 1
            run("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                run("ROLLBACK")
            raise
        self.since_snapshot += since_snapshot

    def _keep(self, event: MessageStored) -> None:
        body = msgspec.json.encode(event.message)
        message = self.connection.execute(
            "INSERT INTO messages (message_id, body) VALUES (?, ?)", (event.message_id, body)
        ).lastrowid
        self.connection.executemany(
            "INSERT INTO histories VALUES (?, ?, ?, ?)",
            [(owner, event.channel_id, event.timestamp, message) for owner in event.owners],
        )

    def _remember(self, event: RequestDone) -> None:
        identity, kept = event.identity, self._requests_kept
        run = self.connection.execute
        run(
            "INSERT INTO requests (identity, request_id, digest) VALUES (?, ?, ?)",
            (identity, event.request_id, event.digest),
        )
        written = self._requests_written.get(identity, 0)
        self._requests_written[identity] = written + 1
        if written % max(kept, 1) == 0:  # the first time too: other processes may have left some
            run(PRUNE, {"identity": identity, "kept": kept})

    def mark_snapshot(self, events: int, entries: int) -> None:
        """Note that a snapshot has been made.

        Args:
            events: How many more events it has than the one before.
            entries: How many entries it has.
        """
        self.since_snapshot -= events
        self.entries = entries

    def requests(self, identity: str) -> list[RequestDone]:
        """Return an identity's latest requests, oldest first."""
        rows = self.connection.execute(REQUESTS, (identity, self._requests_kept))
        return [RequestDone(identity, *row) for row in rows]

    def has_requests(self, identity: str) -> bool:
        """Return whether an identity has made a request that is remembered."""
        query = "SELECT 1 FROM requests WHERE identity = ? LIMIT 1"
        return self.connection.execute(query, (identity,)).fetchone() is not None

    def request(self, identity: str, request_id: str) -> str | None:
        """Return the digest of an identity's latest request with an id."""
        row = self.connection.execute(REQUEST, (identity, request_id)).fetchone()
        return None if row is None else str(row[0])

    def identities(self) -> list[str]:
        """Return the identities that have made requests that are remembered."""
        rows = self.connection.execute("SELECT DISTINCT identity FROM requests")
        return [identity for (identity,) in rows]

    def history(
        self,
        user_id: str,
        channel_id: str,
        before: float | None = None,
        after: float | None = None,
        limit: int = 64,
        most_bytes: int = MOST_BYTES,
    ) -> list[Message]:
        """Return a page of a user's messages in a channel, newest first; see `Store.history`."""
        upper = 2.0**62 if before is None else before
        lower = -1.0 if after is None else after
        asked = (user_id, channel_id, upper, lower, MOST_MESSAGES + 1)
        # Closed, for an unfinished query would keep the write-ahead log from being emptied.
        with closing(self.connection.execute(HISTORY, asked)) as found:
            rows = ((Row(timestamp, len(body)), body) for timestamp, body in found)
            bodies = page_of(rows, limit, most_bytes)
        return [msgspec.json.decode(body) for body in bodies]

    def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        row = self.connection.execute(FIND, (message_id, user_id)).fetchone()
        return None if row is None else msgspec.json.decode(row[0])

    def close(self) -> None:
        """Close the file."""
        self.connection.close()
