"""What a container has in memory, and which of it its engine does not have. Asks no engine."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from loguru import logger

from moobius.database.engine_calls import GONE, Outcome
from moobius.errors import StorageError

ABSENT = object()
"""Stands for a value where there is none."""

# What is in memory, whatever the engine has: subclasses ask the engine, too.
_in_memory = dict.__contains__
_get_memory = dict.get
_set_memory = dict.__setitem__
_drop_memory = dict.pop


class Memory(dict[str, Any]):
    """The half of a `CachedDict` that follows what its engine said.

    Everything here is done where the container is used, while calls of the engine may be made in
    a thread. What the engine could not take is kept, and is not replaced by what the engine has.
    """

    def __init__(self, strict_mode: bool = False) -> None:
        """Have nothing yet.

        Args:
            strict_mode: Raise when the engine cannot write, instead of logging an error and
                keeping the value.
        """
        super().__init__()
        self.strict_mode = strict_mode
        self._loaded = False
        self._unsaved: dict[str, None] = {}  # a set that keeps the order

    @property
    def unsaved(self) -> list[str]:
        """The keys whose last change, a deletion perhaps, the engine could not take.

        Memory has these changes. They are tried again with every further write.
        """
        return list(self._unsaved)

    # ---- What was read ----

    def _found(self, key: Any, answer: tuple[bool, Any]) -> Any:
        """Return the value that was fetched, remembering it."""
        if _in_memory(self, key):  # fetched by somebody else in the meantime, and perhaps changed
            return _get_memory(self, key)
        found, value = answer
        if not found:
            raise KeyError(key)
        _set_memory(self, key, value)
        return value

    def _renewed(self, key: str, answer: tuple[bool, Any]) -> Any:
        found, value = answer
        if self._unsaved.pop(key, ABSENT) is not ABSENT:
            logger.warning(
                "The change of {!r} that was not stored is given up: it is read anew", key
            )
        if not found:
            _drop_memory(self, key, None)
            raise KeyError(key)
        _set_memory(self, key, value)
        return value

    def _all_renewed(self, values: Mapping[str, Any]) -> None:
        for key in [key for key in dict.keys(self) if key not in values]:
            if key not in self._unsaved:
                _drop_memory(self, key)
        self._take_in(values)

    def _take_in(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if key not in self._unsaved:
                _set_memory(self, key, value)

    # ---- What was written ----

    def _committed(self, wanted: Mapping[str, Any], outcome: Outcome) -> None:
        """Let memory follow the engine or, where it failed and may, go ahead of it."""
        done, trouble = outcome
        if self._unsaved:
            self._caught_up(wanted, done)
        if trouble is not None:
            self._kept_apart(wanted, done, trouble)
        self._change_memory(wanted)

    def _kept_apart(
        self, wanted: Mapping[str, Any], done: Collection[str], trouble: StorageError
    ) -> None:
        """Note what the engine could not take; in strict mode, raise, and have what it took."""
        if self.strict_mode:
            self._change_memory({key: wanted[key] for key in wanted if key in done})
            raise trouble
        self._unsaved.update(dict.fromkeys(key for key in wanted if key not in done))
        logger.error("{}; memory has the change, and the next write tries again", trouble)

    def _cleared(self, result: tuple[Mapping[str, Any], Outcome]) -> None:
        self._committed(*result)
        self._loaded = True

    def _retried(self, outcome: Outcome) -> None:
        self._caught_up({}, outcome.done)
        if outcome.trouble:
            raise outcome.trouble
        if self._unsaved:  # of a kind that is never stored; the log says which
            raise StorageError(f"not stored: {', '.join(map(repr, self._unsaved))}")

    def _caught_up(self, wanted: Mapping[str, Any], done: Collection[str]) -> None:
        stored = [key for key in self._unsaved if key in done]
        for key in stored:
            del self._unsaved[key]
        if left_over := [key for key in stored if key not in wanted]:
            logger.info("Brought to the storage engine after all: {}", left_over)

    def _change_memory(self, changes: Mapping[str, Any]) -> None:
        for key, value in changes.items():
            if value is GONE:
                _drop_memory(self, key, None)
            else:
                _set_memory(self, key, value)

    # ---- What is still to be written ----

    def _left_over(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Return the changes that the engine could not take, but for those made again now."""
        if not self._unsaved:
            return {}
        return {k: _get_memory(self, k, GONE) for k in self._unsaved if k not in wanted}

    def _known(self) -> list[str]:
        """Return the keys that memory has or knows to be deleted."""
        return [*dict.keys(self), *self._unsaved]

    # ---- Edits ----

    @contextmanager
    def _restoring(self, key: str, value: Any) -> Iterator[Any]:
        """Give a copy of the value of `key` as it is now, and put it back if the block raises."""
        before = copy.deepcopy(value)
        try:
            yield before
        except BaseException:
            if self._still_has(key, value):
                _set_memory(self, key, before)
            raise

    def _still_has(self, key: str, value: Any) -> bool:
        """Tell whether nobody stored another value under `key` meanwhile, or deleted it."""
        return _get_memory(self, key, ABSENT) is value
