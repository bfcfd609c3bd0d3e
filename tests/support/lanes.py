"""Passwords that wait to be looked at for as long as a test wants them to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from moobius.local import passwords


@contextmanager
def held_guesses() -> Iterator[None]:
    """Let no guess at a password be looked at meanwhile."""
    may_go_on = threading.Event()
    passwords._guesses._thread.submit(may_go_on.wait)
    try:
        yield
    finally:
        may_go_on.set()


def waiting_guesses() -> int:
    """Return how many guesses wait to be looked at."""
    return passwords._guesses._waiting
