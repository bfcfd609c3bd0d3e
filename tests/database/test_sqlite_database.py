"""What is particular to the engine sqlite. (What it has in common: `test_every_engine.py`.)"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from moobius import MoobiusStorage, types
from moobius.database.cached_dict import CachedDict
from moobius.database.sqlite_database import SQLiteDatabase
from moobius.errors import BrokenRecord, StorageError
from tests.support.loop_guard import unblocked_loop

from .hostile import HOSTILE_KEYS


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SQLiteDatabase]:
    database = SQLiteDatabase("service_s.channel_c.box", root_dir=str(tmp_path), host="ignored")
    yield database
    database.close()


def execute(path: Path, sql: str, *arguments: Any) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql, arguments).fetchall()


def test_all_containers_are_one_table_of_one_file(tmp_path: Path, database: SQLiteDatabase) -> None:
    database.set_value("Ada", types.CanvasItem("hi"))
    assert database.path == tmp_path / "moobius.sqlite3"
    ((domain, key, value),) = execute(database.path, "SELECT * FROM moobius_records")
    assert (domain, key) == ("service_s.channel_c.box", "Ada")
    assert json.loads(value) == {
        "_moobius_type": "moobius.types.CanvasItem",
        "_moobius_val": {"text": "hi", "path": None},
    }
    assert str(database) == (
        f"moobius.SQLiteDatabase(path={database.path}, domain='service_s.channel_c.box')"
    )


def test_the_settings_of_a_container(tmp_path: Path) -> None:
    settings = [{"root_dir": str(tmp_path / "a" / "b")}, {"path": str(tmp_path / "c" / "d.db")}]
    for number, setting in enumerate(settings):
        entry = {"implementation": "sqlite", "name": "box", "settings": setting}
        MoobiusStorage("s", "c", [entry]).box["key"] = number
        assert MoobiusStorage("s", "c", [entry]).box == {"key": number}
    assert (tmp_path / "a/b/moobius.sqlite3").is_file()
    assert (tmp_path / "c/d.db").is_file()


def test_nothing_is_ever_written_outside_the_file(tmp_path: Path) -> None:
    for domain in ["../../x", "/tmp/x", *HOSTILE_KEYS]:
        with closing(SQLiteDatabase(domain, root_dir=str(tmp_path / "root"))) as database:
            database.set_value("../../key", 1)
    assert [path.name for path in tmp_path.rglob("*")] == ["root", "moobius.sqlite3"]


def test_a_broken_record_is_an_error_for_its_key_alone(database: SQLiteDatabase) -> None:
    database.set_value("good", 1)
    for value in ["{", b"\xff", '{"_moobius_type": "os.system", "_moobius_val": "x"}']:
        execute(
            database.path,
            "REPLACE INTO moobius_records VALUES (?, 'bad', ?)",
            database.domain,
            value,
        )
        with pytest.raises(BrokenRecord, match=r"'bad' in 'service_s.*moobius\.sqlite3"):
            database.get_value("bad")
        found = dict(database.get_many())
        assert found["good"] == 1
        assert isinstance(found["bad"], BrokenRecord)
    database.set_value("bad", "repaired")
    assert database.get_value("bad") == (True, "repaired")


def test_a_write_that_fails_says_so_and_leaves_the_old_value(tmp_path: Path) -> None:
    database = SQLiteDatabase("a.b", root_dir=str(tmp_path), timeout=0.1)
    database.set_value("key", "old")
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        written, reason = database.set_value("key", "new")
        assert not written
        assert "'key'" in reason
        assert "locked" in reason
        deleted, reason = database.delete_key("key")
        assert not deleted
        assert "'key'" in reason
        assert database.get_value("key") == (True, "old")
    assert database.set_value("key", "new") == (True, "key")
    database.close()


@pytest.mark.parametrize("name", ["file/store.sqlite3", "file"])
def test_a_file_that_cannot_be_used_is_a_storage_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no database, but text that is long enough to be one" * 100)
    with pytest.raises(StorageError, match=r"file.*cannot be used"):
        SQLiteDatabase("a", path=str(tmp_path / name))


def test_a_file_that_breaks_later_is_a_storage_error(database: SQLiteDatabase) -> None:
    database.set_value("key", 1)
    execute(database.path, "DROP TABLE moobius_records")
    with pytest.raises(StorageError, match="cannot be read: no such table"):
        database.get_value("key")
    with pytest.raises(StorageError, match="cannot be read: no such table"):
        list(database.get_many())
    assert database.set_value("key", 2)[0] is False


def test_who_waits_for_the_disk_sees_what_the_others_see(
    tmp_path: Path, database: SQLiteDatabase
) -> None:
    careful = SQLiteDatabase(database.domain, root_dir=str(tmp_path), fsync=True)
    careful.set_value("key", 1)
    assert database.get_value("key") == (True, 1)
    careful.close()


async def test_coroutines_do_not_wait_for_another_process_that_writes(
    database: SQLiteDatabase,
) -> None:
    container = CachedDict(database)
    await container.aset("key", [1])
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        async with unblocked_loop():
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.gather(container.aset("key", [2]), container.adelete("key"))
            done, _ = await asyncio.wait([writing], timeout=0.3)
            assert not done
            other.execute("ROLLBACK")
            await writing
    assert list(database.all_keys()) == []


def test_a_key_that_is_no_utf_8_is_a_key_like_others(database: SQLiteDatabase) -> None:
    database.set_value("good", 1)
    for foreign in ["CAST(x'61ff' AS TEXT)", "x'61ff'"]:
        add = f"INSERT INTO moobius_records VALUES (?, {foreign}, '2')"
        execute(database.path, add, database.domain)
        assert set(database.all_keys()) == {"good", "a\udcff"}
        assert dict(database.get_many()) == {"good": 1, "a\udcff": 2}
        assert dict(database.get_many(["a\udcff", "good"])) == {"good": 1, "a\udcff": 2}
        assert database.get_value("a\udcff") == (True, 2)
        assert database.delete_key("a\udcff") == (True, "a\udcff")
        assert list(database.all_keys()) == ["good"]
        execute(database.path, add, database.domain)
        database.set_value("a\udcff", 3)
        assert dict(database.get_many()) == {"good": 1, "a\udcff": 3}
        database.delete_key("a\udcff")


def test_a_value_or_a_domain_that_is_no_utf_8_harms_no_other(database: SQLiteDatabase) -> None:
    database.set_value("good", 1)
    broken = "CAST(x'22ff22' AS TEXT)"
    execute(
        database.path, f"INSERT INTO moobius_records VALUES (?, 'bad', {broken})", database.domain
    )
    execute(
        database.path, "INSERT INTO moobius_records VALUES (CAST(? AS TEXT), 'a', '1')", b"\xff"
    )
    found = dict(database.get_many())
    assert found["good"] == 1
    assert isinstance(found["bad"], BrokenRecord)
    with pytest.raises(BrokenRecord, match="'bad'"):
        database.get_value("bad")
    place: dict[str, Any] = {"path": str(database.path)}
    assert set(SQLiteDatabase.domains(**place)) == {database.domain, "\udcff"}


def _write(database: SQLiteDatabase, me: int) -> None:
    for turn in range(200):
        assert database.set_value("shared", [f"{me} {turn}"] * 50)[0]
        found, value = database.get_value("shared")
        assert found
        assert len(set(value)) == 1
        assert database.set_value(f"{me} {turn}", turn)[0]


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_a_file(database: SQLiteDatabase, method: Any) -> None:
    database.set_value("shared", ["parent"])
    context = multiprocessing.get_context(method)
    children = [context.Process(target=_write, args=(database, me)) for me in range(2)]
    for child in children:
        child.start()
    while any(child.is_alive() for child in children):
        found, value = database.get_value("shared")
        assert found
        assert len(set(value)) == 1
    assert [child.exitcode for child in children] == [0, 0]
    assert len(list(database.all_keys())) == 401


def test_the_domains(tmp_path: Path, database: SQLiteDatabase) -> None:
    place: dict[str, Any] = {"root_dir": str(tmp_path)}
    assert list(SQLiteDatabase.domains(**place)) == []
    database.set_value("key", 1)
    with closing(SQLiteDatabase("ä.\ud800", **place)) as other:
        other.set_value("key", 1)
    assert sorted(SQLiteDatabase.domains(**place)) == sorted([database.domain, "ä.\ud800"])
    with pytest.raises(StorageError, match=r"there is no file .*nowhere"):
        SQLiteDatabase.domains(root_dir=str(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "text").write_text("no database" * 1000)
    with pytest.raises(StorageError, match="cannot be read"):
        SQLiteDatabase.domains(path=str(tmp_path / "text"))


def test_containers_in_one_file_wait_for_one_thing(tmp_path: Path) -> None:
    here, also_here = (SQLiteDatabase(domain, str(tmp_path)) for domain in "ab")
    assert here.waits_for == also_here.waits_for
    assert here.waits_for != SQLiteDatabase("a", str(tmp_path / "other")).waits_for
