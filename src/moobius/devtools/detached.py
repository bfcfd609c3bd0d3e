"""A service in a process that goes on when the terminal it was started from is closed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from moobius.core.running.plan import READY_TIMEOUT
from moobius.core.stopping.signals import put_off_exit
from moobius.local.data import make_private
from moobius.local.options import DEFAULT_DATA
from moobius.private_files import open_private

LOOK_EVERY_S = 0.05
LAST_WORDS = 20
"""Lines of a log that are shown when a service could not start."""
STOP_SECONDS = 10.0


class Detached:
    """`moobius run --background`: starts a process like itself, and waits until it is ready.

    Args:
        label: What its log file is called.
        target: As it was given.
        keywords: Options of `moobius run` to pass on.
    """

    def __init__(self, label: str, target: str, keywords: Mapping[str, Any]) -> None:
        self.log = Path.cwd() / DEFAULT_DATA / (re.sub(r"[^\w.-]", "_", label) + ".log")
        self._command = [sys.executable, "-m", "moobius", "run", target]
        for key, value in keywords.items():
            self._command += [f"--{key}", str(value)]

    def start(self) -> int:
        """Start it, say how, and return the exit status."""
        make_private(self.log.parent)
        with (
            tempfile.TemporaryDirectory(prefix="moobius-") as scratch,
            open(self.log, "ab", opener=open_private) as log,  # what members say may stand there
        ):
            began = log.tell()
            report = Path(scratch) / "ready"
            process = None
            try:
                with put_off_exit():  # one that has begun is to be known, to be ended
                    process = self._spawn(report, log)
                name = _wait(process, report)
            except BaseException:
                if process is not None:
                    _end(process)
                raise
        if name:
            print(f"{name} runs in process {process.pid}; its log is {self.log}")  # noqa: T201
            return 0
        _end(process)
        self._complain(process.returncode, began)
        return 1

    def _spawn(self, report: Path, log: IO[bytes]) -> subprocess.Popen[bytes]:
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            apart = {"creationflags": flags}
        return subprocess.Popen(
            [*self._command, "--report", str(report)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            **apart,
        )

    def _complain(self, status: int, began: int) -> None:
        with self.log.open("rb") as log:
            log.seek(began)
            said = log.read().decode("utf-8", "replace").splitlines()[-LAST_WORDS:]
        lines = [*said, f"moobius run: it ended with status {status}; its log is {self.log}"]
        print(*lines, sep="\n", file=sys.stderr)  # noqa: T201 - speaks to its user


def _wait(process: subprocess.Popen[bytes], report: Path) -> str:
    """Return the name under which it runs; an empty one if it ended, or took too long."""
    deadline = time.monotonic() + READY_TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        if report.exists():
            return report.read_text("utf-8")
        time.sleep(LOOK_EVERY_S)
    return ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it end in order; then make it."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
