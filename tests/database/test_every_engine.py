"""What every engine that keeps values must do. A new engine is finished when it passes."""

from __future__ import annotations

import itertools
import pickle
import threading
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from moobius import types
from moobius.database.database_interface import DatabaseInterface, close, read_many
from moobius.errors import UnstorableError

from .conftest import Opener
from .hostile import HOSTILE_KEYS

VALUES = [
    None,
    True,
    0,
    -1.5,
    "",
    "ä 🙂 \ud800 \0",
    b"\x00\xff",
    [],
    (1, (2,)),
    {1, 2},
    pytest.param(frozenset("ab"), id="frozenset"),  # its repr is another in every process
    {},
    {1: "one", None: "none", (1, 2): "pair"},
    {"_moobius_type": "os.system", "_moobius_val": "x"},
    {"key": 1, "_type": "builtins.int"},
    types.Character("id", "Ada"),
    [types.Button("b", "Text", types.Dialog(components=[types.InputComponent("l", "text")]))],
]


@pytest.mark.defect("D81")
def test_a_missing_key_is_no_and_a_reason(database: DatabaseInterface) -> None:
    found, reason = database.get_value("nobody")
    assert not found
    assert "nobody" in reason
    deleted, reason = database.delete_key("nobody")
    assert not deleted
    assert "nobody" in reason
    assert list(database.all_keys()) == []


@pytest.mark.promise("1-29")
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back_with_its_type(open_database: Opener, value: Any) -> None:
    assert open_database().set_value("key", value) == (True, "key")
    found, stored = open_database().get_value("key")
    assert found
    assert type(stored) is type(value)
    assert stored == value


def test_a_value_comes_back_equal_but_not_the_same_object(database: DatabaseInterface) -> None:
    basket = {"apples": [1, 2]}
    database.set_value("basket", basket)
    basket["apples"].append(3)
    assert database.get_value("basket") == (True, {"apples": [1, 2]})


def test_deleting(open_database: Opener) -> None:
    database = open_database()
    database.set_value("key", 1)
    assert database.delete_key("key") == (True, "key")
    assert open_database().get_value("key")[0] is False
    assert list(open_database().all_keys()) == []


@pytest.mark.parametrize("key", HOSTILE_KEYS, ids=ascii)
def test_a_hostile_key_alone(open_database: Opener, key: str) -> None:
    assert open_database().set_value(key, [key]) == (True, key)
    assert open_database().get_value(key) == (True, [key])
    assert list(open_database().all_keys()) == [key]
    open_database().set_value(key, "again")
    assert open_database().get_value(key) == (True, "again")
    assert open_database().delete_key(key) == (True, key)
    assert list(open_database().all_keys()) == []


def test_hostile_keys_together(open_database: Opener) -> None:
    for key in HOSTILE_KEYS:
        assert open_database().get_value(key)[0] is False
        open_database().set_value(key, [key])
    assert sorted(open_database().all_keys()) == sorted(HOSTILE_KEYS)
    for key in HOSTILE_KEYS:
        assert open_database().get_value(key) == (True, [key])
        open_database().delete_key(key)
        assert open_database().get_value(key)[0] is False
    assert list(open_database().all_keys()) == []


def test_domains_are_kept_apart(open_database: Opener) -> None:
    domains = ["", "a", "a.b", "a.B", "a.c", "../../x.y", "a.\0", "x" * 300, "a..b"]
    for domain in domains:
        open_database(domain).set_value("key", domain)
    for domain in domains:
        assert open_database(domain).get_value("key") == (True, domain)
        assert list(open_database(domain).all_keys()) == ["key"]


def test_an_unstorable_value_names_key_and_type_and_leaves_the_old_one(
    database: DatabaseInterface,
) -> None:
    database.set_value("key", "old")
    endless: list[Any] = []
    endless.append(endless)
    for value, named in [(object(), "builtins.object"), ([{"deep": 1j}], "complex")]:
        with pytest.raises(UnstorableError, match=rf"'key'.*{named}"):
            database.set_value("key", value)
    with pytest.raises(UnstorableError, match=r"'key'.*contains itself"):
        database.set_value("key", endless)
    assert database.get_value("key") == (True, "old")


@pytest.mark.parametrize("key", [1, None, b"x", ("a",)])
def test_keys_are_text(database: DatabaseInterface, key: Any) -> None:
    with pytest.raises(TypeError, match=type(key).__name__):
        database.set_value(key, 1)


def test_the_values_of_many_keys(open_database: Opener) -> None:
    database = open_database()
    stored = {key: [key] for key in [*HOSTILE_KEYS, *map(str, range(1500))]}
    for key, value in stored.items():
        database.set_value(key, value)
    assert dict(read_many(open_database())) == stored
    some = ["7", "nobody", "", "a/b", "8"]
    assert dict(read_many(open_database(), iter(some))) == {k: [k] for k in some if k != "nobody"}
    assert list(read_many(database, [])) == []
    assert list(read_many(open_database("another.domain"))) == []


def test_after_closing_it_opens_again(open_database: Opener) -> None:
    database = open_database()
    database.set_value("key", 1)
    for _ in range(2):
        close(database)
        close(database)
        assert database.get_value("key") == (True, 1)
    close(database)
    assert database.set_value("key", 2) == (True, "key")
    assert open_database().get_value("key") == (True, 2)


def test_it_pickles(database: DatabaseInterface) -> None:
    database.set_value("key", 1)
    sent = pickle.loads(pickle.dumps(database))
    assert sent.get_value("key") == (True, 1)
    close(sent)


def test_many_threads_use_one_engine(database: DatabaseInterface) -> None:
    failed: list[BaseException] = []

    def work(me: int) -> None:
        try:
            for turn in range(50):
                assert database.set_value(f"mine {me}", turn) == (True, f"mine {me}")
                assert database.get_value(f"mine {me}") == (True, turn)
                database.set_value("shared", [me] * 100)
                found, value = database.get_value("shared")
                assert found
                assert len(set(value)) == 1
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(me,)) for me in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(database.all_keys()) == [*(f"mine {me}" for me in range(4)), "shared"]


# ---- Any sequence of operations leaves what it leaves in a plain dict ----

_numbers = itertools.count()
keys = st.sampled_from(["a", "b", "A", *HOSTILE_KEYS]) | st.text(max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(st.integers() | st.sampled_from(["_type", "_moobius_type"]), inner)
    ),
    max_leaves=3,
)


class LikeADict(RuleBasedStateMachine):
    def __init__(self, open_database: Opener) -> None:
        super().__init__()
        self.open_database = open_database
        self.domain = f"machine.{next(_numbers)}"
        self.model: dict[str, Any] = {}
        self.real = open_database(self.domain)

    @rule()
    def reopen(self) -> None:
        close(self.real)
        self.real = self.open_database(self.domain)

    @rule()
    def send_to_another_process(self) -> None:
        self.real = pickle.loads(pickle.dumps(self.real))

    @rule(key=keys, value=values)
    def write(self, key: str, value: Any) -> None:
        assert self.real.set_value(key, value) == (True, key)
        self.model[key] = value

    @rule(key=keys)
    def read(self, key: str) -> None:
        found, value = self.real.get_value(key)
        assert found is (key in self.model)
        assert not found or value == self.model[key]

    @rule(key=keys)
    def delete(self, key: str) -> None:
        assert self.real.delete_key(key)[0] is (key in self.model)
        self.model.pop(key, None)

    @rule(some=st.lists(keys, max_size=4, unique=True))
    def read_some(self, some: list[str]) -> None:
        wanted = {key: self.model[key] for key in some if key in self.model}
        assert dict(read_many(self.real, some)) == wanted

    @invariant()
    def a_later_process_finds_the_same(self) -> None:
        found = list(read_many(self.open_database(self.domain)))
        assert dict(found) == self.model
        assert len(found) == len(self.model)
        assert sorted(self.real.all_keys()) == sorted(self.model)


def test_like_a_dict(open_database: Opener) -> None:
    machine: Any = lambda: LikeADict(open_database)  # noqa: E731 - it is typed as a class
    run: Any = run_state_machine_as_test  # without types in the Hypothesis for Python 3.10
    run(machine, settings=settings(max_examples=30, stateful_step_count=25, deadline=None))
