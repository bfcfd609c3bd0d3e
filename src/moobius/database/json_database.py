"""The engine that keeps one readable JSON file a key."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.database import file_names
from moobius.database.database_interface import DatabaseInterface, require_text
from moobius.database.old_records import looks_old, restore_old
from moobius.errors import BrokenRecord, StorageError, UnstorableError
from moobius.typed_json import dump_json, load_typed, mark_pairs, to_jsonable
from moobius.utils import write_text_atomically

_SUFFIX = ".json"


class JSONDatabase(DatabaseInterface):
    """One folder a domain, one file a key, each replaced atomically.

    Records of all older versions are read; one is rewritten in today's form when its value is.

    Attributes:
        path: The folder.
    """

    def __init__(
        self, domain: str = "", root_dir: str = "", *, fsync: bool = False, **kwargs: Any
    ) -> None:
        """Open the store, creating its folder.

        Args:
            domain: Its dot-separated parts name the folders below `root_dir`.
            root_dir: Where the folders of all domains are.
            fsync: Wait for the disk at every write, so that writes survive a power failure.
            kwargs: Settings of other engines, ignored.
        """
        super().__init__(domain)
        self.path = _folder(Path(root_dir).absolute(), domain)
        self.fsync = fsync
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"the folder {self.path} cannot be used: {error}") from error
        self._fold_case = _folds_case(self.path)

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return `(True, value)`, or `(False, reason)` if there is no such key.

        Raises:
            BrokenRecord: If the file is there and cannot be read.
        """
        file = self._file(key)
        try:
            raw = self._read(file)
            if raw is None and (old := self._old_file(key)) is not None:
                file, raw = old, self._read(old)
            if raw is None:
                return False, f"no record {key!r} in {self.path}"
            return True, _decode(key, file, raw)
        except (OSError, ValueError, RecursionError, UnstorableError) as error:
            raise BrokenRecord(f"the record {key!r} in {file} cannot be read: {error}") from error

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Store a value; return `(True, key)`, or `(False, reason)` with the old value in place.

        Raises:
            UnstorableError: If the value is of a type that could not be restored.
        """
        file = self._file(key)
        try:
            text = _encode(key, file, value)
        except UnstorableError as error:
            raise UnstorableError(f"{key!r} not stored: {error}") from error
        except RecursionError as error:
            raise UnstorableError(f"{key!r} not stored: the value contains itself") from error
        try:
            write_text_atomically(file, text, fsync=self.fsync)
            if (old := self._old_file(key)) is not None:
                old.unlink(missing_ok=True)
        except OSError as error:
            return False, f"the record {key!r} cannot be written to {file}: {error}"
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Delete a key's file; return `(True, key)` or `(False, reason)`."""
        files = [file for file in (self._file(key), self._old_file(key)) if file]
        try:
            found = [file for file in files if _unlink(file)]
        except OSError as error:
            return False, f"the record {key!r} in {self.path} cannot be deleted: {error}"
        return (True, key) if found else (False, f"no record {key!r} in {self.path}")

    def all_keys(self) -> Iterable[str]:
        """Return every key that has a file, in a stable order."""
        keys: dict[str, None] = {}
        for name in sorted(self._names()):
            if name.startswith(".") or not name.endswith(_SUFFIX):
                continue
            key = self._key_of(name.removesuffix(_SUFFIX))
            if key is not None:
                keys[key] = None
        return list(keys)

    def __str__(self) -> str:
        return f"moobius.JSONDatabase(path={self.path})"

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.path)  # noqa: PTH208 - names are all we need, and many
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"the folder {self.path} cannot be read: {error}") from error

    def _key_of(self, name: str) -> str | None:
        if not file_names.is_long(name):
            return file_names.decode(name)
        file = self.path / f"{name}{_SUFFIX}"
        try:
            key, _value = json.loads(file.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            logger.error("The record in {} does not say its key: {}", file, error)
            return None
        return str(key)

    def _file(self, key: str) -> Path:
        name = file_names.encode(require_text(key), fold_case=self._fold_case)
        return self.path / f"{name}{_SUFFIX}"

    def _old_file(self, key: str) -> Path | None:
        """Return the file in which an older version kept `key`, if it is another and exists."""
        name = f"{key}{_SUFFIX}"
        if name == self._file(key).name or file_names.decode(key) != key:
            return None
        # By its exact spelling: on some systems, opening `Ada.json` finds `ada.json`.
        return self.path / name if name in self._names() else None

    @staticmethod
    def _read(file: Path) -> bytes | None:
        try:
            return file.read_bytes()
        except FileNotFoundError:
            return None


def _encode(key: str, file: Path, value: Any) -> str:
    data = _jsonable_record(key, value)
    return dump_json([key, data] if file_names.is_long(file.stem) else data)


def _jsonable_record(key: str, value: Any) -> Any:
    """Return a value as it is written, never to be mistaken for an old record."""
    return mark_pairs(value) if looks_old(key, value) else to_jsonable(value)


def _decode(key: str, file: Path, raw: bytes) -> Any:
    if file_names.is_long(file.stem):
        record = load_typed(raw)
        if not isinstance(record, list) or len(record) != 2:
            raise ValueError("a record with a long key must be a list of key and value")
        return record[1]
    if b'"_type"' in raw and looks_old(key, data := json.loads(raw)):
        return restore_old(key, data)
    return load_typed(raw)


def _unlink(file: Path) -> bool:
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def _folder(root: Path, domain: str) -> Path:
    """Return the folder of a domain: a new safe one, or the one an older version made."""
    if not domain:
        return root
    parts = domain.split(".")
    folder = root.joinpath(*map(file_names.encode, parts))
    if not all(map(_may_be_old_folder, parts)):
        return folder
    plain = root.joinpath(*parts)
    # Version 0.0.1 called channels bands.
    band = [f"band_{p.removeprefix('channel_')}" if p.startswith("channel_") else p for p in parts]
    for candidate in (folder, plain, root.joinpath(*band)):
        with suppress(OSError):  # a part too long to have ever been a folder
            if candidate.is_dir():
                return candidate
    return folder


def _may_be_old_folder(part: str) -> bool:
    return bool(part) and file_names.decode(part) == part and not set(part) & set("/\\\0:")


def _folds_case(folder: Path) -> bool:
    """Tell whether the file system takes `Ada` and `ada` for one name."""
    swapped = folder.with_name(folder.name.swapcase())
    if swapped.name == folder.name:
        return sys.platform in ("darwin", "win32")
    try:
        return swapped.samefile(folder)
    except OSError:
        return False
