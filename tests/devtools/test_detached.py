"""`moobius run --background`: it goes on when the terminal is closed."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.devtools.test_run import RUN, folder_with
from tests.support.patience import until
from tests.support.program import Program
from tests.support.scripts import alive


async def test_in_the_background_it_returns_when_ready_and_goes_on(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    command = (*RUN, "room.py", "--background", "--name", "tea", "--config", "red.json")
    async with Program(folder, *command) as program:
        assert await program.ended() == 0, program.output
    said = re.fullmatch(r"tea runs in process (\d+); its log is (.*)\n", program.output)
    assert said, program.output
    pid, log = int(said[1]), Path(said[2])
    try:
        assert alive(pid)
        assert log == folder / ".moobius" / "tea.log"
        assert mode_of(log) == 0o600
        assert re.search(rf"^started {pid} red$", text_of(log), re.MULTILINE)
        os.kill(pid, signal.SIGTERM)
        await until(lambda: not alive(pid))
        assert "stopped" in text_of(log)
    finally:
        if alive(pid):
            os.kill(pid, signal.SIGKILL)


async def test_in_the_background_a_failure_is_told_and_nothing_is_left(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    command = (*RUN, "room.py", "--background", "--config", "blue.json")
    async with Program(folder, *command) as program:
        assert await program.ended() == 1
    assert re.search(r"^Room: config.* not found: .*blue\.json", program.output, re.MULTILINE)
    log = re.escape(str(folder / ".moobius" / "room.log"))
    assert re.search(
        rf"^moobius run: it ended with status 1; its log is {log}$", program.output, re.M
    )


def mode_of(file: Path) -> int:
    return file.stat().st_mode & 0o777


def text_of(file: Path) -> str:
    return file.read_text("utf-8")


STRUCK = """
import os, signal, subprocess, sys

class Popen(subprocess.Popen):
    def __init__(self, args, **options):
        super().__init__(args, **options)
        if sys.argv[1] in args:
            print("began", self.pid, flush=True)
            os.kill(os.getpid(), signal.SIGINT)

subprocess.Popen = Popen
from moobius.cli import main
raise SystemExit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("sign", "words", "status"),
    [
        ("--report", ("run", "room.py", "--background"), 130),
        ("moobius.devtools.launch", ("dev", "--ephemeral"), 0),
    ],
)
async def test_ctrl_c_in_the_moment_of_the_start_leaves_nothing(
    tmp_path: Path, sign: str, words: tuple[str, ...], status: int
) -> None:
    folder = folder_with(tmp_path)
    (folder.parent / "struck").write_text(STRUCK, "utf-8")
    async with Program(folder, "../struck", sign, *words) as program:
        assert await program.ended() == status, program.output
    began = [int(pid) for pid in re.findall(r"^began (\d+)$", program.output, re.MULTILINE)]
    assert began and not any(alive(pid) for pid in began)
    assert "Traceback" not in program.output
