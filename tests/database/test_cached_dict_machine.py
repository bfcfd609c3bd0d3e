"""Any sequence of operations, reopenings included, leaves what it leaves in a plain dict."""

import asyncio
import copy
import pickle
import shutil
import tempfile
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from moobius.database.cached_dict import CachedDict
from moobius.database.json_database import JSONDatabase
from tests.support.thorough import times

from .hostile import HOSTILE_KEYS
from .test_cached_dict import Waiting

keys = st.sampled_from(["a", "b", "c", *HOSTILE_KEYS]) | st.text(max_size=3)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.dictionaries(st.integers() | st.sampled_from(["_type", "_moobius_type"]), inner)
    ),
    max_leaves=3,
)
few_keys = st.sampled_from("abc")
ABSENT = object()


def outcome(action: Any) -> Any:
    try:
        return action()
    except KeyError:
        return KeyError


class LikeADict(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.model: dict[str, Any] = {}
        self.reopen(loaded=False)

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(loaded=st.booleans())
    def reopen(self, loaded: bool) -> None:
        self.real = CachedDict(JSONDatabase("a.b", root_dir=self.folder), strict_mode=True)
        if loaded:
            self.real.load()

    @rule(how=st.sampled_from([copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))]))
    def duplicate(self, how: Any) -> None:
        self.real = how(self.real)

    @rule(key=keys, value=values)
    def assign(self, key: str, value: Any) -> None:
        self.real[key] = self.model[key] = value

    @rule(key=keys)
    def read(self, key: str) -> None:
        assert outcome(lambda: self.real[key]) == outcome(lambda: self.model[key])
        assert self.real.get(key, ABSENT) == self.model.get(key, ABSENT)

    @rule(key=keys)
    def ask(self, key: str) -> None:
        assert (key in self.real) == (key in self.model)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        assert outcome(lambda: self.real.__delitem__(key)) == outcome(
            lambda: self.model.__delitem__(key)
        )

    @rule(key=keys, default=st.just(()) | st.tuples(values))
    def pop(self, key: str, default: tuple[Any, ...]) -> None:
        assert outcome(lambda: self.real.pop(key, *default)) == outcome(
            lambda: self.model.pop(key, *default)
        )

    @rule()
    def popitem(self) -> None:
        # A dict that was reopened has another order, so the two pop different items.
        popped = outcome(self.real.popitem)
        if popped is KeyError:
            assert not self.model
        else:
            key, value = popped
            assert self.model.pop(key) == value

    @rule(key=keys, value=values)
    def setdefault(self, key: str, value: Any) -> None:
        assert self.real.setdefault(key, value) == self.model.setdefault(key, value)

    @rule(items=st.dictionaries(keys, values, max_size=3))
    def update(self, items: dict[str, Any]) -> None:
        self.real.update(items)
        self.model |= items

    @rule()
    def clear(self) -> None:
        self.real.clear()
        self.model.clear()

    @rule(key=keys)
    def edit(self, key: str) -> None:
        if isinstance(self.model.get(key), list):
            with self.real.edit(key) as value:
                value.append(1)
            if self.model[key] is not value:  # they may share the very list
                self.model[key].append(1)

    @rule()
    def list_keys(self) -> None:
        assert sorted(self.real) == sorted(self.model)
        assert len(self.real) == len(self.model)
        assert bool(self.real) == bool(self.model)

    @rule()
    def look_at_everything(self) -> None:
        assert self.real == self.model
        assert dict(self.real) == self.model

    @invariant()
    def a_later_process_finds_the_same(self) -> None:
        assert CachedDict(JSONDatabase("a.b", root_dir=self.folder)) == self.model


class LikeADictInTrouble(RuleBasedStateMachine):
    """The engine fails now and then; coroutines and others take turns."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Waiting(a=1, b=2)
        self.model: dict[str, Any] = {"a": 1, "b": 2}
        self.real = CachedDict(self.engine)

    @rule(trouble=st.sampled_from(["disk full", OSError("out of reach")]))
    def get_into_trouble(self, trouble: Any) -> None:
        self.engine.trouble = trouble

    @rule()
    def get_out_of_trouble(self) -> None:
        self.engine.trouble = ""

    @rule(loaded=st.booleans())
    def reopen(self, loaded: bool) -> None:
        if not self.real.unsaved:
            self.real = CachedDict(self.engine)
            if loaded:
                self.real.load()

    @rule(key=few_keys, value=st.integers())
    def assign(self, key: str, value: int) -> None:
        self.real[key] = self.model[key] = value

    @rule(key=few_keys)
    def delete(self, key: str) -> None:
        assert outcome(lambda: self.real.pop(key)) == outcome(lambda: self.model.pop(key))

    @rule(items=st.dictionaries(few_keys, st.integers()), late=st.booleans())
    def at_the_same_time(self, items: dict[str, int], late: bool) -> None:
        async def go() -> None:
            storing = asyncio.gather(*(self.real.aset(k, v) for k, v in items.items()))
            await asyncio.sleep(0)
            self.model.update(items)
            if late:
                self.real["a"] = self.model["a"] = "late"
            await storing

        asyncio.run(go())

    @rule(key=few_keys)
    def delete_in_a_coroutine(self, key: str) -> None:
        deleted = outcome(lambda: asyncio.run(self.real.adelete(key)))
        assert (deleted is KeyError) == (self.model.pop(key, ABSENT) is ABSENT)

    @rule(in_coroutine=st.booleans())
    def clear(self, in_coroutine: bool) -> None:
        if in_coroutine:
            asyncio.run(self.real.aclear())
        else:
            self.real.clear()
        self.model.clear()

    @rule()
    def read_anew(self) -> None:
        self.real.reload()

    @invariant()
    def memory_is_right(self) -> None:
        assert dict.keys(self.real) <= self.model.keys()
        assert {key: self.real.get(key, ABSENT) for key in "abc"} == {
            key: self.model.get(key, ABSENT) for key in "abc"
        }
        assert sorted(self.real) == sorted(self.model)

    @invariant()
    def the_engine_is_right_but_for_what_is_listed(self) -> None:
        for key in "abc":
            if key not in self.real.unsaved:
                assert self.engine.content.get(key, ABSENT) == self.model.get(key, ABSENT)


TestLikeADictInTrouble = LikeADictInTrouble.TestCase
TestLikeADictInTrouble.settings = settings(
    max_examples=times(40), stateful_step_count=25, deadline=None
)

TestLikeADict = LikeADict.TestCase
TestLikeADict.settings = settings(max_examples=times(40), stateful_step_count=25, deadline=None)
