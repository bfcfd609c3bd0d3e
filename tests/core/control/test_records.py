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

from moobius.core.control import records
from moobius.core.control.records import Record
from moobius.errors import WandError

MINE = Record("Room", "Room", os.getpid(), "instance", "/project", 12.5, "/log", "", "")
READY = replace(MINE, address="unix:/somewhere", key="ab" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = records.services_folder(tmp_path / "runtime")
    records.make_folder(folder)
    return folder


@pytest.mark.defect("D110")
def test_files_are_for_their_user_alone(folder: Path) -> None:
    assert records.claim(folder, MINE)
    records.publish(folder, READY)
    file = records.file_of(folder, "Room")
    assert file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert READY.key in file.read_text() and READY.key not in repr(READY)


def test_a_name_is_taken_once_and_said_again_by_who_took_it(folder: Path) -> None:
    assert records.claim(folder, MINE)
    assert not records.claim(folder, replace(MINE, instance="another"))
    records.publish(folder, READY)
    assert records.read(records.file_of(folder, "Room")) == READY
    records.remove(folder, replace(MINE, instance="another"))
    assert list(records.read_all(folder)) == [READY]
    records.remove(folder, MINE)
    assert list(folder.iterdir()) == []


def test_what_the_dead_left_is_removed(folder: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    records.claim(folder, replace(READY, name="Dead", pid=ended.pid))
    records.claim(folder, READY)
    assert list(records.read_all(folder)) == [READY]
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
            records.claim(folder, replace(dead, address=f"unix:{path}"))
            assert list(records.read_all(folder)) == []
        assert [path.exists() for path in sockets] == [False, True, True]


def test_what_cannot_be_removed_is_said_and_stops_nobody(folder: Path, log: list[str]) -> None:
    records.claim(folder, READY)
    (record,) = records.read_all(folder)
    folder.rename(folder.with_name("moved"))
    records.bury(folder, record)
    assert "WARNING what Room has left behind cannot be removed" in "".join(log)


def test_nobody_is_published_over_somebody_else(folder: Path) -> None:
    records.claim(folder, replace(MINE, instance="another"))
    with pytest.raises(WandError, match=f"process {os.getpid()} has a service of that name by now"):
        records.publish(folder, READY)
    (found,) = records.read_all(folder)
    assert found.instance == "another"
    records.remove(folder, found)
    records.publish(folder, READY)
    assert list(records.read_all(folder)) == [READY]


def test_only_what_makes_no_sense_is_discarded(folder: Path) -> None:
    records.claim(folder, MINE)
    records.discard(folder, "Room")
    assert list(records.read_all(folder)) == [MINE]
    records.file_of(folder, "Room").write_text("junk")
    records.discard(folder, "Room")
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
    file = records.file_of(folder, "Room")
    records.claim(folder, READY)
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "more": "from a later version"}))
    assert records.read(file) == READY
    file.write_text(json.dumps({**said, **change}))
    assert records.read(file) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"name": "Room"}', "\x00\xff", "[" * 200_000]
)
def test_garbage_in_a_file_is_nothing(folder: Path, text: str) -> None:
    file = records.file_of(folder, "Room")
    file.write_text(text)
    assert records.read(file) is None
    assert list(records.read_all(folder)) == []


def test_a_file_that_others_can_write_is_not_believed(folder: Path) -> None:
    records.claim(folder, READY)
    file = records.file_of(folder, "Room")
    file.chmod(0o666)
    assert records.read(file) is None
    file.chmod(0o600)
    assert records.read(file) == READY


def test_a_directory_that_others_can_write_in_is_not_used(tmp_path: Path) -> None:
    folder = records.services_folder(tmp_path)
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(PermissionError, match="only its user can write in"):
        records.make_folder(folder)


@pytest.mark.parametrize(
    "name", ["Room", "Room-2", "weather.north", "Überraum", "9_lives", "a" * 60]
)
def test_a_name_can_be_a_word(name: str) -> None:
    assert records.check_name(name) == name


@pytest.mark.parametrize("name", ["", ".hidden", "-f", "a/b", "../up", "a b", "a" * 61, "a\n", 3])
def test_a_name_cannot_be_a_path(name: object) -> None:
    with pytest.raises(WandError, match="cannot be the name of a service"):
        records.check_name(name)
