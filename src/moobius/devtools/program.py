"""The process of a service under `moobius dev`: started, stopped in order, and heard."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from moobius.core.handover import HOLDER_VARIABLE
from moobius.core.stopping.signals import put_off_exit
from moobius.devtools.launch import file_command, words_command
from moobius.devtools.sources import snapshot
from moobius.devtools.stream import Stream
from moobius.devtools.targets import Target
from moobius.errors import MoobiusError

STOP_SECONDS = 20.0  # callbacks get 10 of them, last frames 5
LIBRARY = Path(__file__).parents[1]
"""Our own source: somebody may work on it, or install another version."""
LAUNCH = (sys.executable, "-m", "moobius.devtools.launch")


class ServiceProgram:
    """Runs one process after another, of the same program.

    Beside the one that runs, another waits that has imported what every service needs: it becomes
    the next, which so is there sooner.

    Args:
        target: What to run: a program that starts its services itself, as it stands; else the
            service class in it.
        config: The configuration for that class, if one was named.
        stream: Where its output goes.
    """

    def __init__(self, target: Target, config: str | None, stream: Stream) -> None:
        self._target = target
        self._config = config
        self._stream = stream
        self._running: _Process | None = None
        self._spare: _Process | None = None
        self._stop_by: float | None = None

    def start(self) -> None:
        """Start a process, with the source as it is now; if that cannot be done, say so."""
        try:
            command = self._command()
            with put_off_exit():  # one that has begun is to be known, to be stopped
                self._running = self._next()
                self._running.begin(command)
                self._spare = _Process(self._stream)
        except (OSError, MoobiusError) as error:
            self._stream.say("dev", f"it cannot be started: {error}; save a file to try again")

    def note_end(self) -> None:
        """Say so, once, if it has ended by itself."""
        if self._running is not None and self._running.status is not None:
            status = self._running.status
            self._forget()
            self._stream.say("dev", f"it ended with status {status}; save a file to start it again")

    def stop(self) -> None:
        """Let it stop in order, firmly after a while. Who is interrupted here may call it again."""
        process = self._running
        if process is None:
            return
        if self._stop_by is None:
            with put_off_exit():  # asked twice, it would not finish its work
                self._stop_by = time.monotonic() + STOP_SECONDS
                process.terminate()
        if not process.has_ended_by(self._stop_by):
            self._stream.say("dev", f"it does not stop within {STOP_SECONDS:g} s: killed")
            process.kill()
        self._forget()

    def end(self) -> None:
        """Stop for good; a signal that comes in the meantime makes it firm."""
        try:
            if self._spare is not None:
                self._spare.kill()
            self.stop()
        finally:
            if self._running is not None:
                self._running.kill()
                self._forget()

    def _next(self) -> _Process:
        spare, self._spare = self._spare, None
        if spare is not None:
            if spare.status is None and spare.is_current:
                return spare
            spare.kill()
        return _Process(self._stream)

    def _command(self) -> dict[str, object]:
        target = self._target
        if self._config is None and target.starts_itself:
            return file_command(str(target.file))
        name = str(target.file or target.module)
        words = ["run", f"{name}:{target.cls}" if target.cls else name]
        return words_command(words if self._config is None else [*words, "--config", self._config])

    def _forget(self) -> None:
        process, self._running, self._stop_by = self._running, None, None
        if process is not None:
            process.hear_out()


class _Process:
    """A process that waits to be told what to run."""

    def __init__(self, stream: Stream) -> None:
        self._library = snapshot(LIBRARY)
        self._process = subprocess.Popen(
            LAUNCH,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # Ctrl+C is for us, who stop it in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._output: threading.Thread = stream.pass_on("service", self._process.stdout)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_current(self) -> bool:
        """Whether what it has imported is what it would import now."""
        return snapshot(LIBRARY) == self._library

    @property
    def status(self) -> int | None:
        """Its exit status, once it has ended."""
        return self._process.poll()

    def begin(self, command: Mapping[str, object]) -> None:
        """Let it run something."""
        assert self._process.stdin is not None
        with self._process.stdin as pipe:
            pipe.write(f"{json.dumps(command)}\n".encode())

    def terminate(self) -> None:
        """Ask it to stop."""
        self._process.terminate()

    def has_ended_by(self, deadline: float) -> bool:
        """Wait for its end; return false when it is too late."""
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        if self.status is None:
            if os.name == "nt":
                self._process.kill()
            else:
                os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def hear_out(self) -> None:
        """Wait until all that it has said is passed on."""
        self._output.join(1.0)  # what it left behind may hold the pipe open


def _environment() -> Mapping[str, str]:
    return {
        **os.environ,
        HOLDER_VARIABLE: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
        # Compiled files are told apart by second and size only; two saves may share both.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
