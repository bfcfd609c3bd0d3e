"""The services of one wand, by their handles: who is there, and what is asked of them."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moobius.core.running.plan import ServiceStatus
from moobius.core.stopping.patience import HURRY_S
from moobius.core.stopping.signals import hold_signals
from moobius.errors import WandError

if TYPE_CHECKING:
    from moobius.core.running.foreground import Foreground
    from moobius.core.running.worker import Worker


class Roster:
    """Knows every service that was started and not forgotten, those that have ended too."""

    def __init__(self) -> None:
        self._services: dict[int, Foreground | Worker] = {}

    def add(self, service: Foreground | Worker) -> None:
        """Know a service from now on."""
        self._services[service.handle] = service

    def forget(self, handle: int) -> None:
        """Know it no more."""
        del self._services[handle]

    def taker(self, handle: int) -> Foreground | Worker:
        """Return the service that takes spells under a handle.

        Raises:
            WandError: If there is none, or it has ended; with those that do.
        """
        found = self._services.get(handle)
        if found is None or not found.takes_spells:
            raise self._nobody(handle)
        return found

    @property
    def has_failed(self) -> bool:
        """Whether one of them has ended badly."""
        return any(each.life.state == "failed" for each in self._services.values())

    @property
    def is_idle(self) -> bool:
        """Whether all of them have ended."""
        return all(each.life.is_over for each in self._services.values())

    def status(self) -> dict[int, ServiceStatus]:
        """Return what is known of each."""
        return {handle: each.status for handle, each in self._services.items()}

    def stop(self, handle: int) -> None:
        """Stop one, and return when it has ended; at once, if the caller is part of it.

        Raises:
            WandError: If there is none.
        """
        found = self._known(handle)
        found.ask_to_stop()
        if not found.is_around_us:
            found.end()

    def restart(self, handle: int) -> None:
        """Stop one and start it again; return when it runs; at once, if the caller is part of it.

        Raises:
            WandError: If there is none, or it cannot be started again.
        """
        found = self._known(handle)
        if found.life.is_over:
            raise self._nobody(handle)
        found.ask_to_restart()
        if found.is_around_us:
            return
        if not found.life.wait_running(found.plan.patience):
            found.insist()
        if not found.life.wait_running(found.plan.ready_timeout):
            because = f": {found.life.why}" if found.life.why else ""
            raise WandError(
                f"{found.plan.name} did not come back; it is {found.life.state}{because}"
            )

    def join(self) -> None:
        """Wait until all background services have ended.

        Raises:
            SystemExit: If a signal comes before, with its status.
        """
        try:
            for found in list(self._services.values()):
                if found.is_background:
                    found.life.wait_over()
        except KeyboardInterrupt:
            raise SystemExit(128 + signal.SIGINT) from None

    def stop_all(self) -> None:
        """Stop all of them: politely first, after a while firmly.

        Raises:
            SystemExit: If a signal comes meanwhile, which says that it takes somebody too long.
        """
        running = [found for found in self._services.values() if not found.life.is_over]
        try:
            _stop(running, max((found.plan.patience for found in running), default=0.0))
        except (SystemExit, KeyboardInterrupt):
            with hold_signals():
                _stop(running, HURRY_S)
            raise

    def _known(self, handle: int) -> Foreground | Worker:
        found = self._services.get(handle)
        if found is None:
            raise self._nobody(handle)
        return found

    def _nobody(self, handle: int) -> WandError:
        ended = " has ended" if handle in self._services else ""
        living = [
            f"{number} ({found.plan.name})"
            for number, found in self._services.items()
            if found.takes_spells
        ]
        return WandError(f"no service {handle}{ended}; running: {', '.join(living) or 'none'}")


def _stop(services: Sequence[Foreground | Worker], seconds: float) -> None:
    for found in services:
        found.ask_to_stop()
    deadline = time.monotonic() + seconds
    for found in services:
        if found.is_background:
            found.end(deadline - time.monotonic())
