"""What an entry of the storage configuration may say."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from moobius import MoobiusStorage
from moobius.config_entries import (
    ENTRY,
    OBJECT,
    PATIENCE,
    PLACE,
    SECONDS,
    SWITCH,
    TEXT,
    Kind,
    check_entries,
    check_kinds,
    or_nothing,
)
from moobius.errors import ConfigError


@pytest.mark.parametrize(
    ("kind", "fitting", "others"),
    [
        (SWITCH, [True, False], ["false", "true", 0, 1, None, []]),
        (TEXT, ["", "a"], [None, 1, b"a", Path("a")]),
        (PLACE, ["", "a", Path("a")], [None, 1, b"a"]),
        (SECONDS, [1, 0.5], [0, -1, True, "1", None, float("nan"), float("inf")]),
        (PATIENCE, [0, 1.5], [-1, False, "0", float("inf")]),
        (OBJECT, [{}, {"a": 1}], [None, [], "a"]),
        (or_nothing(SECONDS), [None, 1], [0, "1"]),
    ],
)
def test_kinds(kind: Kind, fitting: list[Any], others: list[Any]) -> None:
    assert [value for value in fitting if not kind.fits(value)] == []
    assert [value for value in others if kind.fits(value)] == []


def test_what_does_not_fit_is_said() -> None:
    check_kinds("here", {"fsync": True, "unknown": object()}, {"fsync": SWITCH})
    with pytest.raises(ConfigError, match=r"^here: 'fsync' is 'false'; it must be true or false$"):
        check_kinds("here", {"fsync": "false"}, {"fsync": SWITCH})


def test_the_keys_of_an_entry_are_what_a_storage_takes() -> None:
    assert [*ENTRY] == [*inspect.signature(MoobiusStorage.add_container).parameters][1:]


GOOD = {"implementation": "json", "name": "a"}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"clear": "false"}, r"'clear' is 'false'; it must be true or false"),
        ({"load": 0}, r"'load' is 0; it must be true or false"),
        ({"strict": "no"}, r"'strict' is 'no'; it must be true or false, or null"),
        ({"name": 5}, r"'name' is 5; it must be text"),
        ({"settings": "hunter2"}, r"'settings' is a str; it must be an object, or null"),
        ({"lod": True}, "has 'lod'; known are implementation, "),
    ],
)
def test_a_wrong_entry_is_named_with_its_key(entry: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=f"^entry 1 of db.json:? {said}") as raised:
        check_entries([GOOD, {**GOOD, "name": "b", **entry}], "db.json")
    assert "hunter2" not in str(raised.value)


def test_entries_that_are_right() -> None:
    check_entries([])
    switches = {"load": False, "clear": True, "strict": None, "settings": None}
    check_entries([GOOD, {**GOOD, "name": "b", **switches}])


def test_two_entries_cannot_have_one_name() -> None:
    with pytest.raises(ConfigError, match=r"entry 1 of .* has the name 'a', and so has entry 0"):
        check_entries([GOOD, GOOD])
