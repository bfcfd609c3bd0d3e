"""The engine that keeps all containers in one SQLite file."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from moobius.config_entries import PATIENCE, PLACE, SWITCH
from moobius.database.database_interface import DatabaseInterface, require_text
from moobius.database.key_bytes import foreign_bytes, to_bytes, to_text
from moobius.database.records import decode_record, encode_record
from moobius.database.sqlite_file import file_at, text_or_bytes
from moobius.errors import BrokenRecord, StorageError

_FILE_NAME = "moobius.sqlite3"
_AT_ONCE = 500  # keys of one query

# The name leaves room for tables of the user's own in the same file.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS moobius_records (
    domain TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (domain, key)
) WITHOUT ROWID;
"""
_WRITE = "INSERT OR REPLACE INTO moobius_records VALUES (?, ?, ?)"
_DELETE_ALL = "DELETE FROM moobius_records WHERE domain = ?"
_DELETE = f"{_DELETE_ALL} AND key = ?"
_READ_ANY = "SELECT value FROM moobius_records WHERE domain = ?"
_READ = f"{_READ_ANY} AND key = ?"
_KEYS = "SELECT key FROM moobius_records WHERE domain = ?"
_READ_ALL = "SELECT key, value FROM moobius_records WHERE domain = ?"
# For a key that another program wrote, as text that is no UTF-8 or as a blob.
_FOREIGN = "CAST(key AS BLOB) = ?"
_DOMAINS = "SELECT DISTINCT domain FROM moobius_records"


class SQLiteDatabase(DatabaseInterface):
    """One table for all containers, one transaction a write, values as typed JSON text.

    A write survives the death of the process at any moment. Several threads and processes may use
    one file; a writer waits for another, so coroutines should use the methods that begin with `a`.

    Attributes:
        path: The file.
    """

    known_settings: ClassVar = {
        **{"root_dir": PLACE, "path": PLACE},
        **{"fsync": SWITCH, "timeout": PATIENCE},
    }

    may_wait = True

    def __init__(
        self,
        domain: str = "",
        root_dir: str = "",
        *,
        path: str = "",
        fsync: bool = False,
        timeout: float = 10.0,
        **kwargs: Any,
    ) -> None:
        """Open the store, creating its file.

        Args:
            domain: Keeps the keys of different containers apart.
            root_dir: The folder of the file `moobius.sqlite3`, as the json engine has it.
            path: The file, instead of `root_dir`.
            fsync: Wait for the disk at every write, so that writes survive a power failure;
                without, the last ones may be lost then, and nothing is damaged.
            timeout: How long to wait for other processes that write, in seconds.
            kwargs: Settings of other engines, ignored.
        """
        super().__init__(domain)
        self.path = file_of(root_dir, path)
        self._settings: dict[str, Any] = {"schema": _SCHEMA, "timeout": timeout, "fsync": fsync}
        try:
            self._connect()
            self._file.open()
        except sqlite3.Error as error:
            raise StorageError(f"the file {self.path} cannot be used: {error}") from error

    def _connect(self) -> None:
        self._file = file_at(self.path, **self._settings)
        self._domain = _to_column(self.domain)

    @property
    def waits_for(self) -> Hashable:  # type: ignore[override] # is read, and nothing more
        """The file, whose writers wait for each other."""
        return self.path

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return `(True, value)`, or `(False, reason)` if there is no such key.

        Raises:
            BrokenRecord: If the record is there and holds no value.
            StorageError: If the file cannot be read.
        """
        rows = self._rows(_READ, self._row_of(key))
        if not rows and (foreign := foreign_bytes(key)):
            rows = self._rows(f"{_READ_ANY} AND {_FOREIGN}", (self._domain, foreign))
        if not rows:
            return False, f"no record {key!r} in {self._place}"
        return True, decode_record(key, rows[0][0], self._place)

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Store a value; return `(True, key)`, or `(False, reason)` with the old value in place.

        Raises:
            UnstorableError: If the value is of a type that could not be restored.
        """
        return self._store(key, self._new_row(key, value))

    def prepare_value(self, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
        """Return the call that stores a value as it is now; see `DatabaseInterface`."""
        return partial(self._store, key, self._new_row(key, value))

    def _store(self, key: str, row: tuple[Any, ...]) -> tuple[bool, str]:
        try:
            self._file.change(_WRITE, row)
            self._delete_foreign(key)
        except sqlite3.Error as error:
            return False, f"the record {key!r} cannot be written to {self._place}: {error}"
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Delete a key's record; return `(True, key)` or `(False, reason)`."""
        try:
            deleted = self._file.change(_DELETE, self._row_of(key)) + self._delete_foreign(key)
        except sqlite3.Error as error:
            return False, f"the record {key!r} in {self._place} cannot be deleted: {error}"
        return (True, key) if deleted else (False, f"no record {key!r} in {self._place}")

    def all_keys(self) -> Iterable[str]:
        """Return every key that is stored, in a stable order."""
        return [_from_column(key) for (key,) in self._rows(_KEYS, (self._domain,))]

    def get_many(self, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Yield the keys that are stored, each with its value or its `BrokenRecord`."""
        for column, text in self._rows_of(keys):
            key = _from_column(column)
            try:
                yield key, decode_record(key, text, self._place)
            except BrokenRecord as error:
                yield key, error

    def close(self) -> None:
        """Close the file, for all containers in it; whoever uses it again opens it again."""
        self._file.close()

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return every domain that has records in the file."""
        path = file_of(settings.get("root_dir", ""), settings.get("path", ""))
        if not path.is_file():
            raise StorageError(f"there is no file {path}")
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                connection.text_factory = text_or_bytes
                return [_from_column(domain) for (domain,) in connection.execute(_DOMAINS)]
        except sqlite3.Error as error:
            raise StorageError(f"the file {path} cannot be read: {error}") from error

    def __str__(self) -> str:
        return f"moobius.SQLiteDatabase(path={self.path}, domain={self.domain!r})"

    # A spawned process gets the same store, and a connection of its own.
    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_file"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._connect()

    @property
    def _place(self) -> str:
        return f"{self.domain!r} of {self.path}"

    def _row_of(self, key: str) -> tuple[str | bytes, str | bytes]:
        return self._domain, _to_column(require_text(key))

    def _new_row(self, key: str, value: Any) -> tuple[Any, ...]:
        return (*self._row_of(key), encode_record(key, value))

    def _delete_foreign(self, key: str) -> int:
        if foreign := foreign_bytes(key):
            return self._file.change(f"{_DELETE_ALL} AND {_FOREIGN}", (self._domain, foreign))
        return 0

    def _rows(self, sql: str, arguments: tuple[Any, ...]) -> list[Any]:
        try:
            return self._file.rows(sql, arguments)
        except sqlite3.Error as error:
            raise StorageError(f"the file {self.path} cannot be read: {error}") from error

    def _rows_of(self, keys: Iterable[str] | None) -> Iterator[tuple[str | bytes, Any]]:
        if keys is None:
            yield from self._rows(_READ_ALL, (self._domain,))
            return
        keys = map(require_text, keys)
        while some := tuple(islice(keys, _AT_ONCE)):
            marks = ", ".join("?" * len(some))
            arguments = (self._domain, *map(_to_column, some))
            yield from self._rows(f"{_READ_ALL} AND key IN ({marks})", arguments)
            for foreign in filter(None, map(foreign_bytes, some)):
                yield from self._rows(f"{_READ_ALL} AND {_FOREIGN}", (self._domain, foreign))


def file_of(root_dir: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """Return the file that these settings mean."""
    return (Path(path) if path else Path(root_dir) / _FILE_NAME).absolute()


def _to_column(text: str) -> str | bytes:
    """Return text as SQLite keeps it: a lone surrogate, which UTF-8 does not have, as a blob."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return to_bytes(text)
    return text


def _from_column(column: str | bytes) -> str:
    return column if isinstance(column, str) else to_text(column)
