"""Names, connection files and the listener, over the lives of services."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from moobius.core.control import connection_files
from moobius.core.control.connection_files import Record
from moobius.errors import WandError
from tests.support.disk import disk_full_after
from tests.support.patience import PATIENCE, wait_until
from tests.support.wands import Listening, Troupe, troupe

KEY = "ab" * 32


def files() -> list[str]:
    """The names of what lies in the directory of connection files."""
    return sorted(file.name for file in connection_files.services_folder().iterdir())


def test_nothing_is_written_before_there_is_a_service() -> None:
    with troupe():
        assert not connection_files.services_folder().exists()


@pytest.mark.defect("D110")
def test_files_come_with_the_service_and_go_with_it() -> None:
    with troupe() as wand:
        taken = wand.publisher.claim("Room", None)
        assert files() == ["Room.json"]
        claimed = connection_files.read(
            connection_files.file_of(connection_files.services_folder(), taken)
        )
        assert claimed is not None and not claimed.address
        room = wand.add("Hall")
        ready = connection_files.read(
            connection_files.file_of(connection_files.services_folder(), "Hall")
        )
        assert ready is not None
        assert (ready.pid, ready.cls, ready.project) == (os.getpid(), "Hall", str(Path.cwd()))
        assert Path(ready.address.removeprefix("unix:")).stat().st_mode & 0o777 == 0o600
        room.life.enter("stopped")
        assert "Hall.json" not in files()
    assert files() == ["Room.json"]  # it never began, and never ended


def test_several_of_a_class_are_numbered_and_numbers_are_free_again() -> None:
    with troupe() as one, troupe() as other:
        assert [one.add().name, other.add().name, one.add().name] == ["Room", "Room-2", "Room-3"]
        one.stop(1)
        assert other.add().name == "Room"
    assert files() == []


def test_the_same_service_of_another_program_is_warned_of(log: list[str]) -> None:
    folder = connection_files.services_folder()
    connection_files.make_folder(folder)
    here, elsewhere, pid = str(Path.cwd()), str(Path.cwd().parent), os.getppid()
    for name, project in (("Room", elsewhere), ("Room-2", here), ("Hall", here)):
        assert connection_files.claim(
            folder, Record(name, name.partition("-")[0], pid, "another", project, 1.0)
        )
    with troupe() as wand:
        assert [wand.add().name, wand.add().name] == ["Room-3", "Room-4"]
        warnings = [line for line in log if "WARNING" in line]
        said = f"a Room of this folder runs already (pid {pid}); if it is the same service"
        assert len(warnings) == 2 and all(said in line for line in warnings)
        assert all("`moobius stop Room-2`" in line for line in warnings)
        assert wand.add(name="Hall-of-ours").name == "Hall-of-ours"
        assert [line for line in log if "WARNING" in line] == warnings


def test_a_wanted_name_is_given_or_refused() -> None:
    with troupe() as one, troupe() as other:
        assert one.add(name="weather").name == "weather"
        for wand in (one, other):
            with pytest.raises(WandError, match="'weather' runs already; choose another name"):
                wand.publisher.claim("Room", "weather")
        with pytest.raises(WandError, match="cannot be the name"):
            one.publisher.claim("Room", "../weather")
        one.stop(1)
        assert other.add(name="weather").name == "weather"


def test_a_name_whose_service_is_gone_is_free(tmp_path: Path) -> None:
    """The process number has become another's: nobody answers, or somebody else does."""
    folder = connection_files.services_folder()
    connection_files.make_folder(folder)
    with troupe() as wand:
        hall = connection_files.read(connection_files.file_of(folder, wand.add("Hall").name))
        assert hall is not None
        dead = replace(hall, name="Room", instance="dead", address=f"unix:{tmp_path}/none", key=KEY)
        connection_files.claim(folder, dead)
        assert wand.add().name == "Room"
        connection_files.claim(
            folder, replace(dead, name="Cave", address=hall.address, key=hall.key)
        )
        assert wand.add("Cave").name == "Cave"
        connection_files.file_of(folder, "Park").write_text("garbage")
        assert wand.add("Park").name == "Park"


def test_a_service_that_is_starting_keeps_its_name() -> None:
    with troupe() as one, troupe() as other:
        assert one.publisher.claim("Room", None) == "Room"
        assert other.publisher.claim("Room", None) == "Room-2"


def test_a_service_runs_also_where_nobody_can_reach_it(log: list[str]) -> None:
    folder = connection_files.services_folder()
    folder.parent.mkdir()
    folder.write_text("in the way")
    with troupe() as wand:
        assert [wand.add().name, wand.add().name] == ["Room", "Room-2"]
        assert wand.services[1].life.state == "running"
    assert any("WARNING other programs cannot reach" in line for line in log)


def test_a_service_runs_also_where_nobody_can_listen(log: list[str]) -> None:
    folder = connection_files.services_folder()
    with troupe() as wand:
        wand.publisher.claim("Room", None)
        folder.rename(folder.with_name("moved"))
        room = Listening(1, "Room")
        wand.publisher.watch("Room", room)
        room.life.enter("running")
        assert room.life.state == "running"
        assert any("WARNING other programs cannot reach Room: no control" in line for line in log)
        folder.with_name("moved").rename(folder)
        room.life.enter("stopped")


def test_a_name_that_cannot_be_published_is_let_go(log: list[str]) -> None:
    """It would be shown as starting for ever."""
    with troupe() as wand:
        wand.add("Hall")  # so that there is an address
        wand.publisher.claim("Room", None)
        room = Listening(2, "Room")
        wand.publisher.watch("Room", room)
        with disk_full_after(100):
            room.life.enter("running")
        assert any("WARNING other programs cannot reach Room: " in line for line in log)
        assert [name for name in files() if not name.endswith(".sock")] == ["Hall.json"]
        room.life.enter("running")  # again, and there is room on the disk
        assert "Room.json" in files()
        room.life.enter("stopped")


def test_whatever_goes_wrong_with_its_address_is_no_harm_to_a_service(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    """A program that only waits for its services can start no thread any more, for one."""

    def cannot(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with troupe() as wand:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", cannot)
            wand.add()
        assert wand.services[1].life.state == "running"
    assert any("cannot reach Room: can't start new thread" in line for line in log)


@pytest.mark.parametrize("left", ["junk", "of the dead"])
def test_of_many_that_find_a_name_left_over_one_gets_it(left: str) -> None:
    folder = connection_files.services_folder()
    connection_files.make_folder(folder)
    names, count = [f"n{number}" for number in range(80)], 4
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in names:
        connection_files.claim(folder, Record(name, "Room", ended.pid, "dead", "", 0.0))
        if left == "junk":
            connection_files.file_of(folder, name).write_text("junk")
    together, owners = threading.Barrier(count), Counter[str]()

    def claim_all() -> None:
        publisher = Troupe().publisher
        for name in names:
            together.wait(PATIENCE)
            with contextlib.suppress(WandError):
                owners[publisher.claim("Room", name)] += 1

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    threads = [threading.Thread(target=claim_all) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    sys.setswitchinterval(interval)
    assert owners == Counter(names)


def test_the_socket_goes_with_the_last_service_and_comes_with_the_next() -> None:
    with troupe() as wand:
        wand.add()
        (before,) = (name for name in files() if name.endswith(".sock"))
        wand.stop(1)
        wait_until(lambda: files() == [], lambda: str(files()))
        wand.add()
        (after,) = (name for name in files() if name.endswith(".sock"))
        assert after != before
