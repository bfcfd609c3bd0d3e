"""The engine that stores nothing, like /dev/null."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from moobius.database.database_interface import DatabaseInterface


class NullDatabase(DatabaseInterface):
    """Accepts everything and has nothing: a container on it lives as long as its process."""

    def get_value(self, key: str) -> tuple[bool, Any]:
        """Return False: nothing was kept."""
        return False, f"no record {key!r}: the null engine keeps nothing"

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        """Forget the value at once."""
        return True, ""

    def prepare_value(self, key: str, value: Any) -> Callable[[], tuple[bool, str]]:
        """Return what does nothing: any value will do, also one that cannot be copied."""
        return partial(self.set_value, key, value)

    def delete_key(self, key: str) -> tuple[bool, str]:
        """Do nothing, which is all there is to do."""
        return True, ""

    def all_keys(self) -> Iterable[str]:
        """Return no keys."""
        return []

    @classmethod
    def domains(cls, **settings: Any) -> Iterable[str]:
        """Return no domains."""
        return []

    def __str__(self) -> str:
        return "moobius.NullDatabase()"
