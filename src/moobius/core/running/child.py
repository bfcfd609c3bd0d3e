"""What runs in the process of a background service, and what it reports to its wand.

The service object is made here, from its class and arguments, so it need not be picklable.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import threading
import traceback
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NamedTuple

from moobius.core.logs import log_fatal, log_sinks
from moobius.core.running.parent_death import leave_with
from moobius.core.stopping.runner import Runner
from moobius.core.stopping.signals import leave_to_parent, release_signals
from moobius.core.stopping.time_limits import STOP_SLACK_S
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

LOOK_EVERY_S = 0.1
"""How often a service that waits for the wand's Platform looks whether it is to stop."""


@dataclass(frozen=True)
class Ready:
    """The service runs: `on_start` is done.

    Attributes:
        log_file: Its log file; empty for none.
    """

    log_file: str


@dataclass(frozen=True)
class Failed:
    """The service ended before it was ready."""

    error: Exception
    traceback: str


@dataclass(frozen=True)
class Ping:
    """Sent by the wand to see whether the event loop still runs; the answer is the same object."""

    number: int


@dataclass(frozen=True)
class Platform:
    """Sent by a service that needs a local Platform; sent back by the wand once it has tried.

    The wand starts it, so that it outlives the process of this service.
    """


class Spellbook(NamedTuple):
    """The queue of spells, and the number of the last spell taken, which the wand can read."""

    queue: Any
    taken: Any


def main(
    cls: type[Moobius],
    kwargs: dict[str, Any],
    stop_timeout: float,
    spells: Spellbook,
    wand: Connection,
    log_otherwise: str = "",
) -> None:
    """Make the service and run it; report once to the wand that it is ready, or why not."""
    leave_to_parent()
    release_signals()
    runner = Runner(stop_timeout)
    _stop_with_parent(runner, stop_timeout + STOP_SLACK_S)
    reported = threading.Event()

    def report(message: Ready | Failed) -> None:
        if not reported.is_set():
            reported.set()
            wand.send(message)

    def ready() -> None:
        report(Ready(log_file))
        _answer_pings(wand, runner)

    def count_spell(number: int) -> None:
        spells.taken.value = number

    try:
        service = cls(**kwargs)
        service.queue = spells.queue
        service._stop_timeout = stop_timeout
        service._spell_taken = count_spell
        service._ensure_platform = partial(_ask_for_platform, wand, runner)
        service._when_ready = ready
        with log_sinks(service.settings, log_otherwise) as log_file:
            try:
                runner.run(service.start)
            except Exception as error:
                log_fatal(f"{cls.__name__}: {error}")
                raise
    except Exception as error:
        if reported.is_set():
            if isinstance(error, MoobiusError):
                raise SystemExit(f"{cls.__name__}: {error}") from None
            raise
        report(Failed(_portable(error), traceback.format_exc()))
        raise SystemExit(1) from None


def _ask_for_platform(wand: Connection, runner: Runner) -> None:
    with contextlib.suppress(EOFError, OSError):  # the wand has ended; `leave_with` sees that
        wand.send(Platform())
        # A wand that was interrupted never answers, and nothing could wake us from `recv`.
        while not wand.poll(LOOK_EVERY_S):
            if runner.stopped_by is not None:
                raise WandError("stopped before there was a local Platform")
        wand.recv()


def _answer_pings(wand: Connection, runner: Runner) -> None:
    """Answer each ping in the event loop, so that a loop that is blocked does not answer."""

    def answer(ping: Ping) -> None:
        with contextlib.suppress(OSError):  # the wand has ended; `leave_with` sees that
            wand.send(ping)

    def read() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                runner.call_soon(answer, wand.recv())

    threading.Thread(target=read, name="moobius pings", daemon=True).start()


def _stop_with_parent(runner: Runner, patience: float) -> None:
    """End this process when its parent has ended: in order, or after so many seconds by force."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        leave_with(parent.pid or 0, runner.insist, patience, parent.sentinel)


def _portable(error: Exception) -> Exception:
    """Return the error if it can be pickled, else a `WandError` with the same text."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WandError(f"{type(error).__name__}: {error}")
    return error
