"""What a container asks of its engine. Nothing here touches memory, so a thread may do it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from loguru import logger

from moobius.database.database_interface import DatabaseInterface, read_many
from moobius.errors import BrokenRecord, StorageError, UnstorableError

GONE = object()
"""The value of a key that is to be deleted."""


class Outcome(NamedTuple):
    """What became of some changes."""

    done: Collection[str]
    """The keys whose change the engine has."""
    trouble: StorageError | None = None
    """Why it does not have the others."""


def read_all(database: DatabaseInterface, keys: Iterable[str] | None = None) -> dict[str, Any]:
    """Return what the engine has; a record that cannot be read is logged and left out.

    Args:
        database: The engine.
        keys: Only these; None means all.
    """
    values: dict[str, Any] = {}
    for key, value in read_many(database, keys):
        if isinstance(value, BrokenRecord):
            logger.error("Left out of its container: {}", value)
        else:
            values[key] = value
    return values


def carry_out(
    database: DatabaseInterface, wanted: Mapping[str, Any], left_over: Mapping[str, Any]
) -> Outcome:
    """Bring changes to the engine, up to the first that it cannot take.

    Args:
        database: The engine.
        wanted: Key -> new value, or `GONE`.
        left_over: The same for what could not be brought to it earlier; tried last.

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
            except UnstorableError as error:  # changed in place since; the others still have a go
                logger.error("{}", error)
            else:
                done.append(key)
    except UnstorableError:
        raise
    except StorageError as error:
        return Outcome(done, error)
    return Outcome(done)


def delete_found(database: DatabaseInterface, key: str, left_over: Mapping[str, Any]) -> Outcome:
    """Delete a key of which only the engine can know; see `carry_out`.

    Raises:
        KeyError: If it does not know it.
    """
    if not _is_there(database, key):
        raise KeyError(key)
    return carry_out(database, {key: GONE}, left_over)


def delete_all(database: DatabaseInterface, known: Iterable[str]) -> tuple[dict[str, Any], Outcome]:
    """Delete the keys of memory and engine; return what was wanted, and what became of it."""
    wanted = dict.fromkeys([*known, *database.all_keys()], GONE)
    return wanted, carry_out(database, wanted, {})


def _change(database: DatabaseInterface, key: str, value: Any) -> None:
    """Write or delete.

    Raises:
        UnstorableError: If the value is of a kind that is not stored.
        StorageError: If the engine failed; naming the key.
    """
    try:
        if value is not GONE:
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
