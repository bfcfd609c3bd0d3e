"""Edits of values in place: which values can be edited, and the state of an edit. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moobius.errors import StorageError

_FIXED = frozenset({type(None), bool, int, float, complex, str, bytes})


@dataclass
class Edit:
    """An edit under way.

    Attributes:
        value: What the block changes.
        before: A copy of it, as it was when the edit began.
        mark: The engine's mark of that state; see `Exchanging`.
        has_conflict: Whether the value was changed elsewhere meanwhile.
        is_saved: Whether memory and engine have the new value.
    """

    value: Any
    before: Any
    mark: Any
    has_conflict: bool = False
    is_saved: bool = False


def require_changeable(key: str, value: Any) -> Any:
    """Return `value` if something in it can be changed.

    Raises:
        StorageError: If it is text, a number or the like: an edit could not change it.
    """
    if _is_fixed(value):
        raise StorageError(
            f"the value of {key!r} is of type {type(value).__name__}, which cannot be changed in "
            f"place, so an edit would keep nothing; assign the new value: [{key!r}] = ..."
        )
    return value


def changed_elsewhere(key: str) -> str:
    """Return what an `EditConflict` says."""
    return f"{key!r} was changed elsewhere while it was edited; nothing is stored, edit it again"


def _is_fixed(value: Any) -> bool:
    if isinstance(value, (tuple, frozenset)):  # a list in it may be changed
        return all(map(_is_fixed, value))
    return type(value) in _FIXED
