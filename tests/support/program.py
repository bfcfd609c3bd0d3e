"""A project folder, copied and run as its readers run it: `python main.py` in a process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from tests.support.patience import PATIENCE, until

ROOT = Path(__file__).parents[2]
PLATFORM_READY = re.compile(r"^Moobius Platform ready on (http://127\.0\.0\.1:\d+)$", re.MULTILINE)
SERVICE_READY = re.compile(r" \w+ is ready: 1 channel on")

P = TypeVar("P", bound="Program")


class Program:
    """A running project, in a copy of its folder and out of sight of the developer's Platform."""

    def __init__(
        self, folder: Path, *command: str, python: str = sys.executable, **environment: str
    ) -> None:
        self.folder = folder
        self.python = python
        self.command = command
        self.output = ""
        runtime = folder.parent / "runtime"
        runtime.mkdir(mode=0o700, exist_ok=True)
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MOOBIUS_")},
            "XDG_RUNTIME_DIR": str(runtime),
            "MOOBIUS_LOCAL_PORT": "0",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }

    async def __aenter__(self: P) -> P:
        self._process = await asyncio.create_subprocess_exec(
            self.python,
            *self.command,
            cwd=self.folder,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reader
        if error is not None:
            print(self.output[-8000:])  # noqa: T201 - pytest shows it beside the failure

    async def url(self) -> str:
        """Wait until the service serves its channel; return the address of the Platform."""
        found = await self.wait_for(PLATFORM_READY)
        await self.wait_for(SERVICE_READY)
        return found.group(1)

    async def wait_for(self, pattern: re.Pattern[str]) -> re.Match[str]:
        """Wait until the program has printed something."""

        def is_so() -> bool:
            if pattern.search(self.output) is not None:
                return True
            if self._reader.done():  # what it said before it ended may still be on its way
                self.check_alive()
            return False

        await until(is_so, lambda: f"no {pattern.pattern!r} in: {self.output}")
        found = pattern.search(self.output)
        assert found is not None
        return found

    def check_alive(self) -> None:
        """Fail, with what it printed, if the program has ended."""
        assert self._process.returncode is None, f"it has ended: {self.output[-8000:]}"

    def write_line(self, line: str) -> None:
        """Write a line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())

    async def interrupt(self) -> int:
        """Press Ctrl+C once, as a terminal does: for the whole group. Return the exit status."""
        os.killpg(self._process.pid, signal.SIGINT)
        return await self.ended()

    @property
    def pid(self) -> int:
        """Its process, which leads a group of its own."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    def kill(self) -> None:
        """End it at once, without a word, as `kill -9` does."""
        os.killpg(self._process.pid, signal.SIGKILL)

    async def ended(self) -> int:
        """Wait until the program has ended; return its exit status."""
        status = await asyncio.wait_for(self._process.wait(), PATIENCE)
        # What it has left behind may still write.
        await asyncio.wait_for(asyncio.shield(self._reader), PATIENCE)
        return status

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(65536):
            self.output += data.decode(errors="replace")


def copy_project(name: str, into: Path) -> Path:
    """Copy a project without what earlier runs have left in its folder."""
    left_behind = shutil.ignore_patterns(".moobius", "logs", "__pycache__", "downloads")
    return Path(shutil.copytree(ROOT / "projects" / name, into / name, ignore=left_behind))
