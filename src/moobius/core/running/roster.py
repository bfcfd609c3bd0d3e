"""The services of one wand, by their handles: stopping, restarting and waiting for them."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moobius.core.running.plan import ServiceStatus
from moobius.core.stopping.signals import hold_signals
from moobius.core.stopping.time_limits import HURRY_S
from moobius.errors import WandError

if TYPE_CHECKING:
    from moobius.core.running.foreground import Foreground
    from moobius.core.running.worker import Worker


class Roster:
    """All services that a wand has started, also ended ones, until they are forgotten."""

    def __init__(self) -> None:
        self._services: dict[int, Foreground | Worker] = {}

    def add(self, service: Foreground | Worker) -> None:
        """Add a service."""
        self._services[service.handle] = service

    def forget(self, handle: int) -> None:
        """Remove a service."""
        del self._services[handle]

    def taker(self, handle: int) -> Foreground | Worker:
        """Return the service that takes spells under a handle.

        Raises:
            WandError: If there is none, or it has ended; the error lists those that run.
        """
        service = self._services.get(handle)
        if service is None or not service.takes_spells:
            raise self._no_service(handle)
        return service

    @property
    def _all(self) -> list[Foreground | Worker]:
        # A copy: another thread may start a service meanwhile.
        return list(self._services.values())

    @property
    def has_failed(self) -> bool:
        """Whether one of them has failed."""
        return any(each.life.state == "failed" for each in self._all)

    @property
    def is_idle(self) -> bool:
        """Whether all of them have ended."""
        return all(each.life.is_over for each in self._all)

    def status(self) -> dict[int, ServiceStatus]:
        """Return the status of each, by handle."""
        return {each.handle: each.status for each in self._all}

    def stop(self, handle: int) -> None:
        """Stop one, and return when it has ended; at once, if one of its callbacks is the caller.

        Raises:
            WandError: If there is none.
        """
        service = self._known(handle)
        service.ask_to_stop()
        if not service.is_around_us:
            service.end()

    def restart(self, handle: int) -> None:
        """Restart one, and return when it runs; at once, if one of its callbacks is the caller.

        Raises:
            WandError: If there is none, or it does not get ready.
        """
        service = self._known(handle)
        if service.life.is_over:
            raise self._no_service(handle)
        service.ask_to_restart()
        if service.is_around_us:
            return
        if not service.life.wait_running(service.plan.patience):
            service.insist()
        if not service.life.wait_running(service.plan.ready_timeout):
            because = f": {service.life.why}" if service.life.why else ""
            raise WandError(
                f"{service.plan.name} did not come back; it is {service.life.state}{because}"
            )

    def join(self) -> None:
        """Wait until all background services have ended.

        Raises:
            SystemExit: If a signal comes first, with the status for that signal.
        """
        try:
            for service in self._all:
                if service.is_background:
                    service.life.wait_over()
        except KeyboardInterrupt:
            raise SystemExit(128 + signal.SIGINT) from None

    def stop_all(self) -> None:
        """Stop all of them, in order if they can in time, else by force.

        Raises:
            SystemExit: If a signal comes meanwhile; then they had only a few seconds more.
        """
        running = [service for service in self._all if not service.life.is_over]
        try:
            _stop(running, max((service.plan.patience for service in running), default=0.0))
        except (SystemExit, KeyboardInterrupt):
            with hold_signals():
                _stop(running, HURRY_S)
            raise

    def _known(self, handle: int) -> Foreground | Worker:
        service = self._services.get(handle)
        if service is None:
            raise self._no_service(handle)
        return service

    def _no_service(self, handle: int) -> WandError:
        ended = " has ended" if handle in self._services else ""
        running = [
            f"{service.handle} ({service.plan.name})"
            for service in self._all
            if service.takes_spells
        ]
        return WandError(f"no service {handle}{ended}; running: {', '.join(running) or 'none'}")


def _stop(services: Sequence[Foreground | Worker], seconds: float) -> None:
    for service in services:
        service.ask_to_stop()
    deadline = time.monotonic() + seconds
    for service in services:
        if service.is_background:
            service.end(deadline - time.monotonic())
