"""Runs a service in a process of its own: starts, watches, restarts and stops it."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import select
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius.core.running import child
from moobius.core.running.plan import Plan, ServiceStatus
from moobius.core.running.service_state import Lifeline
from moobius.core.running.supervision import Restarts
from moobius.core.spells.outgoing import Spells
from moobius.core.stopping.signals import hold_signals
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

PING_EVERY_S = 5.0
LOOK_EVERY_S = 1.0
"""A process that has forked others may end without a sign, because they keep its pipes open."""
KILLED_WITHIN_S = 10.0
"""A process that was killed ends at once, unless it is stuck inside the system."""

# A process that is forked meanwhile would inherit the child's end of the pipe, and keep it open
# after the child has ended.
_one_at_a_time = threading.Lock()


class Worker:
    """One background service, over all the processes it is run in.

    Attributes:
        plan: How it is run.
        life: Its state.
        process: The newest of its processes.
        log_file: Its log file, once it is ready.
    """

    is_background = True

    def __init__(
        self,
        handle: int,
        plan: Plan,
        restarts: Restarts,
        on_process: Callable[[BaseProcess], None],
    ) -> None:
        self.handle = handle
        self.plan = plan
        self.life = Lifeline()
        self.process: BaseProcess | None = None
        self.log_file = ""
        self._restarts = restarts
        self._on_process = on_process
        self._spells = Spells(plan.name)
        self._leaving: BaseProcess | None = None
        self._link: Connection | None = None
        self._ready_at = math.inf
        self._patience = plan.patience

    @property
    def is_around_us(self) -> bool:
        """Whether the caller runs inside it: never, as it has a process of its own."""
        return False

    @property
    def takes_spells(self) -> bool:
        """Whether a spell that is sent now will be taken, by this process or the next."""
        is_dead = self._restarts.policy == "never" and _has_ended(self.process)
        return not self.life.is_over and not is_dead

    @property
    def status(self) -> ServiceStatus:
        """Its status, for the user of the wand."""
        pid = None if self.process is None else self.process.pid
        count = self._restarts.in_a_row
        return ServiceStatus(self.handle, self.plan.name, self.life.state, pid, count)

    def start(self) -> None:
        """Start it and return when it is ready; from then on it is watched.

        A restart uses a fresh interpreter, even where the first process was forked: by then this
        process has threads, and a fork would inherit the locks that they hold. So, if it may be
        restarted, its arguments must be such that they can be pickled.

        Raises:
            MoobiusError: Its own error, if it cannot run.
            WandError: If an argument cannot be sent to its process, or it does not get ready.
        """
        try:
            context = multiprocessing.get_context()
            if self._restarts.policy != "never" or context.get_start_method() != "fork":
                self._check_arguments()
            self._start_process(context)
            name = f"moobius watch of {self.plan.name}"
            threading.Thread(target=self._watch, name=name, daemon=True).start()
        except BaseException:  # Ctrl+C among them
            self._abandon()
            self._spells.close()
            self.life.enter("failed")
            raise

    def put(self, spell: Any) -> None:
        """Send a spell; does not block.

        Raises:
            WandError: If it cannot be pickled.
        """
        self._spells.put(spell)

    def ask_to_stop(self) -> None:
        """Begin to stop it in order; returns at once."""
        self.life.ask_to_stop()
        if self.process is not None:
            self.process.terminate()

    def ask_to_restart(self) -> None:
        """Begin to restart it; returns at once.

        Raises:
            WandError: If an argument cannot be sent to its process.
        """
        self._check_arguments()
        process = self.process
        if process is None or not self.life.ask_to_restart():
            return
        self._leaving = process
        process.terminate()

    def insist(self) -> None:
        """Kill the process that was asked to end for a restart, if it has not."""
        if self._leaving is not None:
            self._leaving.kill()

    def end(self, seconds: float | None = None) -> None:
        """Wait until it has ended, as it was asked to; kill it if that takes too long."""
        if not self.life.wait_over(self._patience if seconds is None else max(0.0, seconds)):
            logger.warning("{} does not stop: killed", self.plan.name)
            self._kill()
            if not self.life.wait_over(KILLED_WITHIN_S):
                logger.error("{} was killed, but its process does not end", self.plan.name)

    # ---- Starting: the first time in the caller's thread, later in the watching thread -----------

    def _check_arguments(self) -> None:
        """Refuse arguments that cannot be pickled, by name."""
        for name, value in [("the class", self.plan.cls), *self.plan.kwargs.items()]:
            try:
                ForkingPickler.dumps(value)
            except Exception as error:
                raise WandError(
                    f"{self.plan.name} runs in a process of its own, and {name} cannot travel "
                    f"there: {error}; make it in before_channel_init or on_start"
                ) from error

    def _start_process(self, context: BaseContext) -> None:
        self._ready_at = math.inf
        try:
            self._spells.renew(context)
            # A signal must not strike between the start of a process and our knowing of it.
            with _one_at_a_time, hold_signals():
                self._spawn(context)
            process, link = self.process, self._link
            assert process is not None and link is not None
            if not self.life.is_wanted or self.life.is_restart_asked:
                process.terminate()  # it was asked to stop before there was a process
            self.log_file = _wait_until_ready(self.plan, process, link, self._patience)
            self._ready_at = time.monotonic()
            self._on_process(process)
            self._spells.open_up()
            self.life.enter("running")
        except BaseException:
            self._abandon()
            raise

    def _spawn(self, context: BaseContext) -> None:
        plan = self.plan
        ours, theirs = context.Pipe()
        spellbook = child.Spellbook(self._spells.queue, self._spells.taken)
        process = context.Process(  # type: ignore[attr-defined] # every context has it
            target=child.main,
            args=(plan.cls, plan.kwargs, plan.stop_timeout, spellbook, theirs, plan.log_file),
            name=f"{plan.cls.__name__}<handle={self.handle}>",
        )
        process.start()
        theirs.close()
        self.process, self._link = process, ours

    def _abandon(self) -> None:
        """End a process that will not be watched any more."""
        if self.process is not None:
            self.process.terminate()
            _end(self.process, self._patience)
        if self._link is not None:
            self._link.close()
        self._spells.suspend()

    # ---- Watching ------------------------------------------------------------------------------

    def _watch(self) -> None:
        end = "failed"  # also when watching itself fails
        try:
            status = self._over_all_processes()
            end = "failed" if status and self.life.is_wanted else "stopped"
        except Exception as error:
            logger.exception("{} is stopped, because its watch failed: {}", self.plan.name, error)
            self._abandon()
        finally:
            self._spells.close()
            self.life.enter(end)

    def _over_all_processes(self) -> int:
        """Watch one process after another; return the exit status of the last."""
        status = self._until_end()
        while (delay := self._delay_after(status)) is not None:
            self.life.enter("restarting")
            if delay:
                text = "{} ended with status {}; again in {:g} s"
                logger.warning(text, self.plan.name, status, delay)
            if self.life.pause(delay):
                status = self._start_again()
        return status

    def _delay_after(self, status: int) -> float | None:
        if self.life.take_restart():
            return 0.0
        if not self.life.is_wanted:
            return None
        return self._restarts.after_end(status, time.monotonic() - self._ready_at)

    def _start_again(self) -> int:
        """Start another process, watch it, and return its exit status."""
        self.life.take_restart()
        context: BaseContext = multiprocessing.get_context()
        if context.get_start_method() == "fork":
            context = multiprocessing.get_context("spawn")
        try:
            self._start_process(context)
        except Exception as error:
            self.life.why = str(error)
            if self.life.is_wanted and not self.life.is_restart_asked:
                logger.error("{} could not be started again: {}", self.plan.name, error)
            return 1
        return self._until_end()

    def _until_end(self) -> int:
        """Watch the process until it ends; return its exit status."""
        process, link = self.process, self._link
        assert process is not None and link is not None
        sent = heard = 0
        sent_at = heard_at = time.monotonic()
        ping_every = min(PING_EVERY_S, self.plan.hang_timeout / 2)
        look_every = min(LOOK_EVERY_S, ping_every)
        while process.sentinel not in (ready := wait([link, process.sentinel], look_every)):
            now = time.monotonic()
            try:
                if link in ready:
                    heard, heard_at = link.recv().number, now
                    self._note_recovery()
                elif process.exitcode is not None:
                    break
                elif heard == sent and now - sent_at >= ping_every:
                    sent, sent_at, heard_at = sent + 1, now, now
                    link.send(child.Ping(sent))
            except (EOFError, OSError):
                break  # it is about to end
            if heard != sent and now - heard_at >= self.plan.hang_timeout:
                self._note_hang()
        while (status := process.exitcode) is None:
            process.join(0.1)  # in a loop: another thread may be reading the status at this moment
        link.close()
        self._spells.suspend()
        self.life.why = f"it ended with status {status}"
        return status

    def _note_hang(self) -> None:
        if not self.life.turn("running", "hanging"):
            return
        text = "{} hangs: its event loop has stood still for {:g} s; does a callback block it?"
        logger.warning(text, self.plan.name, self.plan.hang_timeout)
        if self._restarts.policy != "never":
            self._kill()

    def _note_recovery(self) -> None:
        if self.life.turn("hanging", "running"):
            logger.info("{} goes on", self.plan.name)

    def _kill(self) -> None:
        if self.process is not None:
            self.process.kill()


def _wait_until_ready(plan: Plan, process: BaseProcess, link: Connection, patience: float) -> str:
    """Wait until a child is ready, and return its log file; otherwise the child ends."""
    name = plan.cls.__name__
    try:
        report = _next_report(link, plan.ready_timeout)
        while isinstance(report, child.Platform):  # `ready_timeout` does not include its start
            with contextlib.suppress(MoobiusError, OSError):  # the child will report the same error
                plan.ensure_platform()
            link.send(report)
            report = _next_report(link, plan.ready_timeout)
    except (EOFError, OSError):
        _end(process, patience)
        raise WandError(
            f"{name} ended before it was ready, with status {process.exitcode}"
        ) from None
    if report is None:
        _end(process, 0)
        raise WandError(f"{name} was not ready within {plan.ready_timeout:g} s; stopped")
    if isinstance(report, child.Failed):
        _end(process, patience)
        raise report.error from _ChildTraceback(report.traceback)
    return str(report.log_file)


def _next_report(link: Connection, seconds: float) -> Any:
    """Return the next report of a child; `None` if none comes in time."""
    return link.recv() if link.poll(seconds) else None


def _has_ended(process: BaseProcess | None) -> bool:
    # Not by `is_alive`, which is true for a moment longer while another thread reads the status.
    if process is None:
        return False
    if not hasattr(select, "poll"):
        return bool(wait([process.sentinel], 0))
    poll = select.poll()  # called for every spell, and this is the fastest way
    poll.register(process.sentinel, select.POLLIN)
    return bool(poll.poll(0))


def _end(process: BaseProcess, seconds: float) -> None:
    """Wait for the end of a process; kill it if that takes too long."""
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()


class _ChildTraceback(Exception):
    """Shows where in the child an error was raised."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'
