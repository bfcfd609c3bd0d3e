"""Which stores and containers a person means."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius import MoobiusStorage
from moobius.database.null_database import NullDatabase
from moobius.errors import ConfigError, MissingFile, StorageError
from moobius.storage_cli.stores import (
    Container,
    Store,
    containers_of,
    find,
    find_or_new,
    find_stores,
    read_settings,
    with_place,
)
from tests.database.hostile import HOSTILE_KEYS


def options(**given: Any) -> argparse.Namespace:
    absent: dict[str, Any] = {"config": None, "engine": None, "root_dir": None, "setting": []}
    return argparse.Namespace(**{**absent, **given})


def places(stores: list[Store]) -> list[str]:
    return [container.place for container in containers_of(stores)]


def test_the_configuration_of_the_project_says_which(project: Path) -> None:
    (store,) = find_stores(options())
    assert store == Store("json", {"root_dir": "data"}, frozenset({"scores", "box"}))
    assert places([store]) == ["s/one/box", "s/one/scores", "s/two/box"]


@pytest.mark.parametrize("inline", [True, False])
def test_the_configuration_may_name_the_file_that_does(project: Path, inline: bool) -> None:
    file = project / "config/db.json"
    entries = json.loads(file.read_text("utf-8"))
    entries[0]["settings"] = {"root_dir": "elsewhere"}
    (project / "config/other.json").write_text(json.dumps(entries), "utf-8")
    whole = {"db_config": entries if inline else "other.json"}
    (project / "config/config.json").write_text(json.dumps(whole), "utf-8")
    file.unlink()
    assert [store.settings for store in find_stores(options())] == [
        {"root_dir": "elsewhere"},
        {"root_dir": "data"},
    ]


def test_only_the_containers_of_the_configuration_are_meant(project: Path) -> None:
    one = [{"implementation": "json", "name": "scores", "settings": {"root_dir": "data"}}]
    (project / "one.json").write_text(json.dumps(one), "utf-8")
    assert places(find_stores(options(config=Path("one.json")))) == ["s/one/scores"]


def test_an_engine_with_its_settings_is_everything_it_has(project: Path) -> None:
    stores = find_stores(options(engine="JSON", root_dir="data", setting=["fsync=true"]))
    assert stores == [Store("JSON", {"root_dir": "data", "fsync": True})]
    assert len(places(stores)) == 3


def test_settings_are_json_where_they_can_be() -> None:
    assert read_settings(["port=1", "url=redis://a:b=c@d/", "tls=true", "host="]) == {
        "port": 1, "url": "redis://a:b=c@d/", "tls": True, "host": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"root_dir": "data"}, "say which engine"),
        ({"setting": ["a=b"]}, "say which engine"),
        ({"engine": "json", "config": Path("x")}, "exclude each other"),
        ({"engine": "json", "setting": ["root_dir"]}, "NAME=VALUE"),
        ({"config": Path("nope.json")}, "no file nope.json"),
        ({}, r"no config/db.json or config/config.json here; .*--engine NAME"),
    ],
)
def test_what_is_not_clear_is_said(in_folder: Path, given: Any, said: str) -> None:
    with pytest.raises((ConfigError, MissingFile), match=said):
        find_stores(options(**given))


@pytest.mark.parametrize(
    ("content", "said"),
    [("[]", "lists no containers"), ('[{"name": "x"}]', "no 'implementation'"), ("{", "not valid")],
)
def test_a_wrong_configuration_is_said(in_folder: Path, content: str, said: str) -> None:
    (in_folder / "db.json").write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=said):
        find_stores(options(config=Path("db.json")))


def test_the_end_of_a_name_will_do_if_it_is_the_only_one(project: Path) -> None:
    there = containers_of(find_stores(options()))
    assert find(there, "scores").place == "s/one/scores"
    assert find(there, "two/box").place == "s/two/box"
    assert find(there, "s/one/box").place == "s/one/box"
    assert find(there, "service_s.channel_one.box").place == "s/one/box"
    with pytest.raises(ConfigError, match="'box' may be s/one/box, s/two/box; say which"):
        find(there, "box")
    with pytest.raises(ConfigError, match="no container 'ox'; there are: s/one/box, "):
        find(there, "ox")
    with pytest.raises(ConfigError, match="there are: none"):
        find([], "box")


def test_a_whole_name_may_be_new(project: Path) -> None:
    stores = find_stores(options())
    assert find_or_new(stores, "scores").place == "s/one/scores"
    assert find_or_new(stores, "new/x/box").domain == "service_new.channel_x.box"
    with pytest.raises(ConfigError, match="no container 'nope'; it has box, scores"):
        find_or_new(stores, "s/one/nope")


@pytest.mark.parametrize("service", HOSTILE_KEYS)
def test_any_ids_can_be_named(tmp_path: Path, service: str) -> None:
    store = Store("sqlite", {"root_dir": str(tmp_path)})
    entry = {"implementation": "sqlite", "name": "box", "settings": store.settings}
    MoobiusStorage(service, "channel", [entry]).box["key"] = 1
    (container,) = containers_of([store])
    assert container.name == "box"
    assert find([container], container.place) is container
    assert find_or_new([store], container.place) == container
    with container.opened() as database:
        assert database.get_value("key") == (True, 1)


class Closing(NullDatabase):
    closed: ClassVar[list[str]] = []

    def close(self) -> None:
        self.closed.append(self.domain)


def test_what_was_opened_is_closed_whatever_happens() -> None:
    container = Container(Store(f"{__name__}.Closing", {}), "a.b")
    with pytest.raises(ZeroDivisionError), container.opened():
        raise ZeroDivisionError
    assert Closing.closed == ["a.b"]


@given(service=st.text(st.characters()), channel=st.text(st.characters()))
def test_a_name_can_be_typed_and_leads_back(service: str, channel: str) -> None:
    store = Store("null", {})
    domain = f"service_{service}.channel_{channel}.box"
    place = Container(store, domain).place
    assert place.isprintable()
    if ".channel_" not in service + channel:  # or there are several ways to read it
        assert find_or_new([store], place).domain == domain


def test_a_domain_that_is_no_channel_s_is_named_by_itself() -> None:
    container = Container(Store("json", {}), "my/own")
    assert container.place == "my%2Fown"
    assert find([container], "my/own") is container


def test_a_store_that_cannot_be_listed(project: Path, log: list[str]) -> None:
    here, nowhere = Store("json", {"root_dir": "data"}), Store("json", {"root_dir": "nowhere"})
    with pytest.raises(StorageError, match=r"no folder .*nowhere"):
        containers_of([here, nowhere])
    assert len(containers_of([here, nowhere], tolerant=True)) == 3
    assert any("Left out: there is no folder" in line for line in log)
    with pytest.raises(StorageError, match=r"no folder .*nowhere"):
        containers_of([nowhere], tolerant=True)
    with pytest.raises(StorageError, match="cannot list its domains"):
        containers_of([Store("tests.database.attic.Attic", {"root_dir": "data"})])
    assert not Path("nowhere").exists()


def test_a_password_is_never_shown() -> None:
    settings = {"password": "hunter2", "url": "redis://:hunter2@localhost"}
    assert "hunter2" not in str(Store("redis", settings))


def test_where_to_write_must_be_said() -> None:
    assert with_place("redis", {}).implementation == "redis"
    assert with_place("sqlite", {"path": "x"}).settings == {"path": "x"}
    for engine in ("json", "sqlite"):
        with pytest.raises(ConfigError, match=f"where {engine} .*--to-setting root_dir"):
            with_place(engine, {"host": "localhost"})
