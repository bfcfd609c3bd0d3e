"""Containers by name."""

import copy
import pickle
from pathlib import Path
from typing import Any

import pytest

from moobius.database.cached_dict import CachedDict
from moobius.database.json_database import JSONDatabase
from moobius.database.magical_storage import MagicalStorage, MoobiusStorage
from moobius.database.null_database import NullDatabase
from moobius.errors import ConfigError, StorageError

from .hostile import HOSTILE_KEYS


class Failing(NullDatabase):
    def __init__(self, domain: str = "", **kwargs: Any) -> None:
        raise ConnectionRefusedError("nobody answers")


def config(root: Path, *names: str, **options: Any) -> list[dict[str, Any]]:
    settings = {"root_dir": str(root)}
    return [{"implementation": "json", "name": n, "settings": settings, **options} for n in names]


@pytest.fixture
def storage(tmp_path: Path) -> MoobiusStorage:
    return MoobiusStorage("service", "channel", config(tmp_path, "data", "other"))


def reopened(tmp_path: Path, **options: Any) -> MoobiusStorage:
    return MoobiusStorage("service", "channel", db_config=config(tmp_path, "data", **options))


@pytest.mark.promise("0-24")
def test_containers_are_attributes_of_exactly_that_type(storage: MoobiusStorage) -> None:
    containers = [name for name, v in storage.__dict__.items() if type(v) is CachedDict]
    assert containers == ["data", "other"]
    assert storage.service_id == "service"
    assert storage.channel_id == "channel"
    assert storage


@pytest.mark.parametrize("nothing", [(), [], None, {}])
def test_no_configuration_is_no_containers(nothing: Any) -> None:
    storage = MoobiusStorage("s", "c", nothing)
    assert storage
    assert not hasattr(storage, "data")


def test_values_are_where_version_1_8_has_them(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data["key"] = 1
    assert (tmp_path / "service_service/channel_channel/data/key.json").read_text() == "1"


def test_assigning_a_dict_replaces_the_content(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data = {"key": 1, "old": 1}
    storage.data = {"key": 2}
    assert type(storage.data) is CachedDict
    assert storage.data == {"key": 2}
    assert reopened(tmp_path).data == {"key": 2}
    storage.data |= {"more": 3}
    assert reopened(tmp_path).data == {"key": 2, "more": 3}
    storage.other = storage.data
    assert storage.other == storage.data
    assert storage.other is not storage.data
    storage.data = {}
    assert reopened(tmp_path).data == {}


@pytest.mark.parametrize("value", [None, 3, [1], "text", {1: "one"}, {"a": object()}])
def test_assigning_anything_else_is_an_error_and_keeps_the_content(
    storage: MoobiusStorage, tmp_path: Path, value: Any
) -> None:
    storage.data = {"key": 1}
    with pytest.raises(StorageError):
        storage.data = value
    assert storage.data == {"key": 1}
    assert reopened(tmp_path).data == {"key": 1}


def test_save_keeps_what_was_changed_in_place(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data = {"a": [1], "b": [2]}
    storage.data["a"].append(3)
    storage.data["b"].append(4)
    storage.save("data")
    assert reopened(tmp_path).data == {"a": [1, 3], "b": [2, 4]}
    with pytest.raises(StorageError, match=r"no container 'nope'; there are: data, other"):
        storage.save("nope")


@pytest.mark.promise("0-36", "0-38")
@pytest.mark.defect("D68")
def test_load_and_clear(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data = {"a": 1, "b": 2}
    assert "loaded=False" in repr(reopened(tmp_path, load=False).data)
    assert reopened(tmp_path, load=False).data == {"a": 1, "b": 2}
    assert not reopened(tmp_path, clear=True, load=True).data
    assert not reopened(tmp_path).data
    assert list((tmp_path / "service_service/channel_channel/data").iterdir()) == []


def test_a_container_can_be_removed_and_added_again(
    storage: MoobiusStorage, tmp_path: Path
) -> None:
    storage.data["key"] = 1
    with pytest.raises(StorageError, match=r"'data' is taken"):
        storage.add_container("json", {"root_dir": str(tmp_path)}, "data")
    delattr(storage, "data")
    assert not hasattr(storage, "data")
    storage.add_container("json", {"root_dir": str(tmp_path)}, "data")
    assert storage.data == {"key": 1}


@pytest.mark.parametrize(
    "name", ["save", "put", "service_id", "channel_id", "strict", "", "a b", "1a", "__dict__"]
)
def test_a_name_that_would_break_the_storage_is_refused(storage: MoobiusStorage, name: str) -> None:
    with pytest.raises(StorageError, match=repr(name)):
        storage.put(name, None)


def test_other_attributes_are_ordinary(storage: MoobiusStorage) -> None:
    storage.note = "mine"
    assert storage.note == "mine"
    with pytest.raises(AttributeError):
        storage.nothing  # noqa: B018 - reading it is the test


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "x"}, "has no 'implementation'"),
        ({"implementation": "json"}, "has no 'name'"),
        ({"implementation": "json", "name": "x", "lode": True}, "has 'lode'; known are .*load"),
        ({"implementation": "mysql", "name": "x"}, "no storage engine 'mysql'"),
        ("json", "must be an object"),
    ],
)
def test_a_wrong_entry_is_named(entry: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        MoobiusStorage("s", "c", [entry])


def test_settings_may_be_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    MoobiusStorage("s", "c", [{"implementation": "json", "name": "x"}]).x["a"] = 1
    assert (tmp_path / "service_s/channel_c/x/a.json").exists()


@pytest.mark.defect("D77")
def test_an_engine_that_fails_raises_and_names_the_container() -> None:
    with pytest.raises(StorageError, match=r"'x' cannot be opened: nobody answers"):
        MoobiusStorage("s", "c", [{"implementation": f"{__name__}.Failing", "name": "x"}])


def test_one_broken_record_does_not_hide_the_container(
    storage: MoobiusStorage, tmp_path: Path
) -> None:
    storage.data = {"a": 1, "b": 2}
    (tmp_path / "service_service/channel_channel/data/a.json").write_text("{")
    assert dict(reopened(tmp_path).data) == {"b": 2}


def test_ids_are_free_text(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for text in HOSTILE_KEYS:
        for ids in ((text, "c"), ("s", text)):
            MoobiusStorage(*ids, config(root, "data")).data["key"] = ids
    for text in HOSTILE_KEYS:
        for ids in ((text, "c"), ("s", text)):
            assert MoobiusStorage(*ids, config(root, "data")).data == {"key": ids}
    assert list(tmp_path.iterdir()) == [root]


def test_strict_containers(tmp_path: Path) -> None:
    class Strict(MoobiusStorage):
        strict = True

    assert Strict("s", "c", config(tmp_path, "x")).x.strict_mode
    assert not MoobiusStorage("s", "c", config(tmp_path, "x")).x.strict_mode


@pytest.mark.promise("0-42")
def test_the_base_puts_containers_on_any_engine(tmp_path: Path) -> None:
    storage = MagicalStorage()
    storage.put("memory")
    storage.put("kept", JSONDatabase(root_dir=str(tmp_path)))
    storage.memory = {"a": 1}
    storage.kept = {"a": 1}
    assert storage.memory == storage.kept
    storage.__dict__.pop("kept")
    storage.put("kept", JSONDatabase(root_dir=str(tmp_path)), load=True, clear=True)
    assert not storage.kept
    assert list(tmp_path.iterdir()) == []


def test_it_copies_and_pickles(storage: MoobiusStorage, tmp_path: Path) -> None:
    storage.data["key"] = 1
    for twin in (copy.deepcopy(storage), pickle.loads(pickle.dumps(storage))):
        assert twin.data == {"key": 1}
        twin.data = {"key": 2}
        assert reopened(tmp_path).data == {"key": 2}
        twin.data = {"key": 1}


def test_it_shows_itself(storage: MoobiusStorage) -> None:
    assert str(storage) == (
        "moobius.MoobiusStorage(service_id=service, channel_id=channel, "
        "database=['data', 'other'], strict=False)"
    )
