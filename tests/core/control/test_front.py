"""Names, connection files and the listener, over the lives of services."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from moobius.core.control import records
from moobius.core.control.opening import Opening
from moobius.errors import WandError
from tests.support.patience import wait_until
from tests.support.wands import troupe

KEY = "ab" * 32


def files() -> list[str]:
    """The names of what lies in the directory of connection files."""
    return sorted(file.name for file in records.services_folder().iterdir())


def test_nothing_is_written_before_there_is_a_service() -> None:
    with troupe():
        assert not records.services_folder().exists()


@pytest.mark.defect("D110")
def test_files_come_with_the_service_and_go_with_it() -> None:
    with troupe() as wand:
        taken = wand.front.claim("Room", None)
        assert files() == ["Room.json"]
        claimed = records.read(records.file_of(records.services_folder(), taken))
        assert claimed is not None and not claimed.address
        room = wand.add("Hall")
        ready = records.read(records.file_of(records.services_folder(), "Hall"))
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


def test_a_wanted_name_is_given_or_refused() -> None:
    with troupe() as one, troupe() as other:
        assert one.add(name="weather").name == "weather"
        for wand in (one, other):
            with pytest.raises(WandError, match="'weather' runs already; choose another name"):
                wand.front.claim("Room", "weather")
        with pytest.raises(WandError, match="cannot be the name"):
            one.front.claim("Room", "../weather")
        one.stop(1)
        assert other.add(name="weather").name == "weather"


def test_a_name_whose_service_is_gone_is_free(tmp_path: Path) -> None:
    """The process number has become another's: nobody answers, or somebody else does."""
    folder = records.services_folder()
    records.make_folder(folder)
    with troupe() as wand:
        hall = records.read(records.file_of(folder, wand.add("Hall").name))
        assert hall is not None
        dead = replace(hall, name="Room", instance="dead", address=f"unix:{tmp_path}/none", key=KEY)
        records.claim(folder, dead)
        assert wand.add().name == "Room"
        records.claim(folder, replace(dead, name="Cave", address=hall.address, key=hall.key))
        assert wand.add("Cave").name == "Cave"
        records.file_of(folder, "Park").write_text("garbage")
        assert wand.add("Park").name == "Park"


def test_a_service_that_is_starting_keeps_its_name() -> None:
    with troupe() as one, troupe() as other:
        assert one.front.claim("Room", None) == "Room"
        assert other.front.claim("Room", None) == "Room-2"


def test_a_service_runs_also_where_nobody_can_reach_it(log: list[str]) -> None:
    folder = records.services_folder()
    folder.parent.mkdir()
    folder.write_text("in the way")
    with troupe() as wand:
        assert [wand.add().name, wand.add().name] == ["Room", "Room-2"]
        assert wand.services[1].life.state == "running"
    assert any("WARNING other programs cannot reach" in line for line in log)


def test_a_service_runs_also_where_nobody_can_listen(log: list[str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        opening = Opening("127.0.0.1", taken.getsockname()[1], tmp_path / "key")
        with troupe(openings=[opening]) as wand:
            wand.add()
            assert wand.services[1].life.state == "running"
    assert any("WARNING other programs cannot reach Room: no control" in line for line in log)


def test_the_socket_goes_with_the_last_service_and_comes_with_the_next() -> None:
    with troupe() as wand:
        wand.add()
        (before,) = (name for name in files() if name.endswith(".sock"))
        wand.stop(1)
        wait_until(lambda: files() == [], lambda: str(files()))
        wand.add()
        (after,) = (name for name in files() if name.endswith(".sock"))
        assert after != before
