"""The dict methods of `CachedDict`: every change is written to a storage engine."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, KeysView, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from moobius.database.database_interface import DatabaseInterface, require_text
from moobius.database.editing import require_changeable
from moobius.database.engine_calls import GONE, carry_out, delete_all, read_all
from moobius.database.memory import ABSENT, Memory
from moobius.database.turns import Turns
from moobius.errors import BrokenRecord

S = TypeVar("S", bound="StoredDict")


class StoredDict(Memory):
    """The dict methods of `CachedDict`; see there."""

    # `dict.__getitem__` is not overridden on purpose: what is in memory is read at the speed of a
    # dict, and only a miss comes here, through `__missing__`.

    def __init__(self, database: DatabaseInterface, strict_mode: bool = False) -> None:
        """Make a container on an engine; nothing is read yet.

        Args:
            database: The engine; anything with the methods of `DatabaseInterface`.
            strict_mode: Raise when the engine cannot write, instead of logging an error and
                keeping the value in memory.
        """
        super().__init__(strict_mode)
        self.database = database
        self._turns = Turns(database)

    @classmethod
    def fromkeys(cls, iterable: Iterable[Any], value: Any = None, /) -> dict[Any, Any]:
        """Return a plain dict, because a container needs an engine."""
        return dict.fromkeys(iterable, value)

    # ---- Reading one key ----

    def __missing__(self, key: Any) -> Any:
        self._turns.finish()
        return self._apply_fetch(key, self._fetch(key, self.database))

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self, key) or self._is_stored(key)

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value of `key`, or `default` if there is none."""
        try:
            return self[key]
        except KeyError:
            return default

    def reload(self, key: str | None = None) -> Any:
        """Read `key` anew from the engine, as when another process wrote it, and return its value.

        A change of this key that the engine could not take is given up, with a warning. Without a
        key, read everything anew. What the engine no longer has is gone from memory, too. Changes
        that it could not take stay.

        Raises:
            KeyError: If the engine no longer has it; it is then gone from memory, too.
        """
        self._turns.finish()
        if key is None:
            self._apply_reload_all(read_all(self.database))
            self._loaded = True
            return None
        return self._apply_reload(key, self.database.get_value(require_text(key)))

    # ---- Reading all keys ----

    def load(self) -> None:
        """Read every key from the engine; a record that cannot be read is logged and left out."""
        self._turns.finish()
        self._apply_load(read_all(self.database))
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
        self._load_rest()
        return super().values()

    def items(self) -> Any:
        """Return a view of the keys with their values."""
        self._load_rest()
        return super().items()

    def copy(self) -> dict[str, Any]:
        """Return the content as a plain dict."""
        return dict(self.items())

    def __eq__(self, other: object) -> bool:
        self._load_rest()
        if isinstance(other, StoredDict):
            other._load_rest()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment] # as dict has it

    def __or__(self, other: Any) -> Any:
        return {**self.copy(), **other} if isinstance(other, dict) else NotImplemented

    def __repr__(self) -> str:
        # `repr` must not read from the disk: of an unloaded container it shows what is in memory.
        unloaded = "" if self._loaded else ", loaded=False"
        return f"moobius.{type(self).__name__}({dict(super().items())!r}{unloaded})"

    __str__ = __repr__

    # ---- Writing ----

    def __setitem__(self, key: str, value: Any) -> None:
        self._commit({require_text(key): value})

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._commit({key: GONE})

    def save(self, key: str) -> None:
        """Write the value of `key` again, after it was changed in place.

        Raises:
            KeyError: If there is no such key.
        """
        self._turns.finish()
        self._commit({key: self[key]})

    @contextmanager
    def edit(self, key: str) -> Iterator[Any]:
        """Give the value of `key` to a block that changes it in place, and save it afterwards.

        If the block raises, nothing is saved and the container has the value as it was before. If
        it stores another value under the key, or deletes it, that holds.

        Raises:
            KeyError: If there is no such key.
            StorageError: If it is a value that cannot be changed in place.
        """
        self._turns.finish()
        value = require_changeable(key, self[key])
        before = copy.deepcopy(value)
        try:
            yield value
            self._turns.finish()  # what was stored or deleted meanwhile holds
            if self._still_has(key, value):
                self[key] = value
        except BaseException:
            self._restore(key, value, before)
            raise

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

    def __ior__(self: S, other: Any) -> S:  # type: ignore[override]
        self.update(other)
        return self

    def pop(self, key: str, default: Any = ABSENT) -> Any:
        """Remove `key` and return its value, or `default` if there is none."""
        self._turns.finish()
        try:
            value = self[key]
        except KeyError:
            if default is ABSENT:
                raise
            return default
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the last item and return it."""
        self._turns.finish()
        for key in reversed(self):
            return key, self.pop(key)
        raise KeyError("popitem(): the container is empty")

    def clear(self) -> None:
        """Remove everything, also what was never loaded or cannot be read."""
        self._turns.finish()
        self._apply_clear(delete_all(self.database, self._known_keys()))

    def save_unsaved(self) -> None:
        """Try again to bring to the engine what it could not take.

        Raises:
            StorageError: If it still cannot.
        """
        self._turns.finish()
        self._apply_retry(carry_out(self.database, {}, self._left_over({})))

    # ---- Copies and pickles ----

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.database, self._state(dict(super().items())))

    def __deepcopy__(self: S, memo: dict[int, Any]) -> S:
        state = self._state(copy.deepcopy(dict(super().items()), memo))
        return _restored(type(self), self.database, state)

    def _state(self, cached: dict[str, Any]) -> dict[str, Any]:
        return {
            "strict_mode": self.strict_mode,
            "loaded": self._loaded,
            "unsaved": self.unsaved,
            "cached": cached,
        }

    # ---- What may run in a thread ----

    def _fetch(self, key: Any, database: DatabaseInterface) -> tuple[bool, Any]:
        if not isinstance(key, str) or key in self._unsaved:  # it was deleted in memory
            return False, None
        return database.get_value(key)

    # ---- Memory and engine together ----

    def _commit(self, wanted: Mapping[str, Any]) -> None:
        self._turns.finish()
        self._apply_commit(wanted, carry_out(self.database, wanted, self._left_over(wanted)))

    def _is_stored(self, key: Any) -> bool:
        try:
            self.__missing__(key)
        except KeyError:
            return False
        except BrokenRecord:  # it is there; reading it will say what is wrong
            return True
        return True

    def _all_keys(self) -> list[str]:
        self._turns.finish()
        stored = [key for key in self.database.all_keys() if key not in self._unsaved]
        return list(dict.fromkeys([*dict.keys(self), *stored]))

    def _load_rest(self) -> None:
        """Read what is not in memory yet; values in memory, which may have changed, stay."""
        if not self._loaded:
            self._turns.finish()
            self._apply_load(self._read_rest())
            self._loaded = True

    def _read_rest(self) -> dict[str, Any]:
        if not dict.__len__(self):
            return read_all(self.database)
        keys = self.database.all_keys()
        return read_all(self.database, [key for key in keys if not dict.__contains__(self, key)])


def _restored(cls: type[S], database: DatabaseInterface, state: dict[str, Any]) -> S:
    """Make a container that already has values in memory, writing nothing."""
    container = cls(database, state["strict_mode"])
    dict.update(container, state["cached"])
    container._loaded = state["loaded"]
    container._unsaved = dict.fromkeys(state["unsaved"])
    return container
