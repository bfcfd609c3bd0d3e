"""What a container asks of its engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from moobius.database.database_interface import Silence
from moobius.database.engine_calls import (
    GONE,
    carry_out,
    delete_all,
    delete_found,
    engine_for,
    prepared,
    read_all,
)
from moobius.errors import BrokenRecord, StorageError, UnstorableError

from .test_stored_dict import Recorder


class Broken(Recorder):
    """One of its records cannot be read."""

    def get_value(self, key: str) -> tuple[bool, Any]:
        if key == "broken" and key in self.content:
            raise BrokenRecord("the record 'broken' is unreadable")
        return super().get_value(key)


class Forgetful(Recorder):
    """Says that it cannot delete, without a reason."""

    def delete_key(self, key: str) -> tuple[bool, str]:
        return False, "not today"


def test_a_broken_record_is_said_and_left_out(logged: list[str]) -> None:
    assert read_all(Broken(a=1, broken=2)) == {"a": 1}
    assert read_all(Broken(a=1, b=2), ["b", "c"]) == {"b": 2}
    assert len(logged) == 1
    assert "'broken' is unreadable" in logged[0]


def test_changes_are_carried_out_in_order() -> None:
    engine = Recorder(a=1, b=2)
    outcome = carry_out(engine, {"a": GONE, "c": 3}, {"b": 4})
    assert (list(outcome.done), outcome.trouble) == (["a", "c", "b"], None)
    assert engine.content == {"b": 4, "c": 3}
    assert carry_out(engine, {"nobody": GONE}, {}).done == ["nobody"]  # gone it is


def test_trouble_ends_it_and_names_the_key() -> None:
    class Full(Recorder):
        def set_value(self, key: str, value: Any) -> tuple[bool, str]:
            return super().set_value(key, value) if value else (False, "disk full")

    engine = Full()
    outcome = carry_out(engine, {"a": 1, "b": 0, "c": 1}, {"d": 1})
    assert outcome.done == ["a"]
    assert str(outcome.trouble) == "'b' not stored: disk full"
    assert engine.content == {"a": 1}


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (OSError("disk full"), "'a' not stored: disk full"),
        (StorageError("it says which"), "it says which"),
    ],
)
def test_what_an_engine_raises_is_trouble(raised: Exception, said: str) -> None:
    engine = Recorder()
    engine.trouble = raised
    assert str(carry_out(engine, {"a": 1}, {}).trouble) == said


def test_a_value_that_is_never_stored_is_the_caller_s_mistake(log: list[str]) -> None:
    engine = Recorder()
    engine.refused = "a"
    with pytest.raises(UnstorableError, match="'a' is refused"):
        carry_out(engine, {"a": 1}, {"b": 2})
    assert engine.content == {}
    assert carry_out(engine, {}, {"a": 1, "b": 2}).done == ["b"]
    assert any("'a' is refused" in line for line in log)


def test_what_is_prepared_is_stored_as_it_was(log: list[str]) -> None:
    engine = Recorder(b=2)
    value, never = [1], [threading.Lock()]
    carry = prepared(engine, {"a": value, "b": GONE}, {"c": value, "never": never})
    value.append(2)
    assert engine.writes == []
    assert carry().done == ["a", "b", "c"]
    assert engine.content == {"a": [1], "c": [1]}
    assert any("'never' not stored: cannot pickle" in line for line in log)
    with pytest.raises(UnstorableError, match="'never' not stored: cannot pickle"):
        prepared(engine, {"never": never}, {})


def test_who_waited_while_the_store_was_out_of_reach_is_told_at_once() -> None:
    engine = Recorder(a=1)
    assert engine_for(engine, 1.0) is engine
    engine.silence = Silence(2.0, "the line is dead")
    assert engine_for(engine, 3.0) is engine
    away = engine_for(engine, 1.0)
    outcome = prepared(away, {"a": 2}, {})()
    assert (outcome.done, str(outcome.trouble)) == ([], "'a' not stored: the line is dead")
    assert str(carry_out(away, {"a": GONE}, {}).trouble) == "'a' not deleted: the line is dead"
    with pytest.raises(UnstorableError, match="'a' not stored: cannot pickle"):
        prepared(away, {"a": threading.Lock()}, {})
    for call in (read_all, lambda away: delete_all(away, []), lambda away: away.get_value("a")):
        with pytest.raises(StorageError, match="the line is dead"):
            call(away)
    assert (engine.content, engine.reads, engine.writes) == ({"a": 1}, [], [])


@pytest.mark.parametrize("key", ["a", "broken"])
def test_what_an_engine_does_not_delete_is_trouble_if_it_has_it(key: str) -> None:
    class Both(Forgetful, Broken):
        pass

    outcome = carry_out(Both(a=1, broken=1), {key: GONE}, {})
    assert str(outcome.trouble) == f"'{key}' not deleted: not today"
    assert carry_out(Both(), {key: GONE}, {}).trouble is None


def test_deleting_what_only_the_engine_knows() -> None:
    engine = Broken(a=1, broken=1)
    for key in ("a", "broken"):
        assert delete_found(engine, key, {"left": 1}).done == [key, "left"]
    with pytest.raises(KeyError, match="a"):
        delete_found(engine, "a", {})
    assert engine.content == {"left": 1}


def test_deleting_everything() -> None:
    class Lazy(Recorder):
        def all_keys(self) -> Iterator[str]:
            yield from list(self.content)

    engine = Lazy(a=1, b=2)
    wanted, outcome = delete_all(engine, ["a", "only in memory"])
    assert wanted == dict.fromkeys(["a", "only in memory", "b"], GONE)
    assert set(outcome.done) == wanted.keys()
    assert engine.content == {}
