"""The exit status of a script that has ended already.

By then it is settled, and there is no way to change it but to leave before the interpreter does.
`atexit` would be too early: what it calls may write to files still, and threads go on. What hangs
on `sys` is the last that is put away.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys


class _Status:
    """Leaves when it is put away; modules are empty by then, so it has all that it needs."""

    def __init__(self) -> None:
        self.status = 0
        self._owner = os.getpid()
        self._pid, self._exit = os.getpid, os._exit
        self._objects, self._suppress = gc.get_objects, contextlib.suppress
        self._files = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)

    def __del__(self) -> None:
        if not self.status or self._pid() != self._owner:
            return
        # Files of the script that are put away later than this: their buffers are not empty.
        for each in self._objects():
            if isinstance(each, self._files):
                with self._suppress(ValueError, OSError):  # it is closed, or its disk is full
                    each.flush()
        self._exit(self.status)


def end_with(status: int) -> None:
    """Have the process end with this status, after everything that is done at the end anyway."""
    vars(sys).setdefault("_moobius_status", _Status()).status = status
