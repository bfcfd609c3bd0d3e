"""A dict whose every change reaches a storage engine (sdk.md 1.5.2)."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, KeysView
from contextlib import contextmanager
from typing import Any

from loguru import logger

from moobius.database.database_interface import DatabaseInterface, require_text
from moobius.errors import BrokenRecord, StorageError, UnstorableError

_ABSENT = object()


class CachedDict(dict[str, Any]):
    """A dict with a storage engine under it: the engine is written first, then memory.

    Changes *inside* a value are not noticed. Save them, or edit in a block that saves at its end:

        scores["ada"].append(3)
        scores.save("ada")

        with scores.edit("ada") as list_of_ada:
            list_of_ada.append(3)

    Until `load` is called, values are read one by one when asked for; which keys exist is always
    answered truthfully. Asking for all values (`values`, `items`, `==`) loads them. Asking for a
    key that is not in memory always asks the engine, so a key that another process wrote is
    found; use `reload` to see that it changed one.

    A record that cannot be read is an error for its key alone: `d[key]` raises `BrokenRecord`,
    iteration over a loaded container leaves it out, and writing or deleting it repairs it.
    Copies (`copy.copy`, `copy.deepcopy`, pickles) are further handles on the same store; `copy()`
    is a plain dict. Code in C that looks past the class, as `json.dumps` does, sees only what is in
    memory: give it `copy()`, or call `load` first.
    """

    # `dict.__getitem__` is not overridden on purpose: what is in memory is read at the speed of a
    # dict, and only a miss comes here, through `__missing__`.

    def __init__(self, database: DatabaseInterface, strict_mode: bool = False) -> None:
        """Stand on an engine, reading nothing yet.

        Args:
            database: The engine; anything with the methods of `DatabaseInterface`.
            strict_mode: Raise when the engine cannot write, instead of logging an error and
                keeping the value in memory.
        """
        super().__init__()
        self.database = database
        self.strict_mode = strict_mode
        self._loaded = False

    # ---- Reading one key ----

    def __missing__(self, key: Any) -> Any:
        found, value = self._fetch(key)
        if not found:
            raise KeyError(key)
        super().__setitem__(key, value)
        return value

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or self._is_stored(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of `key`, or `default` if there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def reload(self, key: str) -> Any:
        """Read `key` anew from the engine, as when another process wrote it, and return its value.

        Raises:
            KeyError: If the engine no longer has it; it is then gone from memory, too.
        """
        found, value = self._fetch(key)
        if not found:
            super().pop(key, None)
            raise KeyError(key)
        super().__setitem__(key, value)
        return value

    # ---- Reading all keys ----

    def load(self) -> None:
        """Read every key from the engine; a record that cannot be read is logged and left out."""
        self._read(self.database.all_keys())
        self._loaded = True

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self) if self._loaded else iter(self._all_keys())

    def __reversed__(self) -> Iterator[str]:
        return super().__reversed__() if self._loaded else reversed(self._all_keys())

    def __len__(self) -> int:
        return dict.__len__(self) if self._loaded else len(self._all_keys())

    def keys(self) -> Any:
        """Return a view of the keys."""
        return super().keys() if self._loaded else KeysView(self)

    def values(self) -> Any:
        """Return a view of the values."""
        self._complete()
        return super().values()

    def items(self) -> Any:
        """Return a view of the keys with their values."""
        self._complete()
        return super().items()

    def copy(self) -> dict[str, Any]:
        """Return the content as a plain dict."""
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        self._complete()
        if isinstance(other, CachedDict):
            other._complete()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return {**self.copy(), **other} if isinstance(other, dict) else NotImplemented

    def __repr__(self) -> str:
        # Showing must not read from the disk; an unloaded container shows what it has, and says so.
        unloaded = "" if self._loaded else ", loaded=False"
        return f"moobius.CachedDict({dict(super().items())!r}{unloaded})"

    __str__ = __repr__

    # ---- Writing ----

    def __setitem__(self, key: str, value: Any) -> None:
        self._write(require_text(key), value)
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._erase(key)
        super().pop(key, None)

    def save(self, key: str) -> None:
        """Write the value of `key` again, after it was changed in place.

        Raises:
            KeyError: If there is no such key.
        """
        self._write(key, self[key])

    @contextmanager
    def edit(self, key: str) -> Iterator[Any]:
        """Give the value of `key` to a block that changes it in place, and save it afterwards.

        If the block raises, nothing is saved and the value is read anew.
        """
        value = self[key]
        try:
            yield value
        except BaseException:
            found, stored = self._fetch(key)
            if found:
                super().__setitem__(key, stored)
            raise
        self[key] = value

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return the value of `key`, storing `default` first if there is none."""
        try:
            return self[key]
        except KeyError:
            self[key] = default
            return default

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Store every item of a mapping, of an iterable of pairs, and of the keywords."""
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Any) -> CachedDict:  # type: ignore[override]
        self.update(other)
        return self

    def pop(self, key: str, default: Any = _ABSENT) -> Any:
        """Remove `key` and return its value, or `default` if there is none."""
        try:
            value = self[key]
        except KeyError:
            if default is _ABSENT:
                raise
            return default
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last item and return it."""
        for key in reversed(self):
            return key, self.pop(key)
        raise KeyError("popitem(): the container is empty")

    def clear(self) -> None:
        """Remove everything, also what was never loaded or cannot be read."""
        for key in list(self.database.all_keys()):
            self._erase(key)
        super().clear()
        self._loaded = True

    # ---- Copies and pickles ----

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.database, self.strict_mode, self._loaded, dict(super().items()))

    def __deepcopy__(self, memo: dict[int, Any]) -> CachedDict:
        cached = copy.deepcopy(dict(super().items()), memo)
        return _restored(self.database, self.strict_mode, self._loaded, cached)

    # ---- The engine ----

    def _fetch(self, key: Any) -> tuple[bool, Any]:
        return self.database.get_value(key) if isinstance(key, str) else (False, None)

    def _is_stored(self, key: Any) -> bool:
        try:
            self.__missing__(key)
        except KeyError:
            return False
        except BrokenRecord:  # it is there; reading it will say what is wrong
            return True
        return True

    def _all_keys(self) -> list[str]:
        cached = list(super().keys())
        return cached + [k for k in self.database.all_keys() if not dict.__contains__(self, k)]

    def _complete(self) -> None:
        """Read what is not in memory yet, leaving alone what may have been changed there."""
        if not self._loaded:
            self._read(k for k in self.database.all_keys() if not dict.__contains__(self, k))
            self._loaded = True

    def _read(self, keys: Iterable[str]) -> None:
        for key in keys:
            try:
                found, value = self.database.get_value(key)
            except BrokenRecord as error:
                logger.error("Left out of its container: {}", error)
                continue
            if found:
                super().__setitem__(key, value)

    def _write(self, key: str, value: Any) -> None:
        try:
            written, answer = self.database.set_value(key, value)
        except UnstorableError:  # the caller's mistake, and not the engine's trouble
            raise
        except Exception as error:
            self._failed(f"{key!r} not stored: {error}", error)
        else:
            if not written:
                self._failed(f"{key!r} not stored: {answer}")

    def _erase(self, key: str) -> None:
        try:
            erased, answer = self.database.delete_key(key)
        except Exception as error:
            self._failed(f"{key!r} not deleted: {error}", error)
        else:
            if not erased and self._is_in_engine(key):
                self._failed(f"{key!r} not deleted: {answer}")

    def _is_in_engine(self, key: str) -> bool:
        try:
            return self._fetch(key)[0]
        except BrokenRecord:
            return True

    def _failed(self, what: str, cause: Exception | None = None) -> None:
        """Report that the engine could not write."""
        if self.strict_mode:
            raise StorageError(what) from cause
        logger.error("{}; only memory has the change, and it will be lost", what)


def _restored(
    database: DatabaseInterface, strict_mode: bool, loaded: bool, cached: dict[str, Any]
) -> CachedDict:
    """Make a container that already has values in memory, writing nothing."""
    container = CachedDict(database, strict_mode)
    dict.update(container, cached)
    container._loaded = loaded
    return container
