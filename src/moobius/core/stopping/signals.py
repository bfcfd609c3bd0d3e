"""The signals that end a program, and when they are ours: Ctrl+C, SIGTERM, a closed terminal."""

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
"""Those for which Python has no exception that a program might catch."""

KEYBOARDEXIT = 1324
"""The status that `sigint_handler` asks for; of 1.8.0, and nothing here uses it (sdk.md 1.4)."""

interrupted = threading.Event()
"""Set when a signal ends the program, or the coroutine that was the program."""

_left_to_parent: set[signal.Signals] = set()
_before: dict[signal.Signals, Any] = {}
"""What handled signals before `handled_by`."""


def exit_on_signals(numbers: Sequence[signal.Signals] = STOP_SIGNALS) -> None:
    """Let signals end the program by `SystemExit` from now on, where nobody handles them.

    A `KeyboardInterrupt` would print a traceback, and one that strikes during an import makes
    Python end by the signal even if it is caught. A shell script starts its background jobs with
    Ctrl+C ignored; who sends them the signal by hand means it. A program under `nohup` ignores
    SIGHUP, and means that.
    """
    if is_main_thread():
        _take_over(numbers)


@contextlib.contextmanager
def exiting_on_signals() -> Iterator[None]:
    """Do what `exit_on_signals` does, for the length of a `with` block.

    Before and after it, `KeyboardInterrupt` is the program's own to catch.
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
    """Let something else handle the signals that are for this process, for a `with` block.

    A process that is forked meanwhile has them back as they were before.

    Yields:
        Whether they were nobody's before.
    """
    if not is_main_thread():
        yield False
        return
    _look_after_forks()
    found = {number: signal.getsignal(number) for number in _wanted_signals()}
    # Python cannot put back what it has not put there.
    _before.update({number: each for number, each in found.items() if each is not None})
    are_nobodys = all(_is_nobodys(each) for each in _before.values())
    try:
        for number in _before:
            signal.signal(number, handler)
        yield are_nobodys
    finally:
        _give_back()


def _give_back() -> None:
    while _before:
        signal.signal(*_before.popitem())


@cache  # there is no way to take it back, and once is enough
def _look_after_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_in_child)


def _after_in_child() -> None:
    if _before:
        signal.set_wakeup_fd(-1)  # or the parent would be woken by what is sent to its child
        _give_back()


def hold_interrupts_too() -> None:
    """Let `KeyboardInterrupt` wait where `SystemExit` does; else it is the program's own."""
    if is_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def is_main_thread() -> bool:
    """Tell whether signals can be handled here: Python hands them to the main thread only."""
    return threading.current_thread() is threading.main_thread()


def leave_to_parent() -> None:
    """Leave to the parent what a terminal sends to child processes too."""
    if not is_main_thread():
        return
    for number in STOP_SIGNALS:
        if number is not signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)
            _left_to_parent.add(number)


def let_signals_kill() -> None:
    """Let signals end the process at once, without a word, where nobody else handles them."""
    for number in _take_over(STOP_SIGNALS) if is_main_thread() else ():
        signal.signal(number, signal.SIG_DFL)


def forget_interruption() -> None:
    """Take it that the program goes on, whatever has interrupted it before."""
    if is_main_thread():
        interrupted.clear()


def sigint_handler(signal: int, frame: object) -> None:
    """End the program as the children of 1.8.0 did after Ctrl+C; nothing here installs it.

    Raises:
        SystemExit: With `KEYBOARDEXIT`, of which a POSIX system keeps the lowest byte, 44.
    """
    raise SystemExit(KEYBOARDEXIT)


class _Hold:
    """Signals that have come and wait; `None` where they need not."""

    waiting: list[BaseException] | None = None
    struck_by: int = 0


_hold = _Hold()


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Let a signal that is to end the program wait for the end of a `with` block.

    A process that is begun there begins with `release_signals`: Python forgets those that come
    while it forks, and so they have to wait outside of it.

    Raises:
        SystemExit: At the end of the block, if one has come.
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
    """Do the same where no process of ours is forked, for a `with` block that has to be cheap.

    Another program may be started there; after `hold_signals` it would begin deaf to them.

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
    """Let signals wait no more.

    Raises:
        SystemExit: If one has come.
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
    """Have signals raise `SystemExit` that nobody handles; return what was there before."""
    found = {number: signal.getsignal(number) for number in _wanted_signals()}
    before = {number: found[number] for number in numbers if _is_nobodys(found.get(number))}
    for number in before:
        signal.signal(number, _exit)
    return before


def _wanted_signals() -> list[signal.Signals]:
    """Return which signals are for this process, and not for its parent or for nobody."""
    return [number for number in STOP_SIGNALS if _is_wanted(number)]


def _is_wanted(number: signal.Signals) -> bool:
    is_nohup = number.name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN
    return number not in _left_to_parent and not is_nohup


def _is_nobodys(handler: Any) -> bool:
    """Tell whether what handles a signal is the system, Python, or we: no program of its own."""
    return handler in _NOBODYS


def _exit(signal_number: int, frame: object) -> None:
    interrupted.set()
    _hold.struck_by = signal_number
    _raise_when_free(SystemExit(128 + signal_number))


def _interrupt(signal_number: int, frame: object) -> None:
    _raise_when_free(KeyboardInterrupt())


def struck_by() -> int:
    """Return the signal that last ended a program by `SystemExit` here; 0 if none has."""
    return _hold.struck_by


def _raise_when_free(error: BaseException) -> None:
    if _hold.waiting is None:
        raise error
    _hold.waiting.append(error)


_NOBODYS = (signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN, _exit, _interrupt)
