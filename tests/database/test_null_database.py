"""The engine that stores nothing."""

import threading

import pytest

from moobius.database.cached_dict import CachedDict
from moobius.database.magical_storage import MagicalStorage
from moobius.database.null_database import NullDatabase

from .hostile import HOSTILE_KEYS


def test_it_accepts_everything_and_has_nothing() -> None:
    database = NullDatabase("any.domain", root_dir="ignored")
    assert database.set_value("key", object()) == (True, "")
    assert database.get_value("key")[0] is False
    assert list(database.all_keys()) == []
    assert database.delete_key("key") == (True, "")
    assert str(database) == "moobius.NullDatabase()"


@pytest.mark.promise("0-41")
def test_any_key_is_forgotten_at_once() -> None:
    database = NullDatabase("any.domain")
    for key in HOSTILE_KEYS:
        assert database.set_value(key, [key])[0] is True
        assert database.get_value(key)[0] is False
    assert list(database.get_many()) == list(database.get_many(HOSTILE_KEYS)) == []
    assert list(NullDatabase.domains(root_dir="ignored")) == []
    assert database.may_wait is False
    database.close()


@pytest.mark.defect("D82")
def test_a_container_on_it_is_a_dict_in_memory(logged: list[str]) -> None:
    container = CachedDict(NullDatabase())
    container.load()
    assert "key" not in container
    container["key"] = "the secret"
    container.save("key")
    assert container.pop("key") == "the secret"
    assert container.get("key") is None
    assert not container
    assert not logged


def test_a_container_on_it_takes_any_value(logged: list[str]) -> None:
    storage = MagicalStorage()
    storage.put("memory")
    lock = threading.Lock()  # which can neither be written nor copied
    storage.memory = {"lock": lock}
    storage.memory["again"] = lock
    assert storage.memory == {"lock": lock, "again": lock}
    assert not logged
