"""Timestamps of messages, no two of them equal: histories are paged by them (platform.md 2.6)."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_AHEAD = 1000
"""How many milliseconds a stamp may be ahead of the clock, when several are made in one."""


def now_ms() -> int:
    """Return the time as the wire has it: milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Stamps:
    """Milliseconds since the epoch, each later than the one before.

    When more than one is made in a millisecond, they run ahead of the clock. After a second of
    that, or when the clock is set back by more than a second, stamps may be equal.

    Args:
        clock: Tells the time in milliseconds since the epoch.
    """

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Return the time, or the first millisecond after the last stamp."""
        now = self._clock()
        self._last = max(now, min(self._last + 1, now + MOST_AHEAD))
        return self._last
