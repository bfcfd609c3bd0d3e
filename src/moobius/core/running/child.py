"""What runs in the process of a background service, and how it answers its wand.

The service is built here, from its class and arguments, so nothing of it needs to be picklable.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, NamedTuple

from moobius.core.logs import log_fatal, log_sinks
from moobius.core.running.leaving import leave_with
from moobius.core.stopping.patience import STOP_SLACK_S
from moobius.core.stopping.runner import Runner
from moobius.core.stopping.signals import leave_to_parent, release_signals
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius


@dataclass(frozen=True)
class Ready:
    """The service runs: `on_start` is done.

    Attributes:
        log_file: Where its log goes.
    """

    log_file: str


@dataclass(frozen=True)
class Failed:
    """The service ended before it was ready."""

    error: Exception
    traceback: str


@dataclass(frozen=True)
class Ping:
    """From the wand: does your event loop still turn? Answered by the same."""

    number: int


@dataclass(frozen=True)
class Platform:
    """Before it is ready, a service needs a local Platform; from the wand: do what you can.

    The wand's, so that it outlives each single service and each of its processes.
    """


class Spellbook(NamedTuple):
    """Where spells come in, and the number of the last one taken, which the wand sees."""

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
    """Build the service and run it; tell the wand once whether it is ready or why not."""
    leave_to_parent()
    release_signals()
    runner = Runner(stop_timeout)
    _stop_with_parent(runner, stop_timeout + STOP_SLACK_S)
    reported = threading.Event()

    def say(what: Ready | Failed) -> None:
        if not reported.is_set():
            reported.set()
            wand.send(what)

    def ready() -> None:
        say(Ready(log_file))
        _answer_pings(wand, runner)

    def ask_for_platform() -> None:
        with contextlib.suppress(EOFError, OSError):  # the wand is gone, which is noticed elsewhere
            wand.send(Platform())
            wand.recv()

    def count_spell(number: int) -> None:
        spells.taken.value = number

    try:
        service = cls(**kwargs)
        service.queue = spells.queue
        service._stop_timeout = stop_timeout
        service._spell_taken = count_spell
        service._ensure_platform = ask_for_platform
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
        say(Failed(_portable(error), traceback.format_exc()))
        raise SystemExit(1) from None


def _answer_pings(wand: Connection, runner: Runner) -> None:
    """Answer each ping by way of the event loop: one that hangs does not answer."""

    def answer(ping: Ping) -> None:
        with contextlib.suppress(OSError):  # the wand is gone, which is noticed elsewhere
            wand.send(ping)

    def read() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                runner.call_soon(answer, wand.recv())

    threading.Thread(target=read, name="moobius pings", daemon=True).start()


def _stop_with_parent(runner: Runner, patience: float) -> None:
    """Leave when the parent is gone, however it went: in order, or after so many seconds."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        leave_with(parent.pid or 0, runner.insist, patience, parent.sentinel)


def _portable(error: Exception) -> Exception:
    """Return the error if it can travel to the parent, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WandError(f"{type(error).__name__}: {error}")
    return error
