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

    Each item is a key that was written or deleted. Or it is None: any key may have changed. That
    comes first, when from now on no change will be missed, and again after a lost connection.
    """

    @abstractmethod
    async def aclose(self) -> None:
        """Let go of the connection. Whoever stops listening calls this."""


class Silence(NamedTuple):
    """A store was out of reach.

    Attributes:
        since: The end of the call that found it so, as `time.monotonic` has it.
        reason: What happened.
    """

    since: float
    reason: str


class Exchanging(Protocol):
    """What an engine offers besides if processes share its store: an edit that undoes nothing.

    `CachedDict.aedit` uses it where it is there.
    """

    def get_to_edit(self, key: str) -> tuple[bool, Any, Any]:
        """Return what `get_value` does, and a mark of that state, which is not None."""

    def prepare_exchange(self, key: str, value: Any, mark: Any) -> Callable[[], tuple[bool, str]]:
        """Do what `prepare_value` does, for a call that stores while the mark still holds.

        Otherwise the call raises `EditConflict`, and stores nothing.
        """


class DatabaseInterface(ABC):
    """A store of values under text keys, on which a `CachedDict` stands.

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
        waits_for: What its calls wait for, as an address. Calls that wait for the same share some
            threads, so that a store that hangs keeps those of no other store waiting.
        silence: When the store was last found to be out of reach, if it ever was. Whoever was
            waiting for it at that time is told so, and the store is not asked again for each.
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
        """Let go of files and connections. Whoever uses the engine again opens them again."""
        return

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return every domain that has records in the place that `settings` mean.

        Nothing is created there. Not every domain can be opened that an older version made.

        Raises:
            StorageError: If this engine cannot tell, or cannot reach the place.
        """
        raise StorageError(f"the storage engine {cls.__name__} cannot list its domains")


# ---- The same for engines that have only the four methods ----


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
    """Let go of what this engine has open."""
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
