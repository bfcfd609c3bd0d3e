"""Listeners around a fork: none is in the middle of anything, and the child keeps none open."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Protocol


class Forkable(Protocol):
    """A thread with sockets of its own."""

    def stand_still(self) -> None:
        """Do nothing until `go_on`."""

    def go_on(self) -> None:
        """Work again: this is the parent."""

    def let_go(self) -> None:
        """Keep nothing open: this is the child, in which the thread is not."""


_running: list[Forkable] = []
# In a child: never to be collected, because who closes them would disturb the parent's.
_left_behind: list[Forkable] = []
_lock = threading.Lock()


def watch(forkable: Forkable) -> None:
    """See to it around every fork of this process from now on."""
    with _lock:
        _register()
        _running.append(forkable)


def forget(forkable: Forkable) -> None:
    """Leave it alone again; it has closed everything."""
    with _lock:
        if forkable in _running:
            _running.remove(forkable)


@cache  # there is no way to take it back, and once is enough
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
