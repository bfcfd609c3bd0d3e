"""Run one coroutine as a program: its own event loop, Ctrl+C and SIGTERM stop it in order."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

interrupted = threading.Event()
"""Set when Ctrl+C ends the program by `exit_on_interrupt`."""


def exit_on_interrupt() -> None:
    """Let Ctrl+C end the program by `SystemExit(130)`, unless somebody handles it already.

    A `KeyboardInterrupt` would print a traceback, and one that strikes during an import makes
    Python end by the signal even if it is caught.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if in_main_thread and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _exit)


def _exit(signal_number: int, frame: object) -> None:
    interrupted.set()
    raise SystemExit(128 + signal_number)


class Runner:
    """Runs a coroutine until it ends or is stopped.

    Args:
        ignore_interrupt: Leave Ctrl+C to somebody else; a terminal sends it to child processes
            too, whose parent then decides.
    """

    def __init__(self, *, ignore_interrupt: bool = False) -> None:
        self._ignore_interrupt = ignore_interrupt
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.stopped_by: int | None = None
        """The signal that ended it; 0 for `stop()`."""

    def run(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run to the end; returns when it was stopped, raises what it raises."""
        self._loop = loop = asyncio.new_event_loop()
        try:
            asyncio.set_event_loop(loop)
            self._task = loop.create_task(main())
            self._take_signals(loop)
            try:
                loop.run_until_complete(self._task)
            except asyncio.CancelledError:
                if self.stopped_by is None:
                    raise
        finally:
            _close(loop)
            self._loop = None

    def stop(self) -> None:
        """Stop it in order, from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._stop, 0)

    def _stop(self, signal_number: int) -> None:
        # The first time cancels the service, the second its cleaning up.
        if self.stopped_by is None:
            self.stopped_by = signal_number
        if self._task is not None:
            self._task.cancel()

    def _take_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in STOP_SIGNALS:
            if number == signal.SIGINT and self._ignore_interrupt:
                signal.signal(number, signal.SIG_IGN)
                continue
            try:
                loop.add_signal_handler(number, self._stop, number)
            except NotImplementedError:  # Windows: through Python's own handler, a little later
                signal.signal(number, lambda n, _: loop.call_soon_threadsafe(self._stop, n))


def _close(loop: asyncio.AbstractEventLoop) -> None:
    try:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
