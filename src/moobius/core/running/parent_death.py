"""Makes this process end when another one has ended, in whatever way, such as its parent."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import wait

from moobius.private_files import process_lives

LOOK_EVERY_S = 0.5


def leave_with(
    pid: int, stop: Callable[[], object], patience: float, sentinel: int | None = None
) -> None:
    """Stop this process when another one has ended: in order, or after a while by force.

    Args:
        pid: The other process.
        stop: Begins to stop this one in order.
        patience: Seconds that this may take; an event loop that is blocked never begins.
        sentinel: The other's `Process.sentinel`, if there is one. It reports the end at once, but
            not while another process lives that was forked from it and has inherited its files.
    """
    is_parent = os.getppid() == pid  # then a new parent id shows its end, even of a zombie

    def is_gone() -> bool:
        if sentinel is not None and wait([sentinel], LOOK_EVERY_S):
            return True
        return os.getppid() != pid if is_parent else not process_lives(pid)

    def watch() -> None:
        while not is_gone():
            if sentinel is None:
                time.sleep(LOOK_EVERY_S)
        leave = threading.Timer(patience, os._exit, args=(1,))
        leave.daemon = True
        leave.start()
        stop()

    threading.Thread(target=watch, name=f"moobius watch of process {pid}", daemon=True).start()
