"""What every storage engine offers (sdk.md 1.5.4)."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol

from moobius.config_entries import Kind
from moobius.errors import BrokenRecord, StorageError, UnstorableError


class Watch(AsyncIterator["str | None"]):
    """The changes that others make, for `async for`.

    Each item is a key that was written or deleted, or None, which means that any key may have
    changed. None comes first, when the watch has begun and will miss no change from now on, and
    again after each lost connection.
    """

    @abstractmethod
    async def aclose(self) -> None:
        """Close the connection. Whoever stops listening calls this."""


class Silence(NamedTuple):
    """A time at which a store could not be reached.

    Attributes:
        since: When the call failed that found this out, as `time.monotonic` has it.
        reason: What happened.
    """

    since: float
    reason: str


class Exchanging(Protocol):
    """What an engine may offer in addition if several processes share its store.

    With it, `CachedDict.aedit` never overwrites what another process stored meanwhile.
    """

    def get_to_edit(self, key: str) -> tuple[bool, Any, Any]:
        """Return what `get_value` returns, and a mark of that state, which is not None."""

    def prepare_exchange(self, key: str, value: Any, mark: Any) -> Callable[[], tuple[bool, str]]:
        """Do what `prepare_value` does, for a call that stores only if the state has not changed.

        If it has, the call raises `EditConflict`, and stores nothing.
        """


class DatabaseInterface(ABC):
    """A storage engine: it stores values under text keys for a `CachedDict`.

    To add an engine, implement the four abstract methods, give the class a name with
    `moobius.database.engines.register_engine`, and use that name in the storage configuration.
    The other methods have defaults that build on those four; a class that does not inherit this
    one is used through `read_many`, `may_wait` and `close` below and needs only the four. An engine
    on a store that processes share may be `Exchanging`, too.

    Five things can happen besides success: the engine does not have the key or cannot write
    (answer False and say why), one record cannot be read (raise `BrokenRecord`), the store is out
    of reach (raise `StorageError`; a write may or may not have happened), and a value is of a
    kind that is not stored (raise `UnstorableError`, leaving the old value in place).

    Attributes:
        domain: Keeps the keys of different containers apart.
        known_settings: The settings of the storage configuration that it knows, each with what it
            may be. Others are ignored.
        may_wait: Whether a call may take noticeably long, as over a network. Coroutines then
            call the engine in a thread, so its methods must be safe to call from any thread.
        waits_for: The store that its calls wait for, as an address. Calls to one store share some
            threads, so that a store that hangs does not block calls to other stores.
        silence: When the store was last found to be out of reach, if it ever was. Calls that were
            waiting for their turn at that time fail at once, and do not try the store again.
    """

    known_settings: ClassVar[Mapping[str, Kind]] = {}
    may_wait = False
    waits_for: Hashable = None
    silence: Silence | None = None

    def __init__(self, domain: str = "", **kwargs: Any) -> None:
        """Open the store.

        Args:
            domain: Dot-separated; keeps the keys of different containers apart.
            kwargs: The settings of the storage configuration. Unknown ones are ignored.
        """
        self.domain = domain

    @abstractmethod
    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return `(True, value)`, or `(False, reason)` if there is no such key."""

    @abstractmethod
    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Store a value; return `(True, key)` or `(False, reason)`."""

    @abstractmethod
    def delete_key(self, key: str) -> tuple[bool, str]:
        """Forget a key; return `(True, key)` or `(False, reason)`."""

    @abstractmethod
    def all_keys(self) -> Iterable[str]:
        """Return every key that is stored."""

    # ---- What an engine may do better than the default ----

    def prepare_value(self, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
        """Return the call that stores a value as it is now, and answers as `set_value` does.

        Where `may_wait` is true the call is made in a thread, while the value may change.

        Raises:
            UnstorableError: If the value is of a kind that is not stored.
        """
        try:
            snapshot = copy.deepcopy(value)
        except Exception as error:  # a value's own code raises what it likes
            raise UnstorableError(f"{key!r} not stored: {error}") from error
        return partial(self.set_value, key, snapshot)

    def get_many(self, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
        """Yield the keys that are stored, each with its value as it is at that moment.

        Args:
            keys: Only these; None means all.

        Yields:
            `(key, value)`, or `(key, error)` with a `BrokenRecord` for a record that cannot be
            read: one of them must not keep the others from being loaded.
        """
        for key in self.all_keys() if keys is None else keys:
            try:
                found, value = self.get_value(key)
            except BrokenRecord as error:
                yield key, error
            else:
                if found:
                    yield key, value

    def watch(self) -> Watch:
        """Tell of the changes that other handles on this store make, in this process or another.

        Raises:
            StorageError: If this engine cannot know.
        """
        raise StorageError(
            f"the storage engine {type(self).__name__} does not tell of changes; the engine "
            "'redis' does"
        )

    def close(self) -> None:
        """Close files and connections. The next call of the engine opens them again."""
        return

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return every domain that has records in the place that `settings` mean.

        Nothing is created there. Not every domain can be opened that an older version made.

        Raises:
            StorageError: If this engine cannot tell, or cannot reach the place.
        """
        raise StorageError(f"the storage engine {cls.__name__} cannot list its domains")


# ---- For any engine, also one that has only the four methods ----


def read_many(database: Any, keys: Iterable[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield what `DatabaseInterface.get_many` of this engine does, or would."""
    if hasattr(database, "get_many"):
        yield from database.get_many(keys)
    else:
        yield from DatabaseInterface.get_many(database, keys)


def prepare_value(database: Any, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
    """Return what `DatabaseInterface.prepare_value` of this engine does, or would."""
    if hasattr(database, "prepare_value"):
        call: Callable[[], tuple[bool, str]] = database.prepare_value(key, value)
        return call
    return DatabaseInterface.prepare_value(database, key, value)


def may_wait(database: Any) -> bool:
    """Tell whether a call of this engine may take noticeably long."""
    return bool(getattr(database, "may_wait", False))


def waits_for(database: Any) -> Hashable:
    """Return what the calls of this engine wait for, if it says."""
    place: Hashable = getattr(database, "waits_for", None)
    return place


def close(database: Any) -> None:
    """Close the files and connections of this engine, if it has a `close`."""
    if hasattr(database, "close"):
        database.close()


def require_text(key: Any) -> str:
    """Return `key` if it is text.

    Raises:
        UnstorableError: If it is anything else; turning `1` into `"1"` would not find it again.
    """
    if not isinstance(key, str):
        raise UnstorableError(f"the key {key!r} is of type {type(key).__name__}; keys are strings")
    return key
