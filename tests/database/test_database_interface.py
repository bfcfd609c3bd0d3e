"""What every engine that keeps values must do."""

from typing import Any

import pytest

from moobius import types
from moobius.database.database_interface import DatabaseInterface
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
    frozenset("ab"),
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
