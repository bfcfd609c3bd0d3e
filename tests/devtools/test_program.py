"""One process after another under `moobius dev`."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from moobius.devtools import program as module
from moobius.devtools.program import ServiceProgram
from moobius.devtools.stream import Stream
from moobius.devtools.targets import parse_target
from tests.support.patience import wait_until
from tests.support.scripts import alive

STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print("pids", os.getpid(), child.pid)
if __name__ == "__main__":
    time.sleep(3600)
"""


def program(tmp_path: Path, source: str) -> tuple[ServiceProgram, io.StringIO]:
    (tmp_path / "main.py").write_text(source, "utf-8")
    out = io.StringIO()
    return ServiceProgram(parse_target(str(tmp_path / "main.py")), None, Stream(out)), out


def test_one_that_does_not_stop_is_killed_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.2)
    stubborn, out = program(tmp_path, STUBBORN)
    stubborn.start()
    wait_until(lambda: "pids" in out.getvalue(), out.getvalue)
    pids = [int(pid) for pid in re.findall(r"\d+", out.getvalue())]
    stubborn.stop()
    wait_until(lambda: not any(alive(pid) for pid in pids))
    assert "dev      | it does not stop within 0.2 s: killed" in out.getvalue()
    stubborn.stop()  # there is nothing left to stop


def test_the_end_of_one_is_told_once(tmp_path: Path) -> None:
    short, out = program(tmp_path, 'if __name__ == "__main__":\n    print("hi")\n    1 / 0\n')
    short.note_end()
    short.start()

    def has_ended() -> bool:
        short.note_end()
        return "it ended with status 1; save a file to start it again" in out.getvalue()

    wait_until(has_ended, out.getvalue)
    short.note_end()
    assert out.getvalue().count("it ended") == 1
    assert "service  | hi\n" in out.getvalue()
    assert "service  | ZeroDivisionError" in out.getvalue()
