"""Runs a coroutine as a program: in an event loop of its own, which signals stop in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from loguru import logger

from moobius.core.contain import IN_FULL, end_tasks
from moobius.core.stopping.last_resort import LastResort
from moobius.core.stopping.signals import (
    are_held,
    handled_by,
    interrupted,
)
from moobius.core.stopping.time_limits import STOP_TIMEOUT
from moobius.errors import WandError


def check_no_loop(instead: str) -> None:
    """Refuse to continue if an event loop runs in this thread, which a blocking call would stop.

    Args:
        instead: What to do instead, for the error.

    Raises:
        WandError: If one runs.
    """
    with contextlib.suppress(RuntimeError):
        asyncio.get_running_loop()
        raise WandError(f"an event loop runs here already, and this would block it; {instead}")


class Runner:
    """Runs a coroutine until it ends or is stopped, by `stop` or by a signal."""

    def __init__(self, stop_timeout: float = STOP_TIMEOUT) -> None:
        """Prepare.

        Args:
            stop_timeout: Seconds that callbacks get. One that blocks the event loop for so long
                after a signal is cancelled; `STOP_SLACK_S` later the process ends. Neither happens
                where the program had signal handlers of its own before.
        """
        self.stopped_by: int | None = None
        """The signal that ended it; 0 for `stop()`."""
        self._stop_timeout = stop_timeout
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stop_asked = False
        self._signals_heard = 0
        self._is_unblocking = False
        self._last_resort: LastResort | None = None

    def run(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run the coroutine to its end; returns also when it was stopped, raises what it raises."""
        self._loop = loop = asyncio.new_event_loop()
        with contextlib.ExitStack() as stack:
            asyncio.set_event_loop(loop)
            self._task = loop.create_task(main(), name="moobius main")
            self._take_signals(stack)
            stack.callback(self._close, loop, self._task)
            if self._stop_asked:  # `stop` was called before there was a loop
                self._stop(0)
            try:
                loop.run_until_complete(self._task)
            except asyncio.CancelledError:
                if self.stopped_by is None:
                    raise

    def stop(self) -> None:
        """Stop it in order, from any thread; before it runs, it is stopped as soon as it does."""
        self._stop_asked = True
        self.call_soon(self._stop, 0)

    def insist(self) -> None:
        """Stop it as a signal does, from any thread, even if its event loop is blocked."""
        interrupted.set()
        self.stop()
        if self._last_resort is not None:
            self._last_resort.notice(signal.SIGTERM)

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call a function in the event loop, from any thread; after its end, do nothing."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just been closed
                loop.call_soon_threadsafe(callback, *args)

    def _stop(self, signal_number: int, hurry: bool = False) -> None:
        # The first call cancels the service; a later one, in a hurry, its cleaning up.
        is_first = self.stopped_by is None
        self.stopped_by = self.stopped_by or signal_number
        if self._task is not None and (is_first or hurry):
            self._task.cancel()

    def _close(self, loop: asyncio.AbstractEventLoop, main: asyncio.Task[Any]) -> None:
        try:
            _end_all(loop, {main})  # first, as it ends its own tasks in the right order
            _end_all(loop, asyncio.all_tasks(loop))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            self._loop = None
            asyncio.set_event_loop(None)
            loop.close()

    # ---- Signals -------------------------------------------------------------------------------

    def _take_signals(self, stack: contextlib.ExitStack) -> None:
        """Let signals stop it, until the stack is unwound."""
        # Not by `loop.add_signal_handler`, which does nothing while the event loop is blocked.
        if stack.enter_context(handled_by(self._on_signal)):
            self._last_resort = LastResort(self, self._stop_timeout)
            stack.callback(self._last_resort.close)

    def _on_signal(self, number: int, frame: object) -> None:
        if self._is_unblocking:
            self._is_unblocking = False
            _cancel_from_within(self._loop)
            return
        interrupted.set()
        self._signals_heard += 1
        # Only Ctrl+C a second time means hurry: a system may send SIGTERM and SIGHUP at once.
        hurry = number == signal.SIGINT and self._signals_heard > 1
        self.call_soon(self._stop, number, hurry)
        if self._last_resort is not None:
            self._last_resort.notice(number, hurry=hurry)

    # ---- Called by `LastResort`, in its thread -------------------------------------------------

    def turns_within(self, seconds: float) -> bool:
        """Tell whether the event loop runs, and is not blocked."""
        turned = threading.Event()
        self.call_soon(turned.set)
        return turned.wait(seconds)

    def unblock(self) -> str:
        """Raise `asyncio.CancelledError` in what blocks the event loop; return where that is."""
        main = threading.main_thread()
        place = _location_of(main)
        if hasattr(signal, "pthread_kill"):
            self._is_unblocking = True
            signal.pthread_kill(main.ident or 0, signal.SIGTERM)
        return place

    def what_goes_on(self) -> str:
        """Describe what keeps it from ending."""
        if not self.turns_within(0.1):
            return f"its event loop is blocked by {_location_of(threading.main_thread())}"
        loop = self._loop
        tasks = sorted(task.get_name() for task in asyncio.all_tasks(loop)) if loop else []
        threads = [
            f"{each.name} ({_location_of(each)})"
            for each in threading.enumerate()
            if not each.daemon and each is not threading.main_thread()
        ]
        return "still under way: " + ", ".join(threads + tasks)


def _cancel_from_within(loop: asyncio.AbstractEventLoop | None) -> None:
    """Raise `CancelledError` in the task that runs right now, if it may be cancelled.

    Outside of a task, the event loop itself would get the error.
    """
    with contextlib.suppress(RuntimeError):  # the loop does not run any more
        task = asyncio.current_task(loop)
        if task is None or task.get_name() == IN_FULL or are_held():
            return
        raise asyncio.CancelledError("it blocks the event loop")


def _location_of(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    if frame is None:
        return "over"
    return f"{frame.f_code.co_name} in {frame.f_code.co_filename}, line {frame.f_lineno}"


def _end_all(loop: asyncio.AbstractEventLoop, tasks: set[asyncio.Task[Any]]) -> None:
    stubborn = loop.run_until_complete(end_tasks(tasks))
    if stubborn:
        names = ", ".join(sorted(task.get_name() for task in stubborn))
        logger.warning("these tasks were cancelled, and do not end: {}", names)
