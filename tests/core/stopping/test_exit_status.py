"""A status that comes after the end of a script, in whole programs."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

PROGRAM = """
import atexit, os, sys, threading
from moobius.core.stopping.exit_status import end_with

atexit.register(print, "its last word")
threading.Timer(0.1, print, ["a thread of its own"]).start()
notes = open("notes.txt", "w")
notes.write("what it has noted")
closed = open("closed.txt", "w")
closed.close()
def uses_them():
    return notes

def after_the_end():
    end_with(5)
    end_with(7)

threading._register_atexit(after_the_end)
"""


@pytest.mark.parametrize("end", ["", "sys.exit(3)", "raise KeyboardInterrupt", "os.fork()"])
async def test_it_is_the_status_and_nothing_is_lost(tmp_path: Path, end: str) -> None:
    (tmp_path / "main.py").write_text(PROGRAM + end, "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "main.py"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 7
    assert b"its last word" in output
    assert b"a thread of its own" in output
    assert "what it has noted" in (tmp_path / "notes.txt").read_text("utf-8")
