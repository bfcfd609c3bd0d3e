"""The calls that a container makes to its engine.

They do not touch the container's memory, and so may be made in threads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

from loguru import logger

from moobius.database.database_interface import (
    DatabaseInterface,
    Exchanging,
    Silence,
    prepare_value,
    read_many,
)
from moobius.errors import BrokenRecord, EditConflict, StorageError, UnstorableError

GONE = object()
"""The value of a key that is to be deleted."""


class Outcome(NamedTuple):
    """The result of storing some changes."""

    done: Collection[str]
    """The keys whose change is stored."""
    trouble: StorageError | None = None
    """Why the others are not stored."""


def read_all(database: DatabaseInterface, keys: Iterable[str] | None = None) -> dict[str, Any]:
    """Return what is stored; a record that cannot be read is logged and left out.

    Args:
        database: The engine.
        keys: Only these; None means all.
    """
    return dict(readable(database, keys))


def readable(
    database: DatabaseInterface, keys: Iterable[str] | None = None
) -> Iterator[tuple[str, Any]]:
    """Yield the keys that are stored, each with its value; see `read_all`."""
    for key, value in read_many(database, keys):
        if isinstance(value, BrokenRecord):
            logger.error("Left out of its container: {}", value)
        else:
            yield key, value


@dataclass(frozen=True)
class Frozen:
    """A value as it was at some moment.

    Attributes:
        store: The engine's call that stores it.
    """

    store: Callable[[], tuple[bool, str]]


@dataclass(frozen=True)
class Edited:
    """A value that may replace only what was there when its edit began.

    Attributes:
        mark: What `get_to_edit` of the engine gave then.
    """

    value: Any
    mark: Any


def prepared(
    database: DatabaseInterface, wanted: Mapping[str, Any], left_over: Mapping[str, Any]
) -> Callable[[], Outcome]:
    """Return the call that carries out changes with their values as they are now.

    Raises:
        UnstorableError: If a wanted value is of a kind that is not stored.
    """
    frozen = {key: _frozen(database, key, value) for key, value in wanted.items()}
    return partial(carry_out, database, frozen, freeze_left_over(database, left_over))


def freeze_left_over(database: DatabaseInterface, left_over: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes with their values as they are now, without those that cannot be stored."""
    frozen = {}
    for key, value in left_over.items():
        try:
            frozen[key] = _frozen(database, key, value)
        except UnstorableError as error:  # changed in place since; go on with the others
            logger.error("{}", error)
    return frozen


def _frozen(database: DatabaseInterface, key: str, value: Any) -> Any:
    if value is GONE:
        return GONE
    if isinstance(value, Edited):
        engine = cast(Exchanging, database)  # the mark is its own
        return Frozen(engine.prepare_exchange(key, value.value, value.mark))
    return Frozen(prepare_value(database, key, value))


def carry_out(
    database: DatabaseInterface, wanted: Mapping[str, Any], left_over: Mapping[str, Any]
) -> Outcome:
    """Store changes in the engine, up to the first that it cannot store.

    Args:
        database: The engine.
        wanted: Key -> new value, or `GONE`. A value may be `Frozen`.
        left_over: Changes that it could not store earlier; tried last.

    Raises:
        UnstorableError: If a wanted value is of a kind that is not stored.
    """
    done: list[str] = []
    try:
        for key, value in wanted.items():
            _change(database, key, value)
            done.append(key)
        for key, value in left_over.items():
            try:
                _change(database, key, value)
            except UnstorableError as error:  # changed in place since; go on with the others
                logger.error("{}", error)
            else:
                done.append(key)
    except (UnstorableError, EditConflict):
        raise
    except StorageError as error:
        return Outcome(done, error)
    return Outcome(done)


def delete_found(database: DatabaseInterface, key: str, left_over: Mapping[str, Any]) -> Outcome:
    """Delete a key that is not in memory; see `carry_out`.

    Raises:
        KeyError: If the engine does not have it either.
    """
    if not _is_there(database, key):
        raise KeyError(key)
    return carry_out(database, {key: GONE}, left_over)


def delete_all(database: DatabaseInterface, known: Iterable[str]) -> tuple[dict[str, Any], Outcome]:
    """Delete all keys of memory and engine; return these changes and their outcome."""
    wanted = dict.fromkeys([*known, *database.all_keys()], GONE)
    return wanted, carry_out(database, wanted, {})


class OutOfReach(DatabaseInterface):
    """Takes the place of an engine whose store cannot be reached: each call fails at once."""

    def __init__(self, database: DatabaseInterface, reason: str) -> None:
        super().__init__()
        self._database = database
        self._reason = reason

    def prepare_value(self, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
        """Return a call that fails."""
        prepare_value(self._database, key, value)  # a value that is never stored is an error still
        return partial(self.set_value, key, value)

    def prepare_exchange(self, key: str, value: Any, mark: Any) -> Callable[[], tuple[bool, str]]:
        """Return a call that fails."""
        return self.prepare_value(key, value)

    def get_to_edit(self, key: str) -> tuple[bool, Any, Any]:
        """Raise `StorageError`."""
        return (*self.get_value(key), None)

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Raise `StorageError`."""
        raise StorageError(f"{key!r} not stored: {self._reason}")

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Raise `StorageError`."""
        raise StorageError(f"{key!r} not deleted: {self._reason}")

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Raise `StorageError`."""
        raise StorageError(f"{key!r} not read: {self._reason}")

    def all_keys(self) -> Iterable[str]:
        """Raise `StorageError`."""
        raise StorageError(f"the keys are not read: {self._reason}")


def engine_for(database: DatabaseInterface, asked: float) -> DatabaseInterface:
    """Return the engine, unless it was found out of reach while a call waited for its turn.

    Args:
        database: The engine.
        asked: Since when the call waits, as `time.monotonic` has it.
    """
    silence: Silence | None = getattr(database, "silence", None)
    if silence is None or silence.since < asked:
        return database
    return OutOfReach(database, silence.reason)


def _change(database: DatabaseInterface, key: str, value: Any) -> None:
    """Write or delete.

    Raises:
        UnstorableError: If the value is of a kind that is not stored.
        StorageError: If the engine failed; naming the key.
    """
    try:
        if isinstance(value, Frozen):
            worked, answer = value.store()
        elif value is not GONE:
            worked, answer = database.set_value(key, value)
        else:
            worked, answer = database.delete_key(key)
            worked = worked or not _is_there(database, key)
    except StorageError:
        raise
    except Exception as error:  # an engine's library raises what it likes
        raise StorageError(f"{_failed(key, value)}: {error}") from error
    if not worked:
        raise StorageError(f"{_failed(key, value)}: {answer}")


def _failed(key: str, value: Any) -> str:
    return f"{key!r} not {'deleted' if value is GONE else 'stored'}"


def _is_there(database: DatabaseInterface, key: str) -> bool:
    try:
        return database.get_value(key)[0]
    except BrokenRecord:
        return True
