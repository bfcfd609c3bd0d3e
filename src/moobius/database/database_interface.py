"""What every storage engine offers (sdk.md 1.5.4)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from moobius.errors import UnstorableError


class DatabaseInterface(ABC):
    """A store of values under text keys, on which a `CachedDict` stands.

    To add an engine, implement the four methods, give the class a name with
    `moobius.database.engines.register_engine`, and use that name in the storage configuration.

    Three things can happen besides success: the engine does not have the key or cannot write
    (answer False and say why), one record cannot be read (raise `BrokenRecord`), and a value is
    of a kind that is not stored (raise `UnstorableError`, leaving the old value in place).
    """

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


def require_text(key: Any) -> str:
    """Return `key` if it is text.

    Raises:
        UnstorableError: If it is anything else; turning `1` into `"1"` would not find it again.
    """
    if not isinstance(key, str):
        raise UnstorableError(f"the key {key!r} is of type {type(key).__name__}; keys are strings")
    return key
