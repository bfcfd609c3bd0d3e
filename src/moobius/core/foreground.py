"""A service in the process, and the thread, that asked for it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from loguru import logger

from moobius.core.lifeline import Lifeline
from moobius.core.logs import log_fatal, log_sinks
from moobius.core.plan import STOP_SLACK_S, Plan, ServiceStatus
from moobius.core.runner import Runner
from moobius.core.supervision import Restarts
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius


class Foreground:
    """Runs a service until it ends for good; what other threads want of it, they ask here.

    Attributes:
        plan: How it is run.
        life: Its state.
        service: The one that runs now, once it is made.
        log_file: Where its log goes, while it runs.
    """

    is_background = False

    def __init__(
        self, handle: int, plan: Plan, restarts: Restarts, on_service: Callable[[Moobius], None]
    ) -> None:
        self.handle = handle
        self.plan = plan
        self.life = Lifeline()
        self.service: Moobius | None = None
        self.log_file = ""
        self._restarts = restarts
        self._on_service = on_service
        self._runner = Runner()
        self._ready_at = 0.0

    @property
    def takes_spells(self) -> bool:
        """Whether there is somebody to take a spell."""
        return self.service is not None and not self.life.is_over

    @property
    def status(self) -> ServiceStatus:
        """What there is to know."""
        count = self._restarts.in_a_row
        return ServiceStatus(self.handle, self.plan.name, self.life.state, os.getpid(), count)

    def run(self) -> int:
        """Run it until it ends for good; return the signal that ended it, or 0.

        Raises:
            Exception: What ended it, if it is not started again.
        """
        try:
            while (signal_number := self._run_once()) is None:
                self._runner = Runner()
                if not self.life.is_wanted:
                    self._runner.stop()
        except SystemExit:
            self.life.enter("stopped")
            raise
        except BaseException:
            self.life.enter("failed")
            raise
        self.life.enter("stopped")
        return signal_number

    def put(self, spell: object) -> None:
        """Send a spell; does not block."""
        if self.service is not None:
            self.service.queue.put(spell)

    def ask_to_stop(self) -> None:
        """Let it stop in order; returns at once."""
        self.life.ask_to_stop()
        self._runner.stop()

    def ask_to_restart(self) -> None:
        """Let it stop in order, and start again; returns at once."""
        if self.life.ask_to_restart():
            self._runner.stop()

    def insist(self) -> None:
        """Do nothing: a thread cannot be killed."""

    def end(self, seconds: float | None = None) -> None:
        """Wait for the end that was asked for.

        Raises:
            WandError: If that takes too long: a thread cannot be killed.
        """
        patience = self.plan.stop_timeout + STOP_SLACK_S
        if not self.life.wait_over(patience if seconds is None else seconds):
            name, pid = self.plan.name, os.getpid()
            raise WandError(f"{name} does not stop; what can be ended is its process, {pid}")

    def _run_once(self) -> int | None:
        """Run it, and return the signal that ended it, 0 without one, `None` to run it again."""
        service = self._new_service()
        with log_sinks(service.settings, self.plan.log_file) as self.log_file:
            try:
                self._runner.run(service.start)
            except Exception as error:
                return None if self.life.pause(self._delay_after(error)) else 0
        if self.life.take_restart():
            return None
        return self._runner.stopped_by or 0

    def _new_service(self) -> Moobius:
        plan = self.plan
        service = plan.cls(**plan.kwargs)
        service._stop_timeout = plan.stop_timeout
        service._when_ready = self._when_ready
        self._ready_at = time.monotonic()
        self.service = service
        self._on_service(service)
        return service

    def _delay_after(self, error: Exception) -> float:
        """Return in how many seconds to run it again.

        Raises:
            Exception: The error, if it is not to be.
        """
        delay = self._restarts.after_end(1, time.monotonic() - self._ready_at)
        expected = isinstance(error, MoobiusError)
        if delay is None or not self.life.is_wanted:
            if expected:
                log_fatal(f"{self.plan.cls.__name__}: {error}")
            raise error
        self.life.enter("restarting")
        logger.opt(exception=None if expected else error).error(
            "{} ended: {}; again in {:g} s", self.plan.name, error, delay
        )
        return delay

    def _when_ready(self) -> None:
        self._ready_at = time.monotonic()
        self.life.enter("running")
