"""`moobius run`, as a person types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.program import SERVICE_READY, Program

ROOM = """
import os
from moobius import Moobius

class Room(Moobius):
    async def on_start(self):
        print("started", os.getpid(), self.config["service_config"].get("colour"), flush=True)
    async def on_stop(self):
        print("stopped", flush=True)
"""
RUN = ("-m", "moobius", "run")


def folder_with(tmp_path: Path, text: str = ROOM) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "room.py").write_text(text, "utf-8")
    (folder / "red.json").write_text(json.dumps({"service_config": {"colour": "red"}}), "utf-8")
    return folder


async def test_a_file_runs_until_ctrl_c(tmp_path: Path) -> None:
    async with Program(folder_with(tmp_path), *RUN, "room.py", "--config", "red.json") as program:
        await program.wait_for(SERVICE_READY)
        assert re.search(r"^started \d+ red$", program.output, re.MULTILINE)
        assert await program.interrupt() == 130
    assert "stopped" in program.output
    assert "Traceback" not in program.output


async def test_a_file_elsewhere_finds_its_neighbours(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    (folder / "part").mkdir()
    (folder / "part" / "colours.py").write_text("NAME = 'blue'\n", "utf-8")
    text = "from colours import NAME\n" + ROOM.replace("os.getpid()", "os.getpid(), NAME")
    (folder / "part" / "blue.py").write_text(text, "utf-8")
    async with Program(folder, *RUN, "part/blue.py:Room") as program:
        await program.wait_for(re.compile(r"^started \d+ blue None$", re.MULTILINE))


async def test_a_failing_service_is_status_1_and_one_line(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    async with Program(folder, *RUN, "room.py", "--config", "blue.json") as program:
        assert await program.ended() == 1
    assert re.search(r"^Room: config.* not found: .*blue\.json", program.output, re.MULTILINE)
    assert "Traceback" not in program.output
    async with Program(folder, *RUN, "hall.py") as program:
        assert await program.ended() == 1
    assert program.output.startswith("moobius run: no file ")


async def test_it_is_started_again_if_wanted(tmp_path: Path) -> None:
    text = (
        ROOM
        + """
    tries = 0
    async def before_channel_init(self):
        Room.tries += 1
        if Room.tries == 1:
            raise RuntimeError("not yet")
"""
    )
    folder = folder_with(tmp_path, text)
    async with Program(folder, *RUN, "room.py", "--restart", "on-failure") as program:
        await program.wait_for(re.compile(r"Room ended: not yet; again in 0.5 s"))
        await program.wait_for(SERVICE_READY)
        assert await program.interrupt() == 130
