"""How programs under `moobius dev` begin, and that they leave with it, whatever they do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from moobius.core.handover import HOLDER_VARIABLE
from moobius.devtools.launch import file_command, words_command
from tests.support.patience import PATIENCE, wait_until
from tests.support.scripts import alive

LAUNCH = (sys.executable, "-m", "moobius.devtools.launch")

PROGRAM = """
import multiprocessing, os, sys
from neighbour import NAME

class Thing:
    size: int = 1

def work(queue):
    queue.put((os.getpid(), Thing()))

if __name__ == "__main__":
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    child = spawn.Process(target=work, args=(queue,))
    child.start()
    pid, thing = queue.get(timeout=60)
    child.join()
    os.chdir("/")
    print(os.path.exists(__file__), Thing.__annotations__["size"])
    print(NAME, sys.argv, sys.stdin.read() == "", pid == child.pid, type(thing) is Thing)
    1 / 0
"""


@contextmanager
def launched(folder: Path, holder: int) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        LAUNCH,
        cwd=folder,
        env={**os.environ, HOLDER_VARIABLE: str(holder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def said_by(folder: Path, command: str) -> tuple[int | None, str]:
    with launched(folder, os.getpid()) as process:
        said, _ = await asyncio.to_thread(process.communicate, command, PATIENCE)
        return process.returncode, said


async def test_a_file_runs_as_if_it_were_run_by_itself(tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "main.py").write_text(PROGRAM, "utf-8")
    (tmp_path / "part" / "neighbour.py").write_text("NAME = 'it'\n", "utf-8")
    command = json.dumps(file_command("part/main.py"))
    status, said = await said_by(tmp_path, f"{command}\n")
    assert status == 1
    said_first = "True <class 'int'>\nit ['part/main.py'] True True True\n"
    assert said.startswith(said_first), said
    file = re.escape(str(tmp_path / "part" / "main.py"))
    trace = rf'^Traceback \(most recent call last\):\n  File "{file}", line \d+, in <module>$'
    assert re.search(trace, said, re.MULTILINE), said


async def test_the_command_line_and_no_command_at_all(tmp_path: Path) -> None:
    told, left = await asyncio.gather(
        said_by(tmp_path, f"{json.dumps(words_command(['run', 'none.py']))}\n"),
        said_by(tmp_path, ""),
    )
    assert told[0] == 1
    assert told[1].startswith("moobius run: no file ") and told[1].count("\n") == 1
    assert left == (0, "")


@pytest.mark.parametrize("command", [file_command("slow.py"), words_command(["run", "slow.py"])])
def test_it_leaves_with_its_holder_also_while_it_imports(
    tmp_path: Path, command: dict[str, object]
) -> None:
    text = "import time\nprint('importing', flush=True)\ntime.sleep(3600)\n"
    (tmp_path / "slow.py").write_text(text, "utf-8")
    other = subprocess.Popen(["sleep", "3600"])
    try:
        with launched(tmp_path, other.pid) as process:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write(f"{json.dumps(command)}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "importing\n"
            other.kill()
            other.wait()
            wait_until(lambda: not alive(process.pid))
    finally:
        other.kill()
        other.wait()
