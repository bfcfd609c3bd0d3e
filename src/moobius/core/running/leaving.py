"""A process that does not outlive another one, however that went."""

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
    """Stop this process when another is gone: in order, or after a while without more ado.

    Args:
        pid: The other.
        stop: Begins to stop this one.
        patience: Seconds that may take; a loop that hangs does not hear of it.
        sentinel: What `multiprocessing` says to wait for. It tells at once, but nothing while
            another process lives that was forked from the other one and holds all its files.
    """
    is_parent = os.getppid() == pid  # whose end we hear of even if nobody buries it

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
