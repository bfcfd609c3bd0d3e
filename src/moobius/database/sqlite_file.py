"""One SQLite file as this process sees it: one connection, for all threads, across forks.

SQLite must not be carried through a fork: parent and child would share its idea of who holds which
lock, and could destroy the file. So everything is closed before a fork, and each process opens
its own connection when it needs one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

_RETRY_EVERY = 0.01  # seconds


class SQLiteFile:
    """A file, opened when it is needed. Errors are those of `sqlite3`; text that is none is bytes.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, schema: str, *, timeout: float, fsync: bool) -> None:
        """Remember what to open. Use `file_at`, which gives all users of a file the same object.

        Args:
            path: The file, which is created when it is opened.
            schema: SQL that makes the tables unless they are there.
            timeout: How long to wait for other processes that write, in seconds.
            fsync: Wait for the disk at every write.
        """
        self.path = path
        self._name = str(path)
        self._schema = schema
        self._timeout = timeout
        self._synchronous = "FULL" if fsync else "NORMAL"
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._cursor: sqlite3.Cursor | None = None  # kept, as making one takes time
        self._identity = (0, 0)

    def rows(self, sql: str, arguments: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query."""
        with self._lock:
            return self._ready().execute(sql, arguments).fetchall()

    def change(self, sql: str, arguments: Sequence[Any]) -> int:
        """Run one statement, which is a transaction of its own; return how many rows it changed."""
        with self._lock:
            return self._ready().execute(sql, arguments).rowcount

    def open(self) -> None:
        """Open the file now, so that trouble with it shows at the start."""
        with self._lock:
            self._ready()

    def close(self) -> None:
        """Let go of the file until it is used again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = self._cursor = None

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _ready(self) -> sqlite3.Cursor:
        # A file that was deleted or replaced takes writes as before, and loses them.
        if self._cursor is None or self._identity != _identity(self._name):
            self.close()
            self._connection = self._connect()
            self._cursor = self._connection.cursor()
            self._identity = _identity(self._name)
        return self._cursor

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=self._timeout, isolation_level=None, check_same_thread=False
        )
        try:
            self._switch_to_wal(connection)
            connection.text_factory = text_or_bytes
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.executescript(self._schema)
        except BaseException:
            connection.close()
            raise
        return connection

    def _switch_to_wal(self, connection: sqlite3.Connection) -> None:
        """Switch to write-ahead logging, which stays; readers and a writer then do not wait."""
        deadline = time.monotonic() + self._timeout
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
    """Return a column as text or, if another program put no UTF-8 there, as it is."""
    try:
        return str(raw, "utf-8")
    except UnicodeDecodeError:
        return raw


def _identity(name: str) -> tuple[int, int]:
    try:
        found = os.stat(name)  # noqa: PTH116 - quicker, and this runs at every read and write
    except FileNotFoundError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


# ---- All files of this process ----

_files: WeakValueDictionary[tuple[Any, ...], SQLiteFile] = WeakValueDictionary()
_registry = threading.Lock()  # of which files there are; held while forking
_held: list[SQLiteFile] = []


def file_at(path: Path, schema: str, *, timeout: float, fsync: bool) -> SQLiteFile:
    """Return this process's object for a file; see `SQLiteFile`."""
    key = (path, schema, timeout, fsync)
    with _registry:
        file = _files.get(key)
        if file is None:
            file = _files[key] = SQLiteFile(path, schema, timeout=timeout, fsync=fsync)
        return file


def _before_fork() -> None:
    _registry.acquire()
    for file in list(_files.values()):
        file._lock.acquire()
        _held.append(file)
        file.close()


def _after_fork() -> None:
    while _held:
        _held.pop()._lock.release()
    _registry.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
