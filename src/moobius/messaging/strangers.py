"""Connections whose peers have proved nothing yet: so many at a time, and the oldest makes room."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from loguru import logger

TELL_EVERY_S = 10.0
"""Whoever is flooded with connections is not flooded with lines of the log, too."""


class Strangers:
    """Bounds what somebody without the key can make a server hold open.

    The oldest makes room, not the newest: who has the key proves it at once, and gets in during a
    flood as well.
    """

    def __init__(self, limit: int) -> None:
        """Prepare.

        Args:
            limit: How many there may be.

        Raises:
            ValueError: If there may be none, so that nobody could prove anything.
        """
        if limit < 1:
            raise ValueError(f"strangers={limit}: there has to be room for one, to prove the key")
        self._limit = limit
        self._here: dict[Hashable, Callable[[], object]] = {}  # the oldest first
        self._turned_out = 0
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, stranger: Hashable, hang_up: Callable[[], object]) -> None:
        """Take note of a connection; if there are too many now, the oldest is hung up on."""
        self._here[stranger] = hang_up
        if len(self._here) > self._limit:
            self._here.pop(next(iter(self._here)))()
            self._turned_out += 1
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(TELL_EVERY_S, self.tell)

    def leave(self, stranger: Hashable) -> None:
        """Forget a connection: its peer has proved the key, or it is gone."""
        self._here.pop(stranger, None)

    def tell(self) -> None:
        """Log how many were turned out, if that is not done yet."""
        if self._timer is not None:
            self._timer.cancel()
            logger.warning(
                "hung up on {} connections that had not proved the key, because more than {} had "
                "not; the newest may stay",
                *(self._turned_out, self._limit),
            )
        self._timer, self._turned_out = None, 0
