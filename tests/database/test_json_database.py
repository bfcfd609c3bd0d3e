"""The engine with one readable file a key."""

import json
import os
import pickle
from pathlib import Path

import pytest

from moobius import types
from moobius.database.json_database import JSONDatabase
from moobius.errors import BrokenRecord, StorageError

from .hostile import HOSTILE_KEYS


@pytest.fixture
def database(tmp_path: Path) -> JSONDatabase:
    return JSONDatabase("service_s.channel_c.box", root_dir=str(tmp_path / "root"), host="ignored")


def test_the_files_are_where_version_1_8_has_them(tmp_path: Path, database: JSONDatabase) -> None:
    assert database.path == tmp_path / "root" / "service_s" / "channel_c" / "box"
    assert database.path.is_dir()
    database.set_value("Ada", types.CanvasItem("hi"))
    assert json.loads((database.path / "Ada.json").read_text()) == {
        "_moobius_type": "moobius.types.CanvasItem",
        "_moobius_val": {"text": "hi", "path": None},
    }
    assert str(database) == f"moobius.JSONDatabase(path={database.path})"


def test_nothing_is_ever_written_outside_the_folder(tmp_path: Path, database: JSONDatabase) -> None:
    for key in HOSTILE_KEYS:
        database.set_value(key, 1)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == len(HOSTILE_KEYS)
    assert {path.parent for path in files} == {database.path}
    for service_id in HOSTILE_KEYS:
        JSONDatabase(f"service_{service_id}.channel_c.x", root_dir=str(tmp_path / "root"))
    assert [path.name for path in tmp_path.iterdir()] == ["root"]


@pytest.mark.parametrize("key", ["a:b", "50%", ".hidden", "what?", "y" * 230, "[x]"])
def test_old_unsafe_names_are_found_and_renamed_when_written(
    database: JSONDatabase, key: str
) -> None:
    old = database.path / f"{key}.json"
    old.write_text("[1]")
    if not key.startswith("."):  # hidden files were never listed, but they were found
        assert list(database.all_keys()) == [key]
    assert database.get_value(key) == (True, [1])
    database.set_value(key, [2])
    assert database.get_value(key) == (True, [2])
    assert list(database.all_keys()) == [key]
    assert not old.exists()


def test_an_old_unsafe_name_can_be_deleted(database: JSONDatabase) -> None:
    (database.path / "a:b.json").write_text("[1]")
    assert database.delete_key("a:b") == (True, "a:b")
    assert list(database.path.iterdir()) == []


def test_the_file_of_one_key_is_never_taken_for_another(database: JSONDatabase) -> None:
    database.set_value("/", 1)
    assert (database.path / "%2f.json").exists()
    assert database.get_value("%2f")[0] is False
    database.set_value("%2f", 2)
    assert database.get_value("/") == (True, 1)


@pytest.mark.parametrize("folder", ["service_s/band_c/box", "service_s!$/channel_c/box"])
def test_folders_of_older_versions_are_used(tmp_path: Path, folder: str) -> None:
    old = tmp_path / folder
    old.mkdir(parents=True)
    (old / "ada.json").write_text('{"ada": 1, "_type": "int"}')
    domain = folder.replace("/", ".").replace("band_", "channel_")
    database = JSONDatabase(domain, root_dir=str(tmp_path))
    assert database.path == old
    assert database.get_value("ada") == (True, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xff\xff",
        b"[" * 100_000,
        b'{"_moobius_type": "os.system", "_moobius_val": "x"}',
        b'{"_moobius_type": "nowhere.X", "_moobius_val": {}}',
    ],
    ids=["empty", "cut", "binary", "deep", "hostile", "unknown"],
)
def test_a_broken_record_is_an_error_for_its_key_alone(
    database: JSONDatabase, content: bytes
) -> None:
    database.set_value("good", 1)
    (database.path / "bad.json").write_bytes(content)
    with pytest.raises(BrokenRecord, match=r"'bad' in .*bad\.json"):
        database.get_value("bad")
    assert database.get_value("good") == (True, 1)
    assert sorted(database.all_keys()) == ["bad", "good"]
    database.set_value("bad", "repaired")
    assert database.get_value("bad") == (True, "repaired")


def test_a_broken_record_with_a_long_key(database: JSONDatabase) -> None:
    database.set_value("x" * 300, 1)
    database.set_value("good", 1)
    (file,) = database.path.glob("%~*.json")
    file.write_text("7")
    with pytest.raises(BrokenRecord, match="list of key and value"):
        database.get_value("x" * 300)
    assert list(database.all_keys()) == ["good"]


def test_a_write_that_fails_says_so_and_leaves_the_old_value(
    database: JSONDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.set_value("key", "old")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(Path, "replace", full)
    written, reason = database.set_value("key", "new")
    monkeypatch.undo()
    assert not written
    assert "'key'" in reason
    assert "No space left" in reason
    assert database.get_value("key") == (True, "old")
    assert [path.name for path in database.path.iterdir()] == ["key.json"]


def test_other_files_in_the_folder_are_not_records(database: JSONDatabase) -> None:
    (database.path / "README.txt").write_text("hello")
    (database.path / ".0123.tmp").write_text("left by a crash")
    (database.path / "folder").mkdir()
    assert list(database.all_keys()) == []


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file.*cannot be used"):
        JSONDatabase("a", root_dir=str(tmp_path / "file"))


def test_writes_may_wait_for_the_disk(tmp_path: Path) -> None:
    database = JSONDatabase(root_dir=str(tmp_path), fsync=True)
    database.set_value("key", 1)
    assert JSONDatabase(root_dir=str(tmp_path)).get_value("key") == (True, 1)


def test_it_pickles(database: JSONDatabase) -> None:
    database.set_value("key", 1)
    assert pickle.loads(pickle.dumps(database)).get_value("key") == (True, 1)
