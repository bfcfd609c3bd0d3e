"""What a container has in memory, and which changes its engine does not have. Calls no engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from loguru import logger

from moobius.database.engine_calls import GONE, Outcome
from moobius.errors import StorageError

ABSENT = object()
"""Stands for a value where there is none."""

# The methods of the dict in memory alone: those of subclasses ask the engine, too.
_is_in_memory = dict.__contains__
_get_memory = dict.get
_set_memory = dict.__setitem__
_drop_memory = dict.pop


class Memory(dict[str, Any]):
    """The part of a `CachedDict` that applies the results of its engine's calls to memory.

    Everything here runs in the thread that uses the container, while calls of the engine may be
    made in other threads. A change that the engine could not store is kept in memory, and loading
    does not replace it with what the engine has.
    """

    def __init__(self, strict_mode: bool = False) -> None:
        """Make an empty container.

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
        """The keys whose last change, which may be a deletion, the engine could not store.

        Memory has these changes. They are tried again with every further write.
        """
        return list(self._unsaved)

    # ---- What was read ----

    def _apply_fetch(self, key: Any, answer: tuple[bool, Any]) -> Any:
        """Put the value that was fetched into memory, and return it."""
        if _is_in_memory(self, key):  # another task fetched it meanwhile, and may have changed it
            return _get_memory(self, key)
        found, value = answer
        if not found:
            raise KeyError(key)
        _set_memory(self, key, value)
        return value

    def _apply_reload(self, key: str, answer: tuple[bool, Any]) -> Any:
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

    def _apply_reload_all(self, values: Mapping[str, Any]) -> None:
        for key in [key for key in dict.keys(self) if key not in values]:
            if key not in self._unsaved:
                _drop_memory(self, key)
        self._apply_load(values)

    def _apply_load(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if key not in self._unsaved:
                _set_memory(self, key, value)

    # ---- What was written ----

    def _apply_commit(self, wanted: Mapping[str, Any], outcome: Outcome) -> None:
        """Make changes in memory that the engine stored; without strict mode, the others, too."""
        done, trouble = outcome
        if self._unsaved:
            self._note_saved(wanted, done)
        if trouble is not None:
            self._note_unsaved(wanted, done, trouble)
        self._change_memory(wanted)

    def _note_unsaved(
        self, wanted: Mapping[str, Any], done: Collection[str], trouble: StorageError
    ) -> None:
        """Remember what the engine could not store; in strict mode, raise instead."""
        if self.strict_mode:
            self._change_memory({key: wanted[key] for key in wanted if key in done})
            raise trouble
        self._unsaved.update(dict.fromkeys(key for key in wanted if key not in done))
        logger.error("{}; memory has the change, and the next write tries again", trouble)

    def _apply_clear(self, result: tuple[Mapping[str, Any], Outcome]) -> None:
        self._apply_commit(*result)
        self._loaded = True

    def _apply_retry(self, outcome: Outcome) -> None:
        self._note_saved({}, outcome.done)
        if outcome.trouble:
            raise outcome.trouble
        if self._unsaved:  # of a kind that is never stored; the log says which
            raise StorageError(f"not stored: {', '.join(map(repr, self._unsaved))}")

    def _note_saved(self, wanted: Mapping[str, Any], done: Collection[str]) -> None:
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
        """Return the changes that the engine could not store, except for the keys in `wanted`."""
        if not self._unsaved:
            return {}
        return {k: _get_memory(self, k, GONE) for k in self._unsaved if k not in wanted}

    def _known_keys(self) -> list[str]:
        """Return the keys that are in memory, and those deleted in memory but not in the engine."""
        return [*dict.keys(self), *self._unsaved]

    # ---- Edits ----

    def _restore(self, key: str, value: Any, before: Any) -> None:
        """Undo an edit in memory: put the value back that was there before, unless it changed."""
        if self._still_has(key, value):
            _set_memory(self, key, before)

    def _still_has(self, key: str, value: Any) -> bool:
        """Tell whether `key` still has this very object: it was neither replaced nor deleted."""
        return _get_memory(self, key, ABSENT) is value
