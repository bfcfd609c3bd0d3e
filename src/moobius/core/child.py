"""What runs in the process of a background service, and how it reports to its wand.

The service is built here, from its class and arguments, so nothing of it needs to be picklable.
"""

from __future__ import annotations

import multiprocessing
import pickle
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from moobius.core.logs import log_fatal, log_sinks
from moobius.core.runner import Runner, ignore_interrupt
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius


@dataclass(frozen=True)
class Ready:
    """The service runs: `on_start` is done."""


@dataclass(frozen=True)
class Failed:
    """The service ended before it was ready."""

    error: Exception
    traceback: str


def main(cls: type[Moobius], kwargs: dict[str, Any], queue: Any, report: Connection) -> None:
    """Build the service, run it, and report once: ready, or why not."""
    ignore_interrupt()
    runner = Runner()
    _stop_with_parent(runner)
    reported = threading.Event()

    def say(what: Ready | Failed) -> None:
        if not reported.is_set():
            reported.set()
            report.send(what)
            report.close()

    try:
        service = cls(**kwargs)
        service.queue = queue
        service._when_ready = lambda: say(Ready())
        with log_sinks(service.settings):
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


def _stop_with_parent(runner: Runner) -> None:
    """Leave when the parent is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        runner.stop()

    threading.Thread(target=watch, name="moobius parent watch", daemon=True).start()


def _portable(error: Exception) -> Exception:
    """Return the error if it can travel to the parent, else one that says the same."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WandError(f"{type(error).__name__}: {error}")
    return error
