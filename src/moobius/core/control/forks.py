"""What happens to listening threads when the process forks.

They are paused before the fork, so that no lock is held that the child would copy. Afterwards they
continue in the parent; the child, in which they do not run, closes their sockets.
"""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Protocol


class Forkable(Protocol):
    """A thread that owns sockets."""

    def stand_still(self) -> None:
        """Pause until `go_on`; called before a fork."""

    def go_on(self) -> None:
        """Continue; called after a fork, in the parent."""

    def let_go(self) -> None:
        """Close everything; called after a fork, in the child."""


_running: list[Forkable] = []
# In a child: kept for ever, because their finalisers would act on what the parent still uses.
_left_behind: list[Forkable] = []
_lock = threading.Lock()


def watch(forkable: Forkable) -> None:
    """Pause and continue it around every fork of this process from now on."""
    with _lock:
        _register()
        _running.append(forkable)


def forget(forkable: Forkable) -> None:
    """Stop doing so; it has closed everything."""
    with _lock:
        if forkable in _running:
            _running.remove(forkable)


@cache  # once for the process: it cannot be undone
def _register() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
        )


def _before() -> None:
    _lock.acquire()
    for each in _running:
        each.stand_still()


def _after_in_parent() -> None:
    for each in _running:
        each.go_on()
    _lock.release()


def _after_in_child() -> None:
    for each in _running:
        each.let_go()
    _left_behind.extend(_running)
    _running.clear()
    _lock.release()
