"""Recognises bursts: older clients request each part of a view by itself, all at once."""

from __future__ import annotations

from collections.abc import Hashable

BURST_SECONDS = 0.5  # as the local Platform has it (platform.md 6.4)
_MANY = 1024


class Bursts:
    """Tells the first request of a burst from the others; the caller passes the time."""

    def __init__(self, seconds: float = BURST_SECONDS) -> None:
        self._seconds = seconds
        self._began: dict[Hashable, float] = {}

    def begins(self, key: Hashable, now: float) -> bool:
        """Return whether a request is the first of its burst; the others need no answer."""
        began = self._began.get(key)
        if began is not None and now - began < self._seconds:
            return False
        if len(self._began) >= _MANY:
            self._began = {k: at for k, at in self._began.items() if now - at < self._seconds}
        self._began[key] = now
        return True
