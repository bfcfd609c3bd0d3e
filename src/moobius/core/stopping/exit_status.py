"""Sets the exit status of a script that has ended already.

By then Python has fixed the status, and the only way to change it is to call `os._exit` first. In
an `atexit` function that would be too early: others still write to files, and threads still run.
Attributes of `sys` are destroyed last, so it is done when an object that is one is destroyed.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys


class _Status:
    """Ends the process when it is destroyed; it holds all it needs: modules are empty by then."""

    def __init__(self) -> None:
        self.status = 0
        self._owner = os.getpid()
        self._pid, self._exit = os.getpid, os._exit
        self._objects, self._suppress = gc.get_objects, contextlib.suppress
        self._files = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)

    def __del__(self) -> None:
        if not self.status or self._pid() != self._owner:
            return
        # Files of the script that would be destroyed later may still have something in a buffer.
        for each in self._objects():
            if isinstance(each, self._files):
                with self._suppress(ValueError, OSError):  # it is closed, or its disk is full
                    each.flush()
        self._exit(self.status)


def end_with(status: int) -> None:
    """Make the process end with this status, after everything else that Python does at its end."""
    vars(sys).setdefault("_moobius_status", _Status()).status = status
