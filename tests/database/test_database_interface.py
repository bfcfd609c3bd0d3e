"""What the interface does for engines that have only the four methods. (The engines themselves:
`test_every_engine.py`.)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from moobius.database.database_interface import (
    DatabaseInterface,
    close,
    may_wait,
    read_many,
    require_text,
)
from moobius.errors import BrokenRecord, StorageError, UnstorableError


class Shelf:
    """Four methods, inheriting nothing."""

    def __init__(self, domain: str = "", **kwargs: Any) -> None:
        self.records: dict[str, Any] = {"a": 1, "broken": None, "b": 2}

    def get_value(self, key: str) -> tuple[bool, Any]:
        if key == "broken":
            raise BrokenRecord("it is broken")
        return (True, self.records[key]) if key in self.records else (False, "no such key")

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        self.records[key] = value
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        return (True, key) if self.records.pop(key, None) else (False, "no such key")

    def all_keys(self) -> Iterable[str]:
        return list(self.records)


class Heir(Shelf, DatabaseInterface):
    """The same, inheriting the rest."""


@pytest.mark.promise("0-35", "1-37")
@pytest.mark.parametrize("engine", [Shelf, Heir])
def test_many_are_read_one_by_one_where_the_engine_knows_no_better(engine: type[Any]) -> None:
    everything = dict(read_many(engine()))
    assert (everything.pop("a"), everything.pop("b")) == (1, 2)
    assert isinstance(everything["broken"], BrokenRecord)
    assert dict(read_many(engine(), ["b", "nobody"])) == {"b": 2}


@pytest.mark.parametrize("engine", [Shelf, Heir])
def test_an_engine_is_quick_and_has_nothing_to_close_unless_it_says_so(engine: type[Any]) -> None:
    assert may_wait(engine()) is False
    close(engine())


def test_what_an_engine_does_itself_is_used() -> None:
    class Own(Shelf):
        may_wait = True
        is_open = True

        def get_many(self, keys: Iterable[str] | None = None) -> Iterable[tuple[str, Any]]:
            return [("own", keys)]

        def close(self) -> None:
            self.is_open = False

    own = Own()
    assert may_wait(own) is True
    assert list(read_many(own, ["x"])) == [("own", ["x"])]
    close(own)
    assert not own.is_open


def test_what_an_engine_cannot_do_it_says() -> None:
    with pytest.raises(StorageError, match="Heir does not tell of changes"):
        Heir().watch()
    with pytest.raises(StorageError, match="Heir cannot list its domains"):
        Heir.domains()


@pytest.mark.parametrize("key", [1, None, b"x", ("a",)])
def test_keys_are_text(key: Any) -> None:
    assert require_text("key") == "key"
    with pytest.raises(UnstorableError, match=f"{type(key).__name__}; keys are strings"):
        require_text(key)
