"""Connection files: private, each name once, and none believed that others could have written."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from moobius.core.control import connection_files
from moobius.core.control.connection_files import Record
from moobius.errors import WandError

MINE = Record("Room", "Room", os.getpid(), "instance", "/project", 12.5, "/log", "", "")
READY = replace(MINE, address="unix:/somewhere", key="ab" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = connection_files.services_folder(tmp_path / "runtime")
    connection_files.make_folder(folder)
    return folder


@pytest.mark.defect("D110")
def test_files_are_for_their_user_alone(folder: Path) -> None:
    assert connection_files.claim(folder, MINE)
    connection_files.publish(folder, READY)
    file = connection_files.file_of(folder, "Room")
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert READY.key in file.read_text() and READY.key not in repr(READY)


def test_a_name_is_taken_once_and_said_again_by_who_took_it(folder: Path) -> None:
    assert connection_files.claim(folder, MINE)
    assert not connection_files.claim(folder, replace(MINE, instance="another"))
    connection_files.publish(folder, READY)
    assert connection_files.read(connection_files.file_of(folder, "Room")) == READY
    connection_files.remove(folder, replace(MINE, instance="another"))
    assert list(connection_files.read_all(folder)) == [READY]
    connection_files.remove(folder, MINE)
    assert list(folder.iterdir()) == []


def test_what_the_dead_left_is_removed(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    connection_files.claim(folder, replace(READY, name="Dead", pid=ended.pid))
    connection_files.claim(folder, READY)
    assert list(connection_files.read_all(folder)) == [READY]
    assert [file.name for file in folder.iterdir()] == ["Room.json"]


def test_the_socket_of_the_dead_goes_too_and_that_of_the_living_stays(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    dead = replace(READY, name="Dead", pid=ended.pid)
    elsewhere = folder.parent / "other.sock"
    sockets = [folder / "dead.sock", folder / "live.sock", elsewhere]
    with socket.socket(socket.AF_UNIX) as living:
        for path in (sockets[0], elsewhere):
            with socket.socket(socket.AF_UNIX) as left:
                left.bind(str(path))
        living.bind(str(sockets[1]))
        living.listen()
        for path in sockets:
            connection_files.claim(folder, replace(dead, address=f"unix:{path}"))
            assert list(connection_files.read_all(folder)) == []
        assert [path.exists() for path in sockets] == [False, True, True]


def test_what_cannot_be_removed_is_said_and_stops_nobody(folder: Path, log: list[str]) -> None:
    connection_files.claim(folder, READY)
    (record,) = connection_files.read_all(folder)
    folder.rename(folder.with_name("moved"))
    connection_files.bury(folder, record)
    assert "WARNING what Room has left behind cannot be removed" in "".join(log)


def test_nobody_is_published_over_somebody_else(folder: Path) -> None:
    connection_files.claim(folder, replace(MINE, instance="another"))
    with pytest.raises(WandError, match=f"process {os.getpid()} has a service of that name by now"):
        connection_files.publish(folder, READY)
    (found,) = connection_files.read_all(folder)
    assert found.instance == "another"
    connection_files.remove(folder, found)
    connection_files.publish(folder, READY)
    assert list(connection_files.read_all(folder)) == [READY]


def test_only_what_makes_no_sense_is_discarded(folder: Path) -> None:
    connection_files.claim(folder, MINE)
    connection_files.discard(folder, "Room")
    assert list(connection_files.read_all(folder)) == [MINE]
    connection_files.file_of(folder, "Room").write_text("junk")
    connection_files.discard(folder, "Room")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"pid": "1"},
        {"pid": 0},
        {"pid": -1},
        {"started_at": 1e300},
        {"started_at": float("nan")},
        {"address": None},
        {"name": "Other"},
        {"started_at": "now"},
        {"key": 1},
    ],
)
def test_a_file_that_is_not_right_is_not_believed(folder: Path, change: dict[str, object]) -> None:
    file = connection_files.file_of(folder, "Room")
    connection_files.claim(folder, READY)
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "more": "from a later version"}))
    assert connection_files.read(file) == READY
    file.write_text(json.dumps({**said, **change}))
    assert connection_files.read(file) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"name": "Room"}', "\x00\xff", "[" * 200_000]
)
def test_garbage_in_a_file_is_nothing(folder: Path, text: str) -> None:
    file = connection_files.file_of(folder, "Room")
    file.write_text(text)
    assert connection_files.read(file) is None
    assert list(connection_files.read_all(folder)) == []


def test_a_file_that_others_can_write_is_not_believed(folder: Path) -> None:
    connection_files.claim(folder, READY)
    file = connection_files.file_of(folder, "Room")
    file.chmod(0o666)
    assert connection_files.read(file) is None
    file.chmod(0o600)
    assert connection_files.read(file) == READY


def test_a_directory_that_others_can_write_in_is_not_used(tmp_path: Path) -> None:
    folder = connection_files.services_folder(tmp_path)
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="only its user can write in"):
        connection_files.make_folder(folder)


@pytest.mark.parametrize(
    "name", ["Room", "Room-2", "weather.north", "Überraum", "9_lives", "a" * 60]
)
def test_a_name_can_be_a_word(name: str) -> None:
    assert connection_files.check_name(name) == name


@pytest.mark.parametrize("name", ["", ".hidden", "-f", "a/b", "../up", "a b", "a" * 61, "a\n", 3])
def test_a_name_cannot_be_a_path(name: object) -> None:
    with pytest.raises(WandError, match="cannot be the name of a service"):
        connection_files.check_name(name)
