"""The engine that keeps one readable JSON file a key."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from loguru import logger

from moobius.config_entries import PLACE, SWITCH
from moobius.database import file_names
from moobius.database.database_interface import DatabaseInterface, require_text
from moobius.database.records import broken_record, decode_record, encode_record
from moobius.errors import BrokenRecord, StorageError
from moobius.utils import (
    make_folder,
    remove_stale_temporaries,
    sync_folder,
    write_text_atomically,
)

_SUFFIX = ".json"


class JSONDatabase(DatabaseInterface):
    """One folder a domain, one file a key, each replaced atomically.

    Records of all older versions are read; one is rewritten in today's form when its value is.

    Attributes:
        path: The folder.
    """

    known_settings: ClassVar = {"root_dir": PLACE, "fsync": SWITCH}

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
        self.may_wait = fsync
        try:
            make_folder(self.path, fsync=fsync)
        except OSError as error:
            raise StorageError(f"the folder {self.path} cannot be used: {error}") from error
        self._fold_case = _folds_case(self.path)
        self._is_tidy = False

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return `(True, value)`, or `(False, reason)` if there is no such key.

        Raises:
            BrokenRecord: If the file is there and cannot be read.
        """
        for file in chain([self._file(key)], self._older_files(key)):
            try:
                raw = _read(file)
            except OSError as error:
                raise broken_record(key, file, error) from error
            if raw is not None:
                return True, decode_record(key, raw, file, with_key=file_names.is_long(file.name))
        return False, f"no record {key!r} in {self.path}"

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Store a value; return `(True, key)`, or `(False, reason)` with the old value in place.

        Raises:
            UnstorableError: If the value is of a type that could not be restored.
        """
        return self.prepare_value(key, value)()

    def prepare_value(self, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
        """Return the call that stores a value as it is now; see `DatabaseInterface`."""
        file = self._file(key)
        text = encode_record(key, value, with_key=file_names.is_long(file.name), indent=2)
        return partial(self._store, key, file, text)

    def _store(self, key: str, file: Path, text: str) -> tuple[bool, str]:
        try:
            self._write(file, text)
            for old in self._older_files(key):
                _unlink(old)
        except OSError as error:
            return False, f"the record {key!r} cannot be written to {file}: {error}"
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Delete a key's file; return `(True, key)` or `(False, reason)`."""
        # Today's file last: a process that is killed here must not bring back an older value.
        files = [*self._older_files(key), self._file(key)]
        try:
            found = [file for file in files if _unlink(file)]
            if found and self.fsync:
                sync_folder(self.path)
        except OSError as error:
            return False, f"the record {key!r} in {self.path} cannot be deleted: {error}"
        return (True, key) if found else (False, f"no record {key!r} in {self.path}")

    def all_keys(self) -> Iterable[str]:
        """Return every key that has a file, in a stable order."""
        return list(self._records())

    def get_many(self, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Yield the keys that have a file, each with its value or its `BrokenRecord`."""
        if keys is not None:
            yield from super().get_many(keys)
            return
        for key, name in self._records().items():
            file = f"{self.path}{os.sep}{name}"
            try:
                raw = _read(file)
                if raw is not None:
                    yield key, decode_record(key, raw, file, with_key=file_names.is_long(name))
            except OSError as error:
                yield key, broken_record(key, file, error)
            except BrokenRecord as error:
                yield key, error

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return every domain that has records below `root_dir`."""
        root = Path(settings.get("root_dir", "")).absolute()
        if not root.is_dir():
            raise StorageError(f"there is no folder {root}")
        folders = [
            Path(folder) for folder, _, names in os.walk(root) if any(map(_is_record, names))
        ]
        found = {folder: _domain_of(root, folder) for folder in sorted(folders)}
        for folder in [folder for folder, domain in found.items() if domain is None]:
            logger.warning("Left out, for its name does not say its domain: {}", folder)
        return [domain for domain in found.values() if domain is not None]

    def __str__(self) -> str:
        return f"moobius.JSONDatabase(path={self.path})"

    def _write(self, file: Path, text: str) -> None:
        try:
            self._tidy()
            write_text_atomically(file, text, fsync=self.fsync)
        except FileNotFoundError:  # somebody removed the folder while we used it
            make_folder(self.path, fsync=self.fsync)
            write_text_atomically(file, text, fsync=self.fsync)

    def _tidy(self) -> None:
        """Remove the temporary files of killed processes; not before we write ourselves."""
        if not self._is_tidy:
            self._is_tidy = True
            remove_stale_temporaries(self.path)

    def _records(self) -> dict[str, str]:
        """Return every key with the name of its file: of several, the one `get_value` reads."""
        records: dict[str, str] = {}
        for name in filter(_is_record, sorted(self._names())):
            key = self._key_of(name.removesuffix(_SUFFIX))
            if key not in records or self._rank(key, name) < self._rank(key, records[key]):
                records[key] = name
        return records

    def _rank(self, key: str, name: str) -> int:
        return self._spellings(key).index(name.removesuffix(_SUFFIX))

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.path)  # noqa: PTH208 - names are all we need, and many
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"the folder {self.path} cannot be read: {error}") from error

    def _key_of(self, stem: str) -> str:
        """Return the key of a file; the file's name, if only the record has it and is broken."""
        key = file_names.decode(stem)
        return self._key_inside(stem) if key is None else key

    def _key_inside(self, stem: str) -> str:
        try:
            key, _value = json.loads((self.path / f"{stem}{_SUFFIX}").read_bytes())
        except (OSError, ValueError, TypeError, RecursionError):
            return stem  # reading this key then says what is wrong
        return key if isinstance(key, str) and stem in self._spellings(key) else stem

    def _spellings(self, key: str) -> tuple[str, ...]:
        names = file_names.spellings(key, fold_case=self._fold_case)
        return (*names, key) if file_names.is_long(key) else names

    def _file(self, key: str) -> Path:
        return self.path / f"{self._spellings(require_text(key))[0]}{_SUFFIX}"

    def _older_files(self, key: str) -> Iterator[Path]:
        """Yield the files of a key that have other names than today's."""
        for stem in self._spellings(key)[1:]:
            if self._is_there(key, stem):
                yield self.path / f"{stem}{_SUFFIX}"

    def _is_there(self, key: str, stem: str) -> bool:
        name = f"{stem}{_SUFFIX}"
        if not os.path.lexists(f"{self.path}{os.sep}{name}"):
            return False
        # In this very folder, and by its exact spelling: on some systems, opening `Ada.json`
        # finds `ada.json`.
        return name in self._names() and self._key_of(stem) == key


def _is_record(name: str) -> bool:
    return name.endswith(_SUFFIX) and not name.startswith(".")


def _read(file: str | Path) -> bytes | None:
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - of many files, by their names
            return opened.read()
    except FileNotFoundError:
        return None


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


def _domain_of(root: Path, folder: Path) -> str | None:
    """Return the domain whose records are in a folder; None if its name was too long to say."""
    parts: list[str] = []
    for name in folder.relative_to(root).parts:
        part = file_names.decode(name)
        if part is None:
            return None
        parts.append(part)
    plain = ".".join(parts)
    today = re.sub(r"(^|\.)band_", r"\1channel_", plain)
    return today if _folder(root, today) == folder else plain


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
