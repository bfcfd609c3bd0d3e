"""Memory follows what the engine said, and keeps what the engine could not take."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.database.engine_calls import GONE, Outcome
from moobius.database.memory import Memory
from moobius.errors import StorageError

TROUBLE = StorageError("'b' not stored: disk full")


@pytest.fixture
def memory() -> Memory:
    """Memory of which the engine has everything but `b`, which it has otherwise, and `c`."""
    memory = Memory()
    memory._apply_commit({"a": 1}, Outcome(["a"]))
    memory._apply_commit({"b": 2}, Outcome([], TROUBLE))
    memory._apply_commit({"c": GONE}, Outcome([], TROUBLE))
    return memory


def test_what_the_engine_could_not_take_is_kept_and_listed(memory: Memory) -> None:
    assert memory == {"a": 1, "b": 2}
    assert memory.unsaved == ["b", "c"]
    assert memory._known_keys() == ["a", "b", "b", "c"]
    assert memory._left_over({}) == {"b": 2, "c": GONE}
    assert memory._left_over({"b": 3}) == {"c": GONE}


def test_strict_memory_has_what_the_engine_has() -> None:
    memory = Memory(strict_mode=True)
    memory._apply_commit({"a": 1, "b": 1}, Outcome(["a", "b"]))
    with pytest.raises(StorageError, match="disk full"):
        memory._apply_commit({"a": GONE, "b": 2}, Outcome(["a"], TROUBLE))
    assert memory == {"b": 1}
    assert memory.unsaved == []


def test_what_is_taken_later_is_no_longer_listed(memory: Memory) -> None:
    memory._apply_commit({"d": 4}, Outcome(["d", "c"], TROUBLE))
    assert memory == {"a": 1, "b": 2, "d": 4}
    assert memory.unsaved == ["b"]
    with pytest.raises(StorageError, match="disk full"):
        memory._apply_retry(Outcome([], TROUBLE))
    with pytest.raises(StorageError, match="not stored: 'b'"):
        memory._apply_retry(Outcome([]))
    memory._apply_retry(Outcome(["b"]))
    assert memory.unsaved == []


def test_reading_everything_leaves_what_is_not_stored(memory: Memory) -> None:
    memory._apply_reload_all({"b": "old", "c": "old", "new": 3})
    assert memory == {"b": 2, "new": 3}
    memory._apply_load({"b": "old", "c": "old", "new": 4})
    assert memory == {"b": 2, "new": 4}


def test_reading_one_key_gives_up_what_is_not_stored(memory: Memory, logged: list[str]) -> None:
    assert memory._apply_reload("b", (True, "old")) == "old"
    assert memory.unsaved == ["c"]
    assert "'b' that was not stored is given up" in "".join(logged)
    with pytest.raises(KeyError, match="a"):
        memory._apply_reload("a", (False, "no such key"))
    assert memory == {"b": "old"}


def test_what_was_fetched_does_not_replace_what_came_meanwhile(memory: Memory) -> None:
    assert memory._apply_fetch("a", (True, "fetched")) == 1
    assert memory._apply_fetch("new", (True, "fetched")) == "fetched"
    with pytest.raises(KeyError, match="z"):
        memory._apply_fetch("z", (False, "no such key"))
    assert memory == {"a": 1, "b": 2, "new": "fetched"}


@pytest.mark.parametrize(("meanwhile", "after"), [(None, [1]), ([9], [9]), (GONE, None)])
def test_what_is_restored_is_the_value_before_unless_another_was_stored_since(
    meanwhile: Any, after: Any
) -> None:
    memory = Memory()
    value = [1, 2]
    memory._apply_load({"a": value})
    if meanwhile is not None:
        memory._change_memory({"a": meanwhile})
    memory._restore("a", value, [1])
    assert memory.get("a") == after
