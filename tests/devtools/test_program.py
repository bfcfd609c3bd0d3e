"""One process after another under `moobius dev`."""

from __future__ import annotations

import io
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from moobius.devtools import program as module
from moobius.devtools.program import ServiceProgram
from moobius.devtools.stream import Stream
from moobius.devtools.targets import parse_target
from tests.support.patience import PATIENCE, wait_until
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


def test_one_that_cannot_be_started_is_told_and_the_next_start_may_do(tmp_path: Path) -> None:
    short, out = program(tmp_path, 'if __name__ == "__main__":\n    print("hi")\n')
    (tmp_path / "main.py").rename(tmp_path / "other.py")
    short.start()
    assert re.search(r"^dev +\| it cannot be started: .*main\.py", out.getvalue())
    (tmp_path / "other.py").rename(tmp_path / "main.py")
    short.start()
    wait_until(lambda: "service  | hi\n" in out.getvalue(), out.getvalue)
    short.end()


def test_a_spare_that_has_died_or_is_out_of_date_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIBRARY", tmp_path / "library")
    (tmp_path / "library").mkdir()
    service, out = program(tmp_path, RUNNING)
    spares: list[int] = []
    for number in range(4):
        service.start()
        wait_until(lambda: len(said_by(out)) > number, out.getvalue)  # noqa: B023 - used at once
        assert service._spare is not None
        spares.append(service._spare.pid)
        service.stop()
        if number == 1:
            service._spare.kill()
        if number == 2:
            (tmp_path / "library" / "new.py").touch()
    service.end()
    assert [pid in said_by(out) for pid in spares] == [True, False, False, False]
    assert not any(alive(pid) for pid in spares)


RUNNING = """
import os, time
if __name__ == "__main__":
    print("runs", os.getpid())
    time.sleep(3600)
"""


def said_by(out: io.StringIO) -> list[int]:
    """Return the processes that have run."""
    return [int(pid) for pid in re.findall(r"runs (\d+)\n", out.getvalue())]


POLITE = """
import signal, sys, time
from pathlib import Path

def asked(number, frame):
    print("asked", flush=True)

signal.signal(signal.SIGTERM, asked)
if __name__ == "__main__":
    print("runs", flush=True)
    while not Path(sys.argv[0]).with_name("go").exists():
        time.sleep(0.02)
    print("done", flush=True)
"""


def test_who_is_interrupted_in_waiting_for_the_end_goes_on_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(BaseException):
        pass

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    monkeypatch.setattr(module, "STOP_SECONDS", 2 * PATIENCE)
    polite, out = program(tmp_path, POLITE)
    polite.start()
    wait_until(lambda: "runs" in out.getvalue(), out.getvalue)
    before = signal.signal(signal.SIGUSR1, interrupt)

    def interrupt_when_asked() -> None:
        wait_until(lambda: "asked" in out.getvalue(), out.getvalue)
        os.kill(os.getpid(), signal.SIGUSR1)

    try:
        threading.Thread(target=interrupt_when_asked).start()
        with pytest.raises(Interrupted):
            polite.stop()  # which waits: it has been asked, and does not end
    finally:
        signal.signal(signal.SIGUSR1, before)
    (tmp_path / "go").touch()
    polite.end()
    wait_until(lambda: "done" in out.getvalue(), out.getvalue)
    said = [line.partition(" | ")[2] for line in out.getvalue().splitlines()]
    assert said == ["runs", "asked", "done"]


def test_the_end_of_one_is_told_once(tmp_path: Path) -> None:
    short, out = program(tmp_path, 'if __name__ == "__main__":\n    print("hi")\n    1 / 0\n')
    short.note_end()
    short.start()

    def has_ended() -> bool:
        short.note_end()
        return "it ended with status 1; save a file to start it again" in out.getvalue()

    wait_until(has_ended, out.getvalue)
    short.note_end()
    wait_until(lambda: "service  | ZeroDivisionError" in out.getvalue(), out.getvalue)
    assert "service  | hi\n" in out.getvalue()
    assert out.getvalue().count("it ended") == 1
