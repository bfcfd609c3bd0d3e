"""What several programs say, in one readable stream: each line with its speaker in front."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import IO, TextIO

SPEAKERS = {"dev": "36", "platform": "35", "service": "32"}
"""Who speaks -> the colour of the name on a terminal."""
_WIDTH = max(map(len, SPEAKERS))


class Stream:
    """Writes whole lines, from any thread."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._is_terminal = out.isatty()
        self._lost: BrokenPipeError | None = None

    def say(self, speaker: str, text: str) -> None:
        """Write a line, or several."""
        name = f"{speaker:<{_WIDTH}}"
        if self._is_terminal:
            name = f"\033[{SPEAKERS[speaker]}m{name}\033[0m"
        try:
            with self._lock:
                for line in text.splitlines() or [""]:
                    self._out.write(f"{name} | {line}\n")
                self._out.flush()
        except BrokenPipeError as error:  # a thread has nobody to tell of it
            self._lost = error

    def check(self) -> None:
        """Look whether there is still somebody who reads it.

        Raises:
            BrokenPipeError: If not.
        """
        if self._lost is not None:
            raise self._lost

    def pass_on(self, speaker: str, pipe: IO[bytes]) -> threading.Thread:
        """Write what comes out of a pipe until its end, in a thread; return that."""

        def read() -> None:
            with pipe:
                for line in pipe:
                    self.say(speaker, line.decode("utf-8", "replace").rstrip("\r\n"))

        thread = threading.Thread(target=read, name=f"output of {speaker}", daemon=True)
        thread.start()
        return thread


class LogTail:
    """The lines that are added to a log file from now on, also when it is begun anew."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = file.stat().st_size if file.exists() else 0
        self._rest = b""

    def lines(self) -> list[str]:
        """Return the whole lines that have come since the last call."""
        try:
            with self._file.open("rb") as log:
                if log.seek(0, 2) < self._position:
                    self._position = 0
                log.seek(self._position)
                data = log.read()
        except FileNotFoundError:
            return []
        self._position += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [line.decode("utf-8", "replace").rstrip("\r") for line in whole]
