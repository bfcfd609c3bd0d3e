"""Keeps a program alive until its background services have ended, and stops them on signals."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - its end must come after `_wait`
import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache
from types import TracebackType

from moobius.core.running.roster import Roster
from moobius.core.stopping.exit_status import end_with
from moobius.core.stopping.last_resort import before_the_end
from moobius.core.stopping.signals import (
    KILLING_SIGNALS,
    exit_on_signals,
    exiting_on_signals,
    hold_interrupts_too,
    interrupted,
    let_signals_kill,
    struck_by,
)

# How the standard library itself is called at the end of the main thread, while processes (and up
# to Python 3.11 threads) can still be started. Functions of `atexit` are called too late for that.
_register = getattr(threading, "_register_atexit", atexit.register)


class ScriptEnd:
    """Makes a program wait for its background services when its script has ended."""

    def __init__(self, roster: Roster, stop_all: Callable[[], None]) -> None:
        """Prepare; the program waits for nothing before `await_services` is called.

        Args:
            roster: The services.
            stop_all: Stops them, and closes what was opened for them.
        """
        self._roster = roster
        self._stop_all = stop_all
        self._owner = os.getpid()
        self._is_registered = False
        self._has_waited = False
        self._main_file: str | None = None

    def await_services(self) -> None:
        """Make this program wait, at its end, for the services that run then.

        From now on SIGTERM and a closed terminal end it by `SystemExit`, so that the services are
        stopped in order, and no traceback is printed for a Ctrl+C that the script does not catch.
        """
        if not self._is_registered:
            self._is_registered = True
            self._main_file = getattr(sys.modules["__main__"], "__file__", None)
            _register(self._wait)
            atexit.register(self._leave_after_all)
            before_the_end(self._stop_all)
            exit_on_signals(KILLING_SIGNALS)
            hold_interrupts_too()  # half a written spell would make later ones unreadable
            _silence_interrupts()

    def _wait(self) -> None:
        if os.getpid() != self._owner:
            return  # a forked child, which has inherited this
        self._has_waited = True
        if self._main_file:
            # Python has removed the name of a script that has ended; a restarted service needs it.
            vars(sys.modules["__main__"]).setdefault("__file__", self._main_file)
        crash = getattr(sys, "last_value", None)
        status = 128 + signal.SIGINT if isinstance(crash, KeyboardInterrupt) else 0
        try:
            with exiting_on_signals():
                status = self._join(interrupted.is_set() or crash is not None) or status
        except SystemExit as end:
            status = int(end.code or 0)
        except KeyboardInterrupt:  # just after the script has its own signal handlers back
            status = 128 + signal.SIGINT
        if status > 128:
            let_signals_kill()  # from here on, another signal may end the program at once
            self._stop_all()  # again, as a signal may have interrupted the first time
        if status:
            end_with(status)

    def _leave_after_all(self) -> None:
        """Stop the services if a signal has come just before `_wait` could."""
        if os.getpid() == self._owner and not self._has_waited:
            self._stop_all()
            end_with(128 + (struck_by() or signal.SIGINT))

    def _join(self, is_over: bool) -> int:
        """Wait for the services, or stop them if `is_over`; return the exit status they cause."""
        try:
            if is_over:
                return 0
            self._roster.join()
            return int(self._roster.has_failed)
        finally:
            self._stop_all()


@cache  # once for all wands
def _silence_interrupts() -> None:
    """Print no traceback for Ctrl+C."""
    hook, unraisable_hook = sys.excepthook, sys.unraisablehook

    def print_others(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            hook(kind, error, trace)

    def print_other_unraisable(unraisable: sys.UnraisableHookArgs, /) -> None:
        if not issubclass(unraisable.exc_type, (KeyboardInterrupt, SystemExit)):
            unraisable_hook(unraisable)

    sys.excepthook = print_others
    sys.unraisablehook = print_other_unraisable  # for a signal while the interpreter is ending
