"""A limit on the connections whose peers have not proved the shared key yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from loguru import logger

TELL_EVERY_S = 10.0
"""Seconds between two lines of the log, so that a flood of connections does not flood the log."""


class Strangers:
    """Limits how many connections somebody without the key can make a server hold open.

    When there are too many, the oldest is closed, not the newest: a peer that has the key proves it
    at once, and so gets in even during a flood of connections.
    """

    def __init__(self, limit: int) -> None:
        """Begin without connections.

        Args:
            limit: How many there may be.

        Raises:
            ValueError: If there may be none, so that no peer could prove its key.
        """
        if limit < 1:
            raise ValueError(f"strangers={limit}: there has to be room for one, to prove the key")
        self._limit = limit
        self._here: dict[Hashable, Callable[[], object]] = {}  # the oldest first
        self._turned_out = 0
        self._timer: asyncio.TimerHandle | None = None

    def enter(self, stranger: Hashable, hang_up: Callable[[], object]) -> None:
        """Add a connection, which `hang_up` closes; if there are too many, close the oldest."""
        self._here[stranger] = hang_up
        if len(self._here) > self._limit:
            self._here.pop(next(iter(self._here)))()
            self._turned_out += 1
            if self._timer is None:
                self._timer = asyncio.get_running_loop().call_later(TELL_EVERY_S, self.tell)

    def leave(self, stranger: Hashable) -> None:
        """Remove a connection: its peer has proved the key, or it has ended."""
        self._here.pop(stranger, None)

    def tell(self) -> None:
        """Log how many were closed since the last time, if any were."""
        if self._timer is not None:
            self._timer.cancel()
            logger.warning(
                "hung up on {} connections that had not proved the key, because more than {} had "
                "not; the newest may stay",
                *(self._turned_out, self._limit),
            )
        self._timer, self._turned_out = None, 0
