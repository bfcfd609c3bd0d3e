"""The engine with one readable file a key."""

import json
import multiprocessing
import os
import pickle
import shutil
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest

from moobius import types
from moobius.database.json_database import JSONDatabase
from moobius.errors import BrokenRecord, StorageError
from tests.support.children import exit_codes
from tests.support.patience import PATIENCE

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


def test_files_outside_of_the_folder_are_nobodys_records(database: JSONDatabase) -> None:
    (database.path.parent / "x.json").write_text("1")
    (database.path / "a").mkdir()
    (database.path / "a" / "b.json").write_text("1")
    for key in ["../x", "a/b", str(database.path.parent / "x")]:
        assert database.get_value(key)[0] is False
        assert database.delete_key(key)[0] is False
        database.set_value(key, 2)
    assert (database.path.parent / "x.json").read_text() == "1"
    assert (database.path / "a" / "b.json").read_text() == "1"


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
    key, good = database.all_keys()
    assert (key, good) == (file.stem, "good")  # the file's name stands in for the key
    broken, readable = database.get_many()
    assert isinstance(broken[1], BrokenRecord)
    assert (broken[0], readable) == (key, ("good", 1))
    with pytest.raises(BrokenRecord, match=f"{key}.*list of key and value"):
        database.get_value(key)
    assert database.delete_key(key) == (True, key)
    assert list(database.all_keys()) == ["good"]
    assert not file.exists()


@pytest.mark.parametrize("content", ['["other", 1]', "[5, 1]", "[" * 100_000, '{"a": 1, "b": 2}'])
def test_a_long_record_that_says_a_wrong_key_is_broken(
    database: JSONDatabase, content: str
) -> None:
    database.set_value("x" * 300, 1)
    (file,) = database.path.iterdir()
    assert database.get_value(file.stem)[0] is False  # the name of a file is another key
    file.write_text(content)
    assert list(database.all_keys()) == [file.stem]
    for key in ("x" * 300, file.stem):
        with pytest.raises(BrokenRecord):
            database.get_value(key)
    database.set_value(file.stem, "repaired")
    assert list(database.get_many()) == [(file.stem, "repaired")]
    assert not file.exists()


KEYS = ["Ada", "ADA", "ada", "Ä b:C", "X" * 150, '"A']


@pytest.mark.parametrize("fold_case", [True, False])
def test_a_store_can_move_between_systems_that_do_and_do_not_tell_capitals_apart(
    database: JSONDatabase, fold_case: bool
) -> None:
    database._fold_case = not fold_case
    for key in KEYS:
        database.set_value(key, f"old {key}")
    database._fold_case = fold_case
    assert sorted(database.all_keys()) == sorted(KEYS)
    assert dict(database.get_many()) == {key: f"old {key}" for key in KEYS}
    assert dict(database.get_many(KEYS)) == {key: f"old {key}" for key in KEYS}
    for key in KEYS:
        database.set_value(key, f"new {key}")
    assert len(list(database.path.iterdir())) == len(KEYS)
    assert dict(database.get_many()) == {key: f"new {key}" for key in KEYS}
    database._fold_case = not fold_case
    for key in KEYS:
        assert database.delete_key(key) == (True, key)
    assert list(database.path.iterdir()) == []


@pytest.mark.parametrize("key", ["a:B", '"A', "A:" * 60])
@pytest.mark.parametrize("fold_case", [True, False])
def test_of_several_files_for_one_key_all_ways_of_reading_find_the_same(
    database: JSONDatabase, key: str, fold_case: bool
) -> None:
    database._fold_case = fold_case
    (database.path / f"{key}.json").write_text('"oldest"')
    other = JSONDatabase(database.domain, root_dir=str(database.path.parents[2]))
    other._fold_case = not fold_case
    file = other._file(key)
    other.set_value(key, "old")
    (database.path / f"{key}.json").write_text('"oldest"')
    assert file.exists()
    assert database.get_value(key) == (True, "old")
    assert list(database.get_many()) == [(key, "old")]


def test_a_process_that_is_killed_while_it_deletes_brings_no_older_value_back(
    database: JSONDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.set_value("a:b", "new")
    (database.path / "a:b.json").write_text('"old"')
    unlink = Path.unlink

    def unlink_and_die(path: Path, missing_ok: bool = False) -> None:
        unlink(path, missing_ok)
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", unlink_and_die)
    with pytest.raises(KeyboardInterrupt):
        database.delete_key("a:b")
    monkeypatch.undo()
    assert database.get_value("a:b") == (True, "new")


def test_a_folder_that_was_removed_is_made_again(database: JSONDatabase) -> None:
    database.set_value("key", 1)
    for used_before in (True, False):
        shutil.rmtree(database.path.parents[2])
        database._is_tidy = used_before
        assert database.get_value("key")[0] is False
        assert database.set_value("key", 2) == (True, "key")
        assert database.get_value("key") == (True, 2)


def test_a_write_that_fails_says_so_and_leaves_the_old_value(
    database: JSONDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.set_value("key", "old")

    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
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


def test_only_an_engine_that_waits_for_the_disk_says_that_it_may_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    quick = JSONDatabase("a.b", root_dir=str(tmp_path))
    quick.set_value("key", 1)
    quick.delete_key("key")
    assert (quick.may_wait, len(synced)) == (False, 0)
    careful = JSONDatabase("c.d", root_dir=str(tmp_path), fsync=True)
    assert (careful.may_wait, len(synced)) == (True, 2)  # where `c` is, and where `d` is
    careful.set_value("key", 1)
    assert len(synced) == 4  # the file, and where it is
    careful.delete_key("key")
    assert len(synced) == 5
    careful.delete_key("key")
    assert len(synced) == 5


def test_what_a_killed_process_left_is_removed_by_the_next_that_writes(
    database: JSONDatabase,
) -> None:
    left, alive, other = ".0123456789abcdef.tmp", ".fedcba9876543210.tmp", ".editor.tmp"
    for name in (left, alive, other):
        (database.path / name).write_text("half a rec")
    two_hours_ago = time.time() - 7200
    for name in (left, other):
        os.utime(database.path / name, (two_hours_ago, two_hours_ago))
    database.set_value("key", 1)
    before = sorted(path.name for path in database.path.iterdir())
    later = JSONDatabase(database.domain, root_dir=str(database.path.parents[2]))
    assert dict(later.get_many()) == {"key": 1}
    assert sorted(path.name for path in database.path.iterdir()) == before
    later.set_value("key", 2)
    assert sorted(path.name for path in database.path.iterdir()) == [other, alive, "key.json"]


def test_of_two_files_for_one_key_todays_is_read(database: JSONDatabase) -> None:
    database.set_value("a:b", "new")
    (database.path / "a:b.json").write_text('"old"')
    assert database.get_value("a:b") == (True, "new")
    assert list(database.all_keys()) == ["a:b"]
    assert list(database.get_many()) == [("a:b", "new")]


def _write(database: JSONDatabase, me: int, enough: Event) -> None:
    turn = 0
    while not enough.is_set():
        assert database.set_value("shared", [f"{me} {turn}"] * 200)[0]
        turn += 1
        if turn % 10 == 0:
            database.delete_key("shared")


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_two_processes_never_read_half_a_record(database: JSONDatabase) -> None:
    context = multiprocessing.get_context("fork")
    enough = context.Event()
    children = [context.Process(target=_write, args=(database, me, enough)) for me in range(2)]
    for child in children:
        child.start()
    seen: set[str | None] = set()
    give_up = time.monotonic() + PATIENCE
    try:
        while len(seen) < 200 and time.monotonic() < give_up:
            for found, value in [database.get_value("shared"), *_with_found(database)]:
                assert not found or len(set(value)) == 1
                seen.add(value[0] if found else None)
    finally:
        enough.set()
    assert exit_codes(*children) == [0, 0]
    assert len(seen) >= 200


def _with_found(database: JSONDatabase) -> Iterator[tuple[bool, Any]]:
    return ((True, value) for _, value in database.get_many())


def test_the_domains(tmp_path: Path, database: JSONDatabase) -> None:
    root: dict[str, Any] = {"root_dir": str(tmp_path / "root")}
    assert JSONDatabase.domains(**root) == []
    database.set_value("key", 1)
    domains = ["", "a", "a..b", "a.\0", "service_s.channel_c.ä/ö", "../../x.y"]
    for domain in domains:
        JSONDatabase(domain, **root).set_value("key", 1)
    band = tmp_path / "root/service_s/band_old/box"
    band.mkdir(parents=True)
    (band / "ada.json").write_text("1")
    expected = [database.domain, *domains, "service_s.channel_old.box"]
    assert sorted(JSONDatabase.domains(**root)) == sorted(expected)
    for domain in expected:
        assert len(list(JSONDatabase(domain, **root).all_keys())) == 1


def test_a_domain_that_its_folder_cannot_say_is_left_out(tmp_path: Path, log: list[str]) -> None:
    JSONDatabase("x" * 300, root_dir=str(tmp_path)).set_value("key", 1)
    JSONDatabase("a", root_dir=str(tmp_path)).set_value("key", 1)
    assert JSONDatabase.domains(root_dir=str(tmp_path)) == ["a"]
    assert any("Left out" in line and "%~" in line for line in log)


def test_listing_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no folder .*nowhere"):
        JSONDatabase.domains(root_dir=str(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []


def test_it_pickles(database: JSONDatabase) -> None:
    database.set_value("key", 1)
    assert pickle.loads(pickle.dumps(database)).get_value("key") == (True, 1)
