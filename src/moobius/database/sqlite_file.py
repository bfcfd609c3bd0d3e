"""The connections of this process to one SQLite file, for all its threads.

One connection writes and one reads, so that a write that waits for another process does not make
readers wait.

SQLite must not be carried through a fork: parent and child would share its idea of who holds which
lock, and could destroy the file. So everything is closed before a fork, and each process opens
its own connections when it needs them.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from moobius.utils import make_folder

_RETRY_EVERY = 0.01  # seconds


@dataclass(frozen=True)
class Opening:
    """How a file is opened.

    Attributes:
        path: The file, which is created when it is not there, as its folder is.
        schema: SQL that makes the tables unless they are there.
        timeout: How long to wait for other processes that write, in seconds.
        fsync: Wait for the disk at every write.
    """

    path: Path
    schema: str
    timeout: float
    fsync: bool


class SQLiteFile:
    """A file, opened when it is needed. Errors are those of `sqlite3`; invalid UTF-8 is bytes.

    Use `file_at`, which gives all users of a file with the same settings the same object.
    """

    def __init__(self, opening: Opening) -> None:
        """Remember what to open."""
        self._writer = _Line(opening)
        self._reader = _Line(opening)
        self.lines = (self._writer, self._reader)

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query."""
        with self._reader.lock:
            return self._reader.ready().execute(sql, arguments).fetchall()

    def change(self, sql: str, arguments: Sequence[Any]) -> int:
        """Run one statement, which is a transaction of its own; return how many rows it changed."""
        with self._writer.lock:
            return self._writer.ready().execute(sql, arguments).rowcount

    def open(self) -> None:
        """Open the file now, so that trouble with it shows at the start."""
        for line in self.lines:
            with line.lock:
                line.ready()

    def close(self) -> None:
        """Close the file until it is used again."""
        for line in self.lines:
            with line.lock:
                line.close()


class _Line:
    """A connection, made when it is needed, and the lock that its users hold."""

    def __init__(self, opening: Opening) -> None:
        self.lock = threading.RLock()
        self._opening = opening
        self._name = str(opening.path)
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None  # kept, as making one takes time
        self._identity = (0, 0)

    def ready(self) -> sqlite3.Cursor:
        """Return the cursor, connected to the present file; the caller holds the lock."""
        # Writes to a file that was deleted or replaced since would work, and be lost.
        if self._cursor is None or self._identity != _identity(self._name):
            self.close()
            self._connection = _connect(self._opening)
            self._cursor = self._connection.cursor()
            self._identity = _identity(self._name)
        return self._cursor

    def close(self) -> None:
        """Close the connection; the caller holds the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = self._cursor = None

    def __del__(self) -> None:
        self.close()


def _connect(opening: Opening) -> sqlite3.Connection:
    try:
        make_folder(opening.path.parent, fsync=opening.fsync)
    except OSError as error:
        raise sqlite3.OperationalError(f"its folder cannot be used: {error}") from error
    connection = sqlite3.connect(
        opening.path, timeout=opening.timeout, isolation_level=None, check_same_thread=False
    )
    try:
        _switch_to_wal(connection, opening.timeout)
        connection.text_factory = text_or_bytes
        connection.execute(f"PRAGMA synchronous={'FULL' if opening.fsync else 'NORMAL'}")
        connection.executescript(opening.schema)
    except BaseException:
        connection.close()
        raise
    return connection


def _switch_to_wal(connection: sqlite3.Connection, timeout: float) -> None:
    """Switch to write-ahead logging, which stays; readers and a writer then do not wait."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            # For this statement alone SQLite does not wait for others by itself.
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_EVERY)
        else:
            return


def text_or_bytes(raw: bytes) -> str | bytes:
    """Return a column as text; as bytes if another program stored invalid UTF-8 there."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError:
        return raw


def _identity(name: str) -> tuple[int, int]:
    try:
        found = os.stat(name)  # noqa: PTH116 - quicker, and this runs at every read and write
    except OSError:  # opening it says what is wrong
        return (0, 0)
    return (found.st_dev, found.st_ino)


# ---- All files of this process ----

_files: WeakValueDictionary[Opening, SQLiteFile] = WeakValueDictionary()
_registry = threading.Lock()  # guards `_files`; held while forking
_held: list[_Line] = []


def file_at(path: Path, schema: str, *, timeout: float, fsync: bool) -> SQLiteFile:
    """Return this process's object for a file; see `Opening` and `SQLiteFile`."""
    opening = Opening(path, schema, timeout, fsync)
    with _registry:
        file = _files.get(opening)
        if file is None:
            file = _files[opening] = SQLiteFile(opening)
        return file


def _before_fork() -> None:
    _registry.acquire()
    for line in [line for file in list(_files.values()) for line in file.lines]:
        line.lock.acquire()
        _held.append(line)
        line.close()


def _after_fork() -> None:
    while _held:
        _held.pop().lock.release()
    _registry.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
