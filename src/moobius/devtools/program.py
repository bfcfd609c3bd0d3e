"""The process of a service under `moobius dev`: started, stopped in order, and heard."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping

from moobius.devtools.stream import Stream
from moobius.devtools.targets import Target

STOP_SECONDS = 20.0  # callbacks get 10 of them, last frames 5


class ServiceProgram:
    """Runs one process after another, of the same program.

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
        self._process: subprocess.Popen[bytes] | None = None
        self._output: threading.Thread | None = None

    def start(self) -> None:
        """Start a process, with the source as it is now."""
        self._process = subprocess.Popen(
            self._command(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # Ctrl+C is for us, who stop it in order.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._output = self._stream.pass_on("service", self._process.stdout)

    def note_end(self) -> None:
        """Say so, once, if it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            status = self._process.returncode
            self._forget()
            self._stream.say("dev", f"it ended with status {status}; save a file to start it again")

    def stop(self) -> None:
        """Let it stop in order, firmly after a while."""
        process = self._process
        if process is None:
            return
        try:
            process.terminate()
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._stream.say("dev", f"it does not stop within {STOP_SECONDS:g} s: killed")
        finally:
            if process.poll() is None:
                _kill(process)
            self._forget()

    def _command(self) -> list[str]:
        target = self._target
        if self._config is None and target.starts_itself:
            return [sys.executable, str(target.file)]
        name = str(target.file or target.module)
        command = [sys.executable, "-m", "moobius", "run"]
        command.append(f"{name}:{target.cls}" if target.cls else name)
        return command if self._config is None else [*command, "--config", self._config]

    def _forget(self) -> None:
        if self._output is not None:
            self._output.join(1.0)  # what it left behind may hold the pipe open
        self._process = self._output = None


def _environment() -> Mapping[str, str]:
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        # Compiled files are told apart by second and size only; two saves may share both.
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it, and what it has started, at once."""
    if os.name == "nt":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
