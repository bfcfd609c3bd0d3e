"""Deliveries kept for services that are being started again (`moobius dev`).

Usually what comes for a service that is not there is acknowledged and gone (platform.md Q21). A
program that restarts a service can have it kept instead: from the end of the old process until the
new one is ready. A service that logs in without such a program ends that, because nobody would tell
when it is ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from loguru import logger

from moobius.local.model.outcome import ToService

MOST_KEPT = 2048
"""Deliveries; half of what may wait for a connection at once."""


class Timer(Protocol):
    """An action that will be taken, unless it is cancelled."""

    def cancel(self) -> None:
        """Do not take the action."""
        ...


Later = Callable[[float, Callable[[], None]], Timer]


def in_loop(seconds: float, action: Callable[[], None]) -> Timer:
    """Do something later in the event loop that runs."""
    return asyncio.get_running_loop().call_later(seconds, action)


@dataclass
class _Hold:
    """What is known of one held service."""

    holder: str
    seconds: float
    is_paused: bool = True
    kept: deque[ToService] = field(default_factory=deque)
    timer: Timer | None = None  # runs while something is kept, from the oldest on

    def empty(self) -> list[ToService]:
        """Return what was kept, oldest first, and keep it no longer."""
        kept = list(self.kept)
        self.kept.clear()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        return kept


class Holds:
    """Services whose deliveries are kept while they are away.

    Args:
        deliver: Given what was kept for a service whose hold is over; returns whether the service
            is there to take it.
        most: How many are kept for each; what comes beyond is lost, with one warning.
        later: Does something after so many seconds.
    """

    def __init__(
        self,
        deliver: Callable[[str, list[ToService]], bool],
        most: int = MOST_KEPT,
        later: Later = in_loop,
    ) -> None:
        self._deliver = deliver
        self._most = most
        self._later = later
        self._holds: dict[str, _Hold] = {}

    def pause(self, service_id: str, holder: str, seconds: float) -> None:
        """Keep whatever comes for a service from now on, even while it is connected.

        Args:
            service_id: The service.
            holder: Who asks; `end` takes the same.
            seconds: How long something is kept; then the hold is over, and all that is kept goes
                to the service if it is connected. If it is not, that is lost.
        """
        hold = self._holds.setdefault(service_id, _Hold(holder, seconds))
        hold.holder, hold.seconds, hold.is_paused = holder, seconds, True

    def resume(self, service_id: str, holder: str, seconds: float) -> list[ToService]:
        """Return what was kept, oldest first; from now on keep only what meets no connection."""
        self.pause(service_id, holder, seconds)
        hold = self._holds[service_id]
        hold.is_paused = False
        return hold.empty()

    def release(self, service_id: str) -> list[ToService]:
        """Return what was kept, oldest first, and keep nothing more."""
        hold = self._holds.pop(service_id, None)
        return [] if hold is None else hold.empty()

    def end(self, holder: str) -> None:
        """End the holds of this holder; what was kept goes to the services that are connected."""
        for service_id, hold in tuple(self._holds.items()):
            if hold.holder == holder:
                self._end(service_id)

    def clear(self) -> None:
        """Forget everything: there will be no more deliveries."""
        for service_id in tuple(self._holds):
            self.release(service_id)

    def takes(self, delivery: ToService, *, is_connected: bool) -> bool:
        """Keep a delivery if it is to be kept, and return whether it is."""
        service_id = delivery.service_id
        hold = self._holds.get(service_id)
        if hold is None or (is_connected and not hold.is_paused):
            return False
        if hold.timer is None:
            hold.timer = self._later(hold.seconds, partial(self._end, service_id))
        if len(hold.kept) < self._most:
            hold.kept.append(delivery)
            if len(hold.kept) == self._most:
                text = "{} frames wait for service {}; what else comes for it is lost"
                logger.warning(text, self._most, service_id)
        return True

    def _end(self, service_id: str) -> None:
        kept = self.release(service_id)
        if kept and not self._deliver(service_id, kept):
            text = "{} frames for service {} are dropped: it did not come back in time"
            logger.warning(text, len(kept), service_id)
