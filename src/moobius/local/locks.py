"""A lock on a file, for one process at a time; the system releases it when the process ends."""

from __future__ import annotations

import errno
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from moobius.errors import ConfigError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES})
"""What systems say when another process has the lock. Anything else, such as a file system without
locks, is no sign of one."""


class FileLock:
    """Holds a lock while it is entered.

    Args:
        path: The file to lock; it is made, and stays.
        what: What is refused while another process has it, for the error's text.
        wait_seconds: How long to wait for the other process.

    Raises:
        ConfigError: If another process has the lock, or the file cannot be locked.
    """

    def __init__(self, path: Path, what: str, wait_seconds: float = 0.0) -> None:
        self._path = path
        self._what = what
        self._wait = wait_seconds
        self._file: IO[bytes] | None = None

    def __enter__(self) -> FileLock:
        file = self._path.open("ab")
        deadline = time.monotonic() + self._wait
        while True:
            try:
                _try_lock(file)
            except OSError as error:
                if error.errno not in HELD:
                    file.close()
                    raise ConfigError(f"{self._path} cannot be locked: {error}") from error
                if time.monotonic() >= deadline:
                    file.close()
                    raise ConfigError(self._what) from None
                time.sleep(0.05)
            else:
                self._file = file
                return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
