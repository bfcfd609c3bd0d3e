"""Engines by name."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from moobius.database import engines
from moobius.database.engines import get_engine, register_engine
from moobius.database.json_database import JSONDatabase
from moobius.database.null_database import NullDatabase
from moobius.errors import ConfigError


class Mongo(NullDatabase):
    pass


@pytest.fixture(autouse=True)
def same_engines_afterwards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engines, "_engines", dict(engines._engines))
    yield


@pytest.mark.parametrize("name", ["json", "JSON", " json ", "JSONdb", "JSONDatabase"])
def test_the_names_of_json(name: str) -> None:
    assert get_engine(name) is JSONDatabase


@pytest.mark.parametrize("name", ["null", "None", "False", "Nulldb", "NullDatabase", None, False])
@pytest.mark.defect("D76")
def test_the_names_of_null_which_warns(name: Any, logged: list[str]) -> None:
    assert get_engine(name) is NullDatabase
    assert any("nothing will be stored" in line for line in logged)


@pytest.mark.parametrize(
    "name", ["redis", "redi", "RedisDB", "ready", "RedisDatabase", "The Linux one"]
)
def test_the_names_of_redis_say_where_it_comes_from(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The engine's library may be absent whether or not it is installed where the tests run.
    monkeypatch.setitem(sys.modules, "moobius.database.redis_database", None)
    with pytest.raises(ConfigError, match=r"'redis' is not available here .*moobius\[redis\]"):
        get_engine(name)


@pytest.mark.parametrize("name", ["mysql", "", 3, True])
def test_an_unknown_name_is_an_error_that_lists_the_names(name: Any) -> None:
    with pytest.raises(ConfigError, match=r"there are: json, null, redis"):
        get_engine(name)


def test_registering_a_class() -> None:
    register_engine("Mongo", Mongo)
    assert get_engine("mongo") is Mongo
    register_engine("mongo", Mongo)  # a module that is imported twice


def test_registering_as_a_decorator() -> None:
    @register_engine("other")
    class Other(NullDatabase):
        pass

    assert get_engine("OTHER") is Other


def test_registering_a_dotted_path() -> None:
    register_engine("mongo", f"{__name__}.Mongo")
    assert get_engine("mongo") is Mongo


@pytest.mark.parametrize("name", ["json", "RedisDB", " None"])
def test_a_taken_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="another storage engine"):
        register_engine(name, Mongo)


def test_a_class_or_a_dotted_path_may_be_used_at_once() -> None:
    assert get_engine(Mongo) is Mongo
    assert get_engine(f" {__name__}.Mongo ") is Mongo


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("no.such.module.Engine", "not available here"),
        ("moobius.database.json_database.Nothing", "not available here"),
        ("os.system", "no storage engine"),
        (dict, "no storage engine"),
    ],
)
def test_what_is_no_engine_is_refused(wrong: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        get_engine(wrong)
