"""What becomes of background services when the script that has started them ends."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - must be closed later than us
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

# The standard library's own way to be called at the end of the main thread, while threads and
# processes can still be started (threads up to Python 3.11); what `atexit` calls comes too late.
_register = getattr(threading, "_register_atexit", atexit.register)


class ScriptEnd:
    """Has a program wait for its background services, as a script expects that only starts some."""

    def __init__(self, roster: Roster, stop_all: Callable[[], None]) -> None:
        """Prepare; nothing is awaited before `await_services`.

        Args:
            roster: The services.
            stop_all: Stops them, and all that was opened for them.
        """
        self._roster = roster
        self._stop_all = stop_all
        self._owner = os.getpid()
        self._is_registered = False
        self._has_waited = False
        self._main_file: str | None = None

    def await_services(self) -> None:
        """See to it that this program waits for the services that it has then.

        From now on SIGTERM and a closed terminal end it by `SystemExit`, so that they are stopped
        in order, and no traceback is printed for Ctrl+C that it does not catch.
        """
        if not self._is_registered:
            self._is_registered = True
            self._main_file = getattr(sys.modules["__main__"], "__file__", None)
            _register(self._wait)
            atexit.register(self._leave_after_all)
            before_the_end(self._stop_all)
            exit_on_signals(KILLING_SIGNALS)
            hold_interrupts_too()  # half a spell would garble all that come after it
            _be_silent_about_interrupts()

    def _wait(self) -> None:
        if os.getpid() != self._owner:
            return  # a forked child of ours, at its own end
        self._has_waited = True
        if self._main_file:
            # A script that has ended has no name any more; who is started again has to find it.
            vars(sys.modules["__main__"]).setdefault("__file__", self._main_file)
        crash = getattr(sys, "last_value", None)
        status = 128 + signal.SIGINT if isinstance(crash, KeyboardInterrupt) else 0
        try:
            with exiting_on_signals():
                status = self._join(interrupted.is_set() or crash is not None) or status
        except SystemExit as end:
            status = int(end.code or 0)
        except KeyboardInterrupt:  # in the moment in which signals are the script's again
            status = 128 + signal.SIGINT
        if status > 128:
            let_signals_kill()  # who has no patience now loses nothing of ours
            self._stop_all()  # as a signal may have struck just before that
        if status:
            end_with(status)

    def _leave_after_all(self) -> None:
        """Stop the services if a signal has struck just before we were to wait for them."""
        if os.getpid() == self._owner and not self._has_waited:
            self._stop_all()
            end_with(128 + (struck_by() or signal.SIGINT))

    def _join(self, is_over: bool) -> int:
        """Wait for the services, or stop them if it is over; return the exit status due to them."""
        try:
            if is_over:
                return 0
            self._roster.join()
            return int(self._roster.has_failed)
        finally:
            self._stop_all()


@cache  # once for all wands
def _be_silent_about_interrupts() -> None:
    tell, tell_ignored = sys.excepthook, sys.unraisablehook

    def tell_others(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            tell(kind, error, trace)

    def tell_other_ignored(ignored: sys.UnraisableHookArgs, /) -> None:
        if not issubclass(ignored.exc_type, (KeyboardInterrupt, SystemExit)):
            tell_ignored(ignored)

    sys.excepthook = tell_others
    sys.unraisablehook = tell_other_ignored  # where the interpreter itself is struck at its end
