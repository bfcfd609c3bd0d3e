"""Runs a service in this process, in the thread that called `MoobiusWand.run`."""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from loguru import logger

from moobius.core.logs import log_fatal, log_sinks
from moobius.core.running.plan import Plan, ServiceStatus
from moobius.core.running.service_state import Lifeline
from moobius.core.running.supervision import Restarts
from moobius.core.spells.outgoing import Spells
from moobius.core.stopping.runner import Runner
from moobius.core.stopping.signals import hold_signals, interrupted
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius


class Foreground:
    """Runs a service until it ends for good; other threads use it to send spells, stop and restart.

    Attributes:
        plan: How it is run.
        life: Its state.
        service: The instance that runs now, once it is made.
        log_file: Its log file, while it runs.
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
        self._spells = Spells(plan.name)
        self._runner = Runner(plan.stop_timeout)
        self._asking = threading.Lock()
        self._thread = 0
        self._ready_at = math.inf

    @property
    def takes_spells(self) -> bool:
        """Whether a spell would be taken, now or after a restart."""
        return self.service is not None and not self.life.is_over

    @property
    def is_around_us(self) -> bool:
        """Whether the caller runs inside it, as a callback, and so cannot wait for its end."""
        return threading.get_ident() == self._thread and not self.life.is_over

    @property
    def status(self) -> ServiceStatus:
        """Its status, for the user of the wand."""
        count = self._restarts.in_a_row
        return ServiceStatus(self.handle, self.plan.name, self.life.state, os.getpid(), count)

    def run(self) -> int:
        """Run it until it ends for good; return the signal that ended it, or 0.

        Raises:
            Exception: The error that ended it, if it is not restarted.
        """
        self._thread = threading.get_ident()
        end = "failed"
        try:
            while (signal_number := self._run_once()) is None:
                pass
            end = "stopped"
        except SystemExit:
            end = "stopped"
            raise
        finally:
            self._spells.close()
            self.life.enter(end)
        return signal_number

    def put(self, spell: object) -> None:
        """Send a spell to the service, or after a restart to the next one; does not block.

        Raises:
            WandError: If it cannot be pickled.
        """
        self._spells.put(spell)

    def ask_to_stop(self) -> None:
        """Begin to stop it in order; returns at once."""
        with self._asking:
            self.life.ask_to_stop()
            self._runner.stop()

    def ask_to_restart(self) -> None:
        """Begin to restart it; returns at once."""
        with self._asking:
            if self.life.ask_to_restart():
                self._runner.stop()

    def insist(self) -> None:
        """Do nothing: a thread cannot be killed."""

    def end(self, seconds: float | None = None) -> None:
        """Wait for the end that was asked for.

        Raises:
            WandError: If that takes too long: a thread cannot be killed.
        """
        if not self.life.wait_over(self.plan.patience if seconds is None else seconds):
            name, pid = self.plan.name, os.getpid()
            raise WandError(f"{name} does not stop; what can be ended is its process, {pid}")

    def _run_once(self) -> int | None:
        """Run it; return the signal that ended it, 0 without one, `None` to run it again."""
        self._begin()
        service = self._new_service()
        with log_sinks(service.settings, self.plan.log_file) as self.log_file:
            try:
                self._runner.run(service.start)
            except (Exception, SystemExit) as error:
                if self._runner.stopped_by:  # by a signal, which ends it whatever else goes wrong
                    raise
                if isinstance(error, SystemExit) and interrupted.is_set():
                    raise
                with hold_signals():  # a signal in the middle of a log line would block loguru
                    delay = self._delay_after(error)
                return None if self.life.pause(delay) else 0
        if self._runner.stopped_by:  # a signal counts more than a request to restart
            return self._runner.stopped_by
        return None if self.life.take_restart() else 0

    def _begin(self) -> None:
        """Prepare a new run: requests that were for the one before are forgotten."""
        with self._asking:
            self.life.take_restart()
            self._runner = Runner(self.plan.stop_timeout)
            if not self.life.is_wanted:
                self._runner.stop()

    def _new_service(self) -> Moobius:
        plan = self.plan
        service = plan.cls(**plan.kwargs)
        service._stop_timeout = plan.stop_timeout
        service._ensure_platform = plan.ensure_platform
        service._when_ready = self._when_ready
        self._spells.renew(multiprocessing.get_context())
        service.queue = self._spells.queue
        service._spell_taken = self._spells.note_taken
        self._ready_at = math.inf
        self.service = service
        self._on_service(service)
        return service

    def _delay_after(self, error: Exception | SystemExit) -> float:
        """Return in how many seconds to restart it after an error.

        Raises:
            Exception: The error, if it is not to be restarted.
        """
        if self.life.take_restart():
            return 0.0
        status = _status_of(error)
        delay = self._restarts.after_end(status, time.monotonic() - self._ready_at)
        if delay is None or not self.life.is_wanted:
            if isinstance(error, MoobiusError):
                log_fatal(f"{self.plan.cls.__name__}: {error}")
            raise error
        expected = isinstance(error, (MoobiusError, SystemExit))
        self.life.why = f"status {status}" if isinstance(error, SystemExit) else str(error)
        self.life.enter("restarting")
        logger.opt(exception=None if expected else error).error(
            "{} ended: {}; again in {:g} s", self.plan.name, self.life.why, delay
        )
        return delay

    def _when_ready(self) -> None:
        self._ready_at = time.monotonic()
        self._spells.open_up()
        self.life.enter("running")


def _status_of(error: Exception | SystemExit) -> int:
    """Return the exit status with which a process would end."""
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        return error.code or 0
    return 1
