"""Run one coroutine as a program: its own event loop, Ctrl+C and SIGTERM stop it in order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)

interrupted = threading.Event()
"""Set when Ctrl+C or SIGTERM ends the program, or the coroutine that was the program."""

KEYBOARDEXIT = 1324
"""The status that `sigint_handler` asks for; of 1.8.0, and nothing here uses it (sdk.md 1.4)."""

_left_to_parent: set[signal.Signals] = set()


def exit_on_signals() -> None:
    """Let Ctrl+C and SIGTERM end the program by `SystemExit`, unless somebody handles them already.

    A `KeyboardInterrupt` would print a traceback, and one that strikes during an import makes
    Python end by the signal even if it is caught. A shell script starts its background jobs with
    Ctrl+C ignored; who sends them the signal by hand means it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    nobody = (signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN)
    for number in STOP_SIGNALS:
        if signal.getsignal(number) in nobody and number not in _left_to_parent:
            signal.signal(number, _exit)


def ignore_interrupt() -> None:
    """Leave Ctrl+C to the parent; a terminal sends it to child processes too."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _left_to_parent.add(signal.SIGINT)


def sigint_handler(signal: int, frame: object) -> None:
    """End the program as the children of 1.8.0 did after Ctrl+C; nothing here installs it.

    Raises:
        SystemExit: With `KEYBOARDEXIT`, of which a POSIX system keeps the lowest byte, 44.
    """
    raise SystemExit(KEYBOARDEXIT)


class _Hold:
    """Signals that have come and wait; `None` where they need not."""

    waiting: list[int] | None = None


_hold = _Hold()


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Let a signal that is to end the program wait for the end of a `with` block.

    A process that is begun there begins with `release_signals`: Python forgets those that come
    while it forks, and so they have to wait outside of it.

    Raises:
        SystemExit: At the end of the block, if one has come.
    """
    if threading.current_thread() is not threading.main_thread() or _hold.waiting is not None:
        yield
        return
    _hold.waiting = []
    _mask("SIG_BLOCK")
    try:
        yield
    finally:
        release_signals()


def release_signals() -> None:
    """Let signals wait no more.

    Raises:
        SystemExit: If one has come.
    """
    _mask("SIG_UNBLOCK")
    waiting, _hold.waiting = _hold.waiting, None
    if waiting:
        raise SystemExit(128 + waiting[0])


def _mask(how: str) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(getattr(signal, how), STOP_SIGNALS)


def _exit(signal_number: int, frame: object) -> None:
    interrupted.set()
    if _hold.waiting is not None:
        _hold.waiting.append(signal_number)
        return
    raise SystemExit(128 + signal_number)


class Runner:
    """Runs a coroutine until it ends or is stopped, by `stop` or by a signal."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self.stopped_by: int | None = None
        """The signal that ended it; 0 for `stop()`."""
        self._stop_asked = False

    def run(self, main: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run to the end; returns when it was stopped, raises what it raises."""
        self._loop = loop = asyncio.new_event_loop()
        handlers: dict[signal.Signals, Any] = {}
        try:
            asyncio.set_event_loop(loop)
            self._task = loop.create_task(main())
            handlers = self._take_signals(loop)
            if self._stop_asked:  # before there was a loop
                self._stop(0)
            try:
                loop.run_until_complete(self._task)
            except asyncio.CancelledError:
                if self.stopped_by is None:
                    raise
        finally:
            self._loop = None
            _close(loop)
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def stop(self) -> None:
        """Stop it in order, from any thread; if it does not run yet, as soon as it does."""
        self._stop_asked = True
        self.call_soon(self._stop, 0)

    def call_soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call something in the event loop, from any thread; nothing happens when it has ended."""
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just been closed
                loop.call_soon_threadsafe(callback, *args)

    def _stop(self, signal_number: int) -> None:
        # The first time cancels the service, the second its cleaning up.
        if self.stopped_by is None:
            self.stopped_by = signal_number
        if signal_number:
            interrupted.set()
        if self._task is not None:
            self._task.cancel()

    def _take_signals(self, loop: asyncio.AbstractEventLoop) -> dict[signal.Signals, Any]:
        """Let signals stop it; return who handled them before."""
        if threading.current_thread() is not threading.main_thread():
            return {}
        wanted = [number for number in STOP_SIGNALS if number not in _left_to_parent]
        before = {number: signal.getsignal(number) for number in wanted}
        for number in before:
            try:
                loop.add_signal_handler(number, self._stop, number)
            except NotImplementedError:  # Windows: through Python's own handler, a little later
                signal.signal(number, lambda n, _: loop.call_soon_threadsafe(self._stop, n))
        return before


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
