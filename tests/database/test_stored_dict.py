"""A dict whose every change reaches the engine: everything but the methods for coroutines."""

import copy
import json
import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from moobius import types
from moobius.database.cached_dict import CachedDict
from moobius.database.database_interface import DatabaseInterface
from moobius.database.json_database import JSONDatabase
from moobius.database.null_database import NullDatabase
from moobius.errors import BrokenRecord, StorageError, UnstorableError

from .conftest import Opener

CONTENT: dict[str, Any] = {"a": 1, "b": [2], "c": None}


class Recorder(DatabaseInterface):
    """An engine in memory that counts reads and writes, and refuses writes when told to."""

    def __init__(self, domain: str = "", **kwargs: Any) -> None:
        super().__init__(domain, **kwargs)
        self.content: dict[str, Any] = dict(kwargs)
        self.reads: list[str] = []
        self.writes: list[str] = []
        self.trouble: str | Exception = ""
        self.refused = ""

    def get_value(self, key: str) -> tuple[bool, Any]:
        self.reads.append(key)
        if key not in self.content:
            return False, "no such key"
        return True, copy.deepcopy(self.content[key])

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        self.writes.append(key)
        if isinstance(self.trouble, Exception):
            raise self.trouble
        if self.trouble:
            return False, self.trouble
        if key == self.refused:
            raise UnstorableError(f"{key!r} is refused")
        self.content[key] = copy.deepcopy(value)
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        if isinstance(self.trouble, Exception):
            raise self.trouble
        if self.trouble:
            return False, self.trouble
        return (True, key) if self.content.pop(key, None) else (False, "no such key")

    def all_keys(self) -> Iterable[str]:
        return iter(self.content)


@pytest.fixture(params=[True, False], ids=["loaded", "lazy"])
def stored(request: pytest.FixtureRequest, open_database: Opener) -> CachedDict:
    """A container opened on `CONTENT`, which another container stored."""
    CachedDict(open_database()).update(CONTENT)
    container = CachedDict(open_database())
    if request.param:
        container.load()
    return container


def content_of(open_database: Opener) -> dict[str, Any]:
    """What a process started later finds."""
    database = open_database()
    return {key: database.get_value(key)[1] for key in database.all_keys()}


# ---- Reading ----


def test_it_is_a_dict() -> None:
    container = CachedDict(NullDatabase())
    assert isinstance(container, dict)
    assert container == {}
    assert not container


@pytest.mark.promise("0-33")
@pytest.mark.defect("D66")
def test_reading_agrees_with_the_engine(stored: CachedDict) -> None:
    assert stored
    assert len(stored) == 3
    assert "a" in stored
    assert "z" not in stored
    assert 1 not in stored  # type: ignore[comparison-overlap]
    assert stored["b"] == [2]
    assert stored.get("c", "default") is None
    assert stored.get("z", "default") == "default"
    assert stored.get(None) is None
    with pytest.raises(KeyError, match="z"):
        stored["z"]
    with pytest.raises(KeyError, match="1"):
        stored[1]  # type: ignore[index]


def _keywords(**kwargs: Any) -> dict[str, Any]:
    return kwargs


@pytest.mark.parametrize(
    "look",
    [
        sorted,
        lambda d: sorted(d.keys()),
        lambda d: sorted(d.items(), key=lambda item: item[0]),
        lambda d: sorted(map(repr, d.values())),
        lambda d: sorted([*reversed(d)]),
        len,
        bool,
        dict,
        lambda d: {**d},
        lambda d: d.copy(),
        lambda d: d == CONTENT,
        lambda d: CONTENT == d,  # noqa: SIM300 - as its right side, too
        lambda d: d != CONTENT,
        lambda d: d | {"a": 9},
        lambda d: {"a": 9} | d,
        lambda d: d | d,
        lambda d: dict(zip(d.keys(), d.values(), strict=True)),
        lambda d: json.loads(json.dumps(d.copy())),
        lambda d: [d[key] for key in sorted(d)],
        lambda d: _keywords(**d),
    ],
)
@pytest.mark.defect("D66")
def test_every_look_at_the_whole_is_that_of_a_dict(stored: CachedDict, look: Any) -> None:
    assert look(stored) == look(CONTENT)
    assert type(look(stored)) is type(look(CONTENT))


def test_two_lazy_containers_compare_what_is_stored(open_database: Opener) -> None:
    CachedDict(open_database()).update(CONTENT)
    assert CachedDict(open_database()) == CachedDict(open_database())


def test_keys_may_be_read_and_assigned_while_iterating(stored: CachedDict) -> None:
    for key in stored:
        stored[key] = [stored[key]]
    assert stored == {"a": [1], "b": [[2]], "c": [None]}


@pytest.mark.defect("D65")
def test_reading_never_writes_and_reads_each_value_once() -> None:
    engine = Recorder(**CONTENT)
    container = CachedDict(engine)
    container.load()
    assert sorted(engine.reads) == ["a", "b", "c"]
    for _ in range(3):
        assert container["a"] == 1
        assert dict(container) == CONTENT
    assert len(engine.reads) == 3
    assert engine.writes == []


@pytest.mark.promise("0-37")
def test_a_lazy_container_reads_values_only_when_asked_for() -> None:
    engine = Recorder(**CONTENT)
    container = CachedDict(engine)
    assert len(container) == 3
    assert list(container) == ["a", "b", "c"]
    assert engine.reads == []
    assert container["b"] == [2]
    assert container["b"] == [2]
    assert engine.reads == ["b"]
    assert engine.writes == []


def test_loading_the_rest_keeps_what_was_changed_in_place(open_database: Opener) -> None:
    CachedDict(open_database()).update(CONTENT)
    container = CachedDict(open_database())
    container["b"].append(3)
    assert dict(container.items())["b"] == [2, 3]


def test_the_writes_of_another_process_are_found(open_database: Opener) -> None:
    mine, theirs = CachedDict(open_database()), CachedDict(open_database())
    mine["changed"] = mine["deleted"] = 1
    mine.load()
    theirs["new"] = 1
    theirs["changed"] = 2
    del theirs["deleted"]
    assert "new" in mine
    assert mine["changed"] == 1
    assert mine.reload("changed") == 2
    assert mine["changed"] == 2
    with pytest.raises(KeyError):
        mine.reload("deleted")
    assert "deleted" not in mine


def test_everything_can_be_read_anew(stored: CachedDict, open_database: Opener) -> None:
    theirs = CachedDict(open_database())
    assert stored["a"] == 1
    stored["b"].append("not saved")
    theirs.update({"a": 2, "new": 3})
    del theirs["c"]
    assert stored.reload() is None
    assert dict(stored) == {"a": 2, "b": [2], "new": 3}
    assert stored == content_of(open_database)


def test_fromkeys_gives_a_plain_dict(stored: CachedDict) -> None:
    assert stored.fromkeys("ab", 1) == {"a": 1, "b": 1}
    assert type(CachedDict.fromkeys("ab")) is dict
    assert stored == CONTENT


def test_it_has_every_method_of_a_dict() -> None:
    inherited = {"__getitem__", "__class_getitem__", "__ror__", "__sizeof__", "__getattribute__"}
    of_object = {"__new__", "__lt__", "__le__", "__gt__", "__ge__"}  # dicts have no order
    own = {name for cls in CachedDict.__mro__[:-2] for name in vars(cls)}
    assert {name for name in vars(dict) if name not in own} == inherited | of_object


def test_showing_it_reads_nothing(stored: CachedDict) -> None:
    engine = Recorder(**CONTENT)
    container = CachedDict(engine)
    assert repr(container) == "moobius.CachedDict({}, loaded=False)"
    assert engine.reads == []
    container.load()
    assert str(container) == "moobius.CachedDict({'a': 1, 'b': [2], 'c': None})"


# ---- Writing ----


def _augment(container: CachedDict) -> None:
    container |= {"a": 9, "d": 4}


def _pop_all(container: CachedDict) -> None:
    for key in list(container.keys()):
        container.pop(key)


CHANGES: list[Any] = [
    (lambda d: d.__setitem__("d", 4), {**CONTENT, "d": 4}),
    (lambda d: d.__delitem__("a"), {"b": [2], "c": None}),
    (lambda d: d.update({"a": 9}, d=4), {**CONTENT, "a": 9, "d": 4}),
    (lambda d: d.update([("d", 4)]), {**CONTENT, "d": 4}),
    (_augment, {**CONTENT, "a": 9, "d": 4}),
    (lambda d: d.setdefault("d", 4), {**CONTENT, "d": 4}),
    (lambda d: d.setdefault("a", 4), CONTENT),
    (lambda d: d.setdefault("d"), {**CONTENT, "d": None}),
    (lambda d: d.pop("a"), {"b": [2], "c": None}),
    (lambda d: d.pop("z", None), CONTENT),
    (_pop_all, {}),
    (lambda d: d.clear(), {}),
    (lambda d: (d.popitem(), d.popitem(), d.popitem()), {}),
]


@pytest.mark.parametrize(("change", "expected"), CHANGES)
@pytest.mark.promise("0-33")
@pytest.mark.defect("D67")
def test_every_change_reaches_the_engine(
    stored: CachedDict, open_database: Opener, change: Any, expected: dict[str, Any]
) -> None:
    change(stored)
    assert stored == expected
    assert content_of(open_database) == expected


def test_removing_returns_what_a_dict_returns(stored: CachedDict) -> None:
    assert stored.pop("b") == [2]
    assert stored.pop("b", None) is None
    with pytest.raises(KeyError, match="b"):
        stored.pop("b")
    with pytest.raises(KeyError, match="b"):
        del stored["b"]
    assert stored.setdefault("a", 5) == 1
    assert sorted([stored.popitem(), stored.popitem()], key=lambda item: item[0]) == [
        ("a", 1),
        ("c", None),
    ]
    with pytest.raises(KeyError, match="empty"):
        stored.popitem()


@pytest.mark.promise("0-34")
def test_a_change_in_place_is_kept_by_save(stored: CachedDict, open_database: Opener) -> None:
    stored["b"].append(3)
    assert content_of(open_database)["b"] == [2]
    assert stored.save("b") is None  # type: ignore[func-returns-value]
    assert content_of(open_database)["b"] == [2, 3]
    with pytest.raises(KeyError):
        stored.save("z")


def test_an_edit_is_saved_when_its_block_ends(stored: CachedDict, open_database: Opener) -> None:
    with stored.edit("b") as value:
        value.append(3)
        assert content_of(open_database)["b"] == [2]
    assert content_of(open_database)["b"] == [2, 3]


def test_what_is_assigned_or_deleted_in_an_edit_holds(
    stored: CachedDict, open_database: Opener
) -> None:
    with stored.edit("b") as value:
        value.append(3)
        stored["b"] = [9]
    assert stored["b"] == [9]
    assert content_of(open_database)["b"] == [9]
    with stored.edit("b"):
        del stored["b"]
    assert "b" not in stored
    assert "b" not in content_of(open_database)


def test_an_edit_of_what_cannot_be_changed_in_place_is_refused(stored: CachedDict) -> None:
    stored["text"] = "abc"
    with (
        pytest.raises(StorageError, match=r"'text' is of type str, .* assign"),
        stored.edit("text"),
    ):
        pytest.fail("the block must not begin")
    stored["pair"] = (1, [])
    with stored.edit("pair") as (_, items):
        items.append(2)
    assert stored.reload("pair") == (1, [2])


def test_reading_a_key_anew_says_that_it_gives_up_what_was_not_stored(logged: list[str]) -> None:
    engine = Recorder()
    engine.content["a"] = "old"
    container = CachedDict(engine)
    engine.trouble = "disk full"
    container["a"] = "new"
    logged.clear()
    assert container.reload("a") == "old"
    assert container.unsaved == []
    assert "'a' that was not stored is given up" in "".join(logged)


def test_an_edit_that_fails_changes_nothing(stored: CachedDict, open_database: Opener) -> None:
    def fail_halfway() -> None:
        with stored.edit("b") as value:
            value.append(3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_halfway()
    assert stored["b"] == [2]
    assert content_of(open_database)["b"] == [2]


@pytest.mark.defect("D69")
def test_values_keep_their_types_over_a_restart(open_database: Opener) -> None:
    values: dict[str, Any] = {
        "tuple": (1, {2}),
        "numbers": {1: "one"},
        "person": types.Character("id", "Ada"),
        "buttons": [types.Button("b", "Text", types.Dialog())],
    }
    CachedDict(open_database()).update(values)
    container = CachedDict(open_database())
    container.load()
    assert dict(container) == values
    assert type(container["tuple"]) is tuple


@pytest.mark.parametrize("key", [1, None, 1.5, True, ("a",)])
def test_a_key_that_is_no_text_is_refused(key: Any) -> None:
    container = CachedDict(NullDatabase())
    with pytest.raises(TypeError, match=f"{type(key).__name__}; keys are strings"):
        container[key] = 1
    assert key not in container


# ---- Trouble ----


@pytest.mark.parametrize("strict", [True, False])
def test_an_unstorable_value_is_always_an_error(open_database: Opener, strict: bool) -> None:
    container = CachedDict(open_database(), strict_mode=strict)
    container["a"] = "old"
    with pytest.raises(UnstorableError, match=r"'a'.*builtins\.object"):
        container["a"] = object()
    assert container["a"] == "old"
    assert content_of(open_database) == {"a": "old"}


@pytest.mark.parametrize("trouble", ["disk full", OSError("disk full")])
def test_trouble_of_the_engine_raises_in_strict_mode(trouble: str | Exception) -> None:
    engine = Recorder(a=1)
    container = CachedDict(engine, strict_mode=True)
    container.load()
    engine.trouble = trouble
    with pytest.raises(StorageError, match=r"'a' not stored: disk full"):
        container["a"] = 2
    with pytest.raises(StorageError, match=r"'a' not deleted: disk full"):
        del container["a"]
    assert container == {"a": 1}


@pytest.mark.parametrize("trouble", ["disk full", OSError("disk full")])
def test_trouble_of_the_engine_is_logged_and_memory_goes_on(
    trouble: str | Exception, logged: list[str]
) -> None:
    engine = Recorder(a=1)
    container = CachedDict(engine)
    container.load()
    engine.trouble = trouble
    container["a"] = 2
    assert container["a"] == 2
    assert any("'a' not stored: disk full" in line for line in logged)
    container["new"] = 3
    del container["new"]  # the engine never had it
    assert "new" not in container


def in_trouble(engine: Recorder) -> CachedDict:
    """A lenient container with changes that its engine could not take."""
    container = CachedDict(engine)
    container.load()
    engine.trouble = ConnectionError("out of reach")
    container["a"] = 2
    container["new"] = [3]
    del container["b"]
    return container


@pytest.mark.parametrize("loaded", [True, False])
def test_a_failed_write_never_looks_like_success(logged: list[str], loaded: bool) -> None:
    engine = Recorder(a=1, b=2, c=3)
    container = in_trouble(engine)
    container._loaded = loaded
    assert len(logged) == 3
    assert all("ERROR" in line and "out of reach" in line for line in logged)
    assert container.unsaved == ["a", "new", "b"]
    # Memory has the changes, though the engine still says otherwise.
    assert dict(container) == {"a": 2, "new": [3], "c": 3}
    assert "b" not in container
    assert len(container) == 3
    with pytest.raises(KeyError):
        container["b"]
    with pytest.raises(KeyError):
        del container["b"]
    container.load()
    container.reload()
    assert container == {"a": 2, "new": [3], "c": 3}
    with pytest.raises(StorageError, match="out of reach"):
        container.save_unsaved()
    assert engine.content == {"a": 1, "b": 2, "c": 3}


def test_what_failed_is_stored_with_the_next_write(log: list[str]) -> None:
    engine = Recorder(a=1, b=2, c=3)
    container = in_trouble(engine)
    engine.trouble = ""
    container["new"].append(4)
    container["c"] = 4
    assert engine.content == {"a": 2, "new": [3, 4], "c": 4}
    assert container.unsaved == []
    assert any("after all: ['a', 'new', 'b']" in line for line in log)
    engine.writes.clear()
    container["c"] = 5
    assert engine.writes == ["c"]


def test_what_failed_can_be_stored_overwritten_or_given_up() -> None:
    engine = Recorder(a=1, b=2, c=3)
    container = in_trouble(engine)
    engine.trouble = ""
    container["b"] = "back"
    assert container.unsaved == []
    assert engine.content == {"a": 2, "new": [3], "c": 3, "b": "back"}

    container = in_trouble(engine)
    assert container.reload("a") == 2
    with pytest.raises(KeyError):
        container.reload("z")
    assert container.unsaved == ["new", "b"]
    engine.trouble = ""
    container.save_unsaved()
    assert container.unsaved == []
    assert engine.content == {"a": 2, "new": [3], "c": 3}
    container.save_unsaved()  # nothing is left to do


def test_one_that_became_unstorable_does_not_hold_up_the_others(log: list[str]) -> None:
    engine = Recorder()
    engine.content.update(a=1, b=2)
    container = in_trouble(engine)
    engine.trouble = ""
    engine.refused = "a"
    container["c"] = 1
    assert container.unsaved == ["a"]
    assert engine.content == {"a": 1, "new": [3], "c": 1}
    assert any("'a' is refused" in line for line in log)


def test_clearing_in_trouble() -> None:
    engine = Recorder(a=1, b=2)
    strict = CachedDict(engine, strict_mode=True)
    strict.load()
    engine.trouble = "out of reach"
    with pytest.raises(StorageError, match="out of reach"):
        strict.clear()
    assert strict == {"a": 1, "b": 2}
    lenient = CachedDict(engine)
    lenient.clear()
    assert lenient == {}
    assert lenient.unsaved == ["a", "b"]
    engine.trouble = ""
    lenient["c"] = 3
    assert engine.content == {"c": 3}


def test_a_duplicate_also_knows_what_is_not_stored() -> None:
    engine = Recorder(a=1, b=2)
    twin = copy.deepcopy(in_trouble(engine))
    assert twin.unsaved == ["a", "new", "b"]
    engine.trouble = ""
    twin.save_unsaved()
    assert engine.content == {"a": 2, "new": [3]}


def test_a_broken_record_is_an_error_for_its_key_alone(tmp_path: Path, logged: list[str]) -> None:
    CachedDict(JSONDatabase(root_dir=str(tmp_path))).update(CONTENT)
    (tmp_path / "a.json").write_text("{")
    container = CachedDict(JSONDatabase(root_dir=str(tmp_path)))
    container.load()
    assert any("'a'" in line and "a.json" in line for line in logged)
    assert dict(container) == {"b": [2], "c": None}
    assert "a" in container
    for touch in (container.__getitem__, container.get, container.pop, container.setdefault):
        with pytest.raises(BrokenRecord, match="'a'"):
            touch("a")
    container["a"] = "repaired"
    assert JSONDatabase(root_dir=str(tmp_path)).get_value("a") == (True, "repaired")
    (tmp_path / "b.json").write_text("{")
    other = CachedDict(JSONDatabase(root_dir=str(tmp_path)))
    del other["b"]
    assert sorted(other) == ["a", "c"]
    (tmp_path / "c.json").write_text("{")
    other.clear()
    assert list(tmp_path.iterdir()) == []


# ---- Copies and pickles ----


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, copy.copy, lambda d: pickle.loads(pickle.dumps(d))]
)
def test_a_duplicate_is_another_handle_on_the_same_store(
    stored: CachedDict, open_database: Opener, duplicate: Any
) -> None:
    stored["b"].append("not saved")
    twin = duplicate(stored)
    assert type(twin) is CachedDict
    assert content_of(open_database) == CONTENT  # making it wrote nothing
    assert twin == stored
    twin["d"] = 4
    assert content_of(open_database)["d"] == 4


def test_a_deep_copy_has_values_of_its_own(stored: CachedDict) -> None:
    twin = copy.deepcopy(stored)
    twin["b"].append(3)
    assert stored["b"] == [2]
    assert twin.database is stored.database  # an engine may hold a connection
