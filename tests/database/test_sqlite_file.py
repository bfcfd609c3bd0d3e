"""One file, two connections a process, across threads, forks, and files that disappear."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moobius.database.sqlite_file import SQLiteFile, file_at
from tests.support.children import exit_codes
from tests.support.patience import wait_until

SCHEMA = "CREATE TABLE IF NOT EXISTS t (n INTEGER)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def opened(path: Path, timeout: float = 50.0, fsync: bool = False) -> SQLiteFile:
    return file_at(path, SCHEMA, timeout=timeout, fsync=fsync)


def numbers(path: Path) -> list[int]:
    connection = sqlite3.connect(path)
    try:
        return [n for (n,) in connection.execute("SELECT n FROM t ORDER BY n")]
    finally:
        connection.close()


def insert(file: SQLiteFile, n: int) -> None:
    assert file.change("INSERT INTO t VALUES (?)", (n,)) == 1


def test_all_users_of_a_file_share_its_connections(path: Path) -> None:
    file = opened(path)
    assert opened(path) is file
    assert opened(path, fsync=True) is not file
    insert(file, 1)
    assert file.rows("SELECT n FROM t") == [(1,)]
    file.close()


def test_what_is_written_is_in_the_file_at_once_and_logged_ahead(path: Path) -> None:
    file = opened(path)
    insert(file, 1)
    assert numbers(path) == [1]
    assert file.rows("PRAGMA journal_mode") == [("wal",)]
    assert file.rows("PRAGMA synchronous") == [(1,)]
    careful = opened(path, fsync=True)
    assert careful.rows("PRAGMA synchronous") == [(2,)]
    file.close()
    careful.close()


def test_closing_leaves_one_file_and_using_opens_again(path: Path) -> None:
    file = opened(path)
    insert(file, 1)
    file.close()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    insert(file, 2)
    assert numbers(path) == [1, 2]
    file.close()


def test_nobody_using_it_closes_it(path: Path) -> None:
    file = opened(path)
    insert(file, 1)
    del file
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_file_that_was_replaced_is_not_written_in_vain(path: Path) -> None:
    file = opened(path)
    insert(file, 1)
    for left in path.parent.iterdir():
        left.unlink()
    insert(file, 2)
    assert file.rows("SELECT n FROM t") == [(2,)]
    insert(file, 3)
    assert file.rows("SELECT n FROM t") == [(2,), (3,)]
    file.close()
    assert numbers(path) == [2, 3]


def test_a_file_whose_folder_has_gone_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "gone" / "away"
    file = opened(folder / "store.sqlite3")
    insert(file, 1)
    shutil.rmtree(tmp_path / "gone")
    assert file.rows("SELECT n FROM t") == []
    shutil.rmtree(tmp_path / "gone")
    insert(file, 2)
    assert numbers(folder / "store.sqlite3") == [2]
    shutil.rmtree(tmp_path / "gone")
    (tmp_path / "gone").write_text("a file is in the way", "utf-8")
    with pytest.raises(sqlite3.OperationalError, match="its folder cannot be used"):
        insert(file, 3)
    file.close()


def is_in_use(line: Any) -> bool:
    if line.lock.acquire(blocking=False):
        line.lock.release()
        return False
    return True


def test_readers_do_not_wait_while_a_writer_waits_for_another_process(path: Path) -> None:
    file = opened(path)
    insert(file, 1)
    writer, reader = file.lines
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = threading.Thread(target=insert, args=(file, 2))
        writing.start()
        wait_until(lambda: is_in_use(writer))
        reader.close()  # nor does opening wait
        assert file.rows("SELECT n FROM t") == [(1,)]
        assert writing.is_alive()
        other.execute("COMMIT")
    writing.join()
    assert file.rows("SELECT n FROM t") == [(1,), (2,)]
    file.close()


def test_a_writer_waits_for_another_only_so_long(path: Path) -> None:
    file = opened(path, timeout=0.2)
    file.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        insert(file, 1)
    writer, _ = file.lines
    waits = writer.ready().execute("PRAGMA busy_timeout").fetchall()
    assert waits == [(200,)]  # milliseconds; without a word it would be 5 seconds
    assert file.rows("SELECT n FROM t") == []  # readers need not wait
    other.close()
    insert(file, 2)
    assert numbers(path) == [2]
    file.close()


def test_opening_waits_for_who_is_making_the_same_file(path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    other.execute(SCHEMA)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        opened(path, timeout=0.1).open()
    committing = threading.Timer(0.2, other.execute, ("COMMIT",))
    committing.start()
    file = opened(path)
    insert(file, 1)
    committing.join()
    assert file.rows("PRAGMA journal_mode") == [("wal",)]
    other.close()
    file.close()


def in_processes(method: str, work: Callable[..., None], arguments: list[tuple[Any, ...]]) -> None:
    context: Any = multiprocessing.get_context(method)
    children = [context.Process(target=work, args=some) for some in arguments]
    for child in children:
        child.start()
    assert exit_codes(*children) == [0] * len(children)


def _open_and_insert(path: Path, start: int) -> None:
    file = opened(path)
    for n in range(start, start + 20):
        insert(file, n)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_many_processes_open_a_new_file_at_once(path: Path) -> None:
    in_processes("fork", _open_and_insert, [(path, start) for start in range(0, 160, 20)])
    assert numbers(path) == list(range(160))


def _insert(file: SQLiteFile, start: int) -> None:
    for n in range(start, start + 20):
        insert(file, n)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_while_threads_write_harms_nobody(path: Path) -> None:
    file = opened(path)
    file.open()
    stop = threading.Event()
    written = []

    def keep_writing() -> None:
        n = 10_000
        while not stop.is_set():
            insert(file, n)
            written.append(n)
            n += 1

    thread = threading.Thread(target=keep_writing)
    thread.start()
    for start in range(0, 100, 20):
        in_processes("fork", _insert, [(file, start)])
    stop.set()
    thread.join()
    assert numbers(path) == [*range(100), *written]
    assert numbers(path)[:100] == list(range(100))
    file.close()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_nothing_is_open_in_a_forked_child(path: Path) -> None:
    file = opened(path)
    insert(file, 1)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        found = [link for link in Path("/proc/self/fd").iterdir() if _leads_to(link, path.name)]
        os.write(writing, f"{len(found)}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 10) == b"0"
    os.close(reading)
    os.close(writing)
    insert(file, 2)
    assert numbers(path) == [1, 2]
    file.close()


def _leads_to(link: Path, name: str) -> bool:
    try:
        return name in str(link.readlink())
    except FileNotFoundError:
        return False
