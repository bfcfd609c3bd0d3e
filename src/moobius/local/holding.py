"""Deliveries kept for services that are being started again (`moobius dev`).

Usually what comes for a service that is not there is acknowledged and gone (platform.md Q21). A
program that restarts a service can have it kept instead: from the moment at which the old process
takes leave until the new one is ready.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from loguru import logger

from moobius.local.model.outcome import ToService

MOST_KEPT = 2048
"""Deliveries; half of what may wait for a connection at once."""


@dataclass
class _Hold:
    """What is known of one held service."""

    holder: str
    seconds: float
    is_paused: bool = True
    since: float = 0.0  # when the oldest of those kept came
    kept: deque[ToService] = field(default_factory=deque)


class Holds:
    """Services whose deliveries are kept while they are away.

    Args:
        most: How many are kept for each; what comes beyond is lost, with one warning.
        clock: Returns seconds; only differences matter.
    """

    def __init__(self, most: int = MOST_KEPT, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._holds: dict[str, _Hold] = {}

    def pause(self, service_id: str, holder: str, seconds: float) -> None:
        """Keep whatever comes for a service from now on, even while it is connected.

        Args:
            service_id: The service.
            holder: Who asks; `end` takes the same.
            seconds: How long something is kept; then all that is kept is dropped.
        """
        before = self._holds.get(service_id)
        kept = before.kept if before else deque()
        since = before.since if before else 0.0
        self._holds[service_id] = _Hold(holder, seconds, since=since, kept=kept)

    def resume(self, service_id: str, holder: str, seconds: float) -> list[ToService]:
        """Return what was kept, oldest first; from now on keep only what meets no connection."""
        self.pause(service_id, holder, seconds)
        hold = self._holds[service_id]
        kept = [] if self._is_over(service_id, hold) else list(hold.kept)
        hold.kept.clear()
        hold.is_paused = False
        return kept

    def end(self, holder: str) -> None:
        """Keep nothing any more of what this holder asked to keep."""
        for service_id, hold in tuple(self._holds.items()):
            if hold.holder == holder:
                del self._holds[service_id]

    def takes(self, delivery: ToService, *, is_connected: bool) -> bool:
        """Keep a delivery if it is to be kept; return whether it was taken from us."""
        hold = self._holds.get(delivery.service_id)
        if hold is None or (is_connected and not hold.is_paused):
            return False
        if self._is_over(delivery.service_id, hold):
            del self._holds[delivery.service_id]
            return False
        if not hold.kept:
            hold.since = self._clock()
        if len(hold.kept) < self._most:
            hold.kept.append(delivery)
            if len(hold.kept) == self._most:
                text = "{} frames wait for service {}; what else comes for it is lost"
                logger.warning(text, self._most, delivery.service_id)
        return True

    def _is_over(self, service_id: str, hold: _Hold) -> bool:
        if not hold.kept or self._clock() - hold.since <= hold.seconds:
            return False
        text = "{} frames for service {} are dropped: it did not come back within {:g} s"
        logger.warning(text, len(hold.kept), service_id, hold.seconds)
        return True
