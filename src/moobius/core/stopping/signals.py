"""The signals that end a program (Ctrl+C, SIGTERM, a closed terminal), and when we handle them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

STOP_SIGNALS: tuple[signal.Signals, ...] = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
KILLING_SIGNALS = STOP_SIGNALS[1:]
"""Those that end a process at once unless they are handled: all but Ctrl+C."""

KEYBOARDEXIT = 1324
"""The exit status of `sigint_handler`; kept from 1.8.0, not used here (sdk.md 1.4)."""

interrupted = threading.Event()
"""Set when a signal ends the program, or the coroutine that `Runner` runs as the program."""

_left_to_parent: set[signal.Signals] = set()
_before: dict[signal.Signals, Any] = {}
"""The handlers that `handled_by` has replaced, to be put back."""


def exit_on_signals(numbers: Sequence[signal.Signals] = STOP_SIGNALS) -> None:
    """Let signals end the program by `SystemExit` from now on, unless the program handles them.

    Not by `KeyboardInterrupt`, which prints a traceback, and which, during an import, makes Python
    end by the signal even if it is caught. A shell script starts its background jobs with SIGINT
    ignored; we handle it nevertheless, as one that arrives was sent on purpose. SIGHUP stays
    ignored under `nohup`.
    """
    if is_main_thread():
        _take_over(numbers)


@contextlib.contextmanager
def exiting_on_signals() -> Iterator[None]:
    """Do what `exit_on_signals` does, for the length of a `with` block.

    Before and after it, Ctrl+C raises `KeyboardInterrupt` as usual.
    """
    before = _take_over(STOP_SIGNALS) if is_main_thread() else {}
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is _exit:
                signal.signal(number, handler)


@contextlib.contextmanager
def handled_by(handler: Callable[[int, Any], None]) -> Iterator[bool]:
    """Let a function handle the signals that are for this process, for a `with` block.

    A process that is forked meanwhile gets the handlers of before.

    Yields:
        Whether the program had no handlers of its own before.
    """
    if not is_main_thread():
        yield False
        return
    _register_fork_handler()
    handlers = {number: signal.getsignal(number) for number in _wanted_signals()}
    # `None` is a handler that was not installed by Python, and cannot be put back by it.
    _before.update({number: each for number, each in handlers.items() if each is not None})
    are_default = all(_is_default(each) for each in _before.values())
    try:
        for number in _before:
            signal.signal(number, handler)
        yield are_default
    finally:
        _give_back()


def _give_back() -> None:
    while _before:
        signal.signal(*_before.popitem())


@cache  # once for the process: it cannot be undone
def _register_fork_handler() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_in_child)


def _after_in_child() -> None:
    if _before:
        signal.set_wakeup_fd(-1)  # or signals of the child would be written to the parent
        _give_back()


def hold_interrupts_too() -> None:
    """Let `KeyboardInterrupt` also wait for the end of `hold_signals` and `put_off_exit`."""
    if is_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def is_main_thread() -> bool:
    """Tell whether this is the main thread, the only one in which Python handles signals."""
    return threading.current_thread() is threading.main_thread()


def leave_to_parent() -> None:
    """Ignore the signals that a terminal also sends to the parent, which will stop us."""
    if not is_main_thread():
        return
    for number in STOP_SIGNALS:
        if number is not signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
            _left_to_parent.add(number)


def let_signals_kill() -> None:
    """Let signals end the process at once, unless the program handles them itself."""
    for number in _take_over(STOP_SIGNALS) if is_main_thread() else ():
        signal.signal(number, signal.SIG_DFL)


def forget_interruption() -> None:
    """Forget an interruption of before: the program has caught it, and goes on."""
    if is_main_thread():
        interrupted.clear()


def sigint_handler(signal: int, frame: object) -> None:
    """End the program as the children of 1.8.0 did after Ctrl+C; nothing here installs it.

    Raises:
        SystemExit: With `KEYBOARDEXIT`, of which a POSIX system keeps the lowest byte, 44.
    """
    raise SystemExit(KEYBOARDEXIT)


class _Hold:
    """The signals that wait, as exceptions; `None` while signals need not wait."""

    waiting: list[BaseException] | None = None
    struck_by: int = 0


_hold = _Hold()


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Let a signal that would end the program wait for the end of a `with` block.

    A process that is started in the block must call `release_signals` first. Signals are also
    blocked in the system, because Python loses those that come while it forks.

    Raises:
        SystemExit: At the end of the block, if a signal has come.
    """
    if not is_main_thread() or _hold.waiting is not None:
        yield
        return
    _hold.waiting = []
    _mask("SIG_BLOCK")
    try:
        yield
    finally:
        release_signals()


@contextlib.contextmanager
def put_off_exit() -> Iterator[None]:
    """Do the same as `hold_signals` at less cost, for a `with` block in which nothing is forked.

    Another program may be started in the block: it does not inherit blocked signals.

    Raises:
        SystemExit: At the end of the block, if a signal has come.
    """
    if _hold.waiting is not None or not is_main_thread():
        yield
        return
    _hold.waiting = []
    try:
        yield
    finally:
        waiting, _hold.waiting = _hold.waiting, None
        if waiting:
            raise waiting[0]


def release_signals() -> None:
    """Let signals wait no longer.

    Raises:
        SystemExit: If one has come meanwhile.
    """
    _mask("SIG_UNBLOCK")
    waiting, _hold.waiting = _hold.waiting, None
    if waiting:
        raise waiting[0]


def are_held() -> bool:
    """Tell whether a signal that came now would have to wait."""
    return _hold.waiting is not None


def _mask(how: str) -> None:
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(getattr(signal, how), STOP_SIGNALS)


def _take_over(numbers: Sequence[signal.Signals]) -> dict[signal.Signals, Any]:
    """Let signals with a default handler raise `SystemExit`; return the handlers of before."""
    handlers = {number: signal.getsignal(number) for number in _wanted_signals()}
    before = {number: handlers[number] for number in numbers if _is_default(handlers.get(number))}
    for number in before:
        signal.signal(number, _exit)
    return before


def _wanted_signals() -> list[signal.Signals]:
    """Return the stop signals, without those left to the parent and those ignored by `nohup`."""
    return [number for number in STOP_SIGNALS if _is_wanted(number)]


def _is_wanted(number: signal.Signals) -> bool:
    is_nohup = number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
    return number not in _left_to_parent and not is_nohup


def _is_default(handler: Any) -> bool:
    """Tell whether a handler is one of the system, Python or this module, not of the program."""
    return handler in _DEFAULT_HANDLERS


def _exit(signal_number: int, frame: object) -> None:
    interrupted.set()
    _hold.struck_by = signal_number
    _raise_when_free(SystemExit(128 + signal_number))


def _interrupt(signal_number: int, frame: object) -> None:
    _raise_when_free(KeyboardInterrupt())


def struck_by() -> int:
    """Return the last signal that has raised `SystemExit`; 0 if none has."""
    return _hold.struck_by


def _raise_when_free(error: BaseException) -> None:
    if _hold.waiting is None:
        raise error
    _hold.waiting.append(error)


_DEFAULT_HANDLERS = (signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN, _exit, _interrupt)
