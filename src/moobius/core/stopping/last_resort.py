"""Ends a process that was told to stop, and does not, by force."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

from loguru import logger

from moobius.core.stopping.signals import STOP_SIGNALS
from moobius.core.stopping.time_limits import HURRY_S, STOP_SLACK_S

STILL_S = 1.0
"""An event loop that does nothing for so many seconds counts as blocked."""
LAST_WORDS_S = 5.0
"""Seconds to log why, and to stop other processes."""

# The bytes that the thread reads: numbers of signals, written by the system; and these two.
_HANDLED, _HURRY = 254, 255

_before_the_end: list[tuple[int, Callable[[], None]]] = []  # (process id, function)


def before_the_end(call: Callable[[], None]) -> None:
    """Register a function to be called, in another thread, before this process ends by force."""
    _before_the_end.append((os.getpid(), call))


class Stopping(Protocol):
    """What signals stop: the program's event loop."""

    def turns_within(self, seconds: float) -> bool:
        """Tell whether the event loop runs, and is not blocked."""

    def unblock(self) -> str:
        """Cancel what blocks the event loop, and return what that is."""

    def what_goes_on(self) -> str:
        """Describe what keeps it from ending."""


class LastResort:
    """A thread that waits for signals, because an event loop that is blocked cannot handle them.

    When `stop_timeout` has passed since the first signal, whatever blocks the event loop is
    cancelled, so that everything else can be closed. When `STOP_SLACK_S` has passed as well, the
    process ends.
    """

    def __init__(self, stopping: Stopping, stop_timeout: float) -> None:
        """Start the thread.

        Args:
            stopping: What signals stop.
            stop_timeout: Seconds that its callbacks get.
        """
        self._stopping = stopping
        self._stop_timeout = stop_timeout
        self._is_over = False
        self._lock = threading.Lock()
        self._in, self._out = socket.socketpair()
        self._out.setblocking(False)
        self._wake_up_before = _wake_up(self._out.fileno())
        threading.Thread(target=self._watch, name="moobius signals", daemon=True).start()

    def close(self) -> None:
        """End the thread: everything has stopped."""
        if self._wake_up_before is not None:
            signal.set_wakeup_fd(self._wake_up_before)
        with self._lock:
            self._is_over = True
        with contextlib.suppress(OSError):
            self._out.shutdown(socket.SHUT_RDWR)  # a forked process may hold it open
        self._out.close()

    def notice(self, number: int, *, hurry: bool = False) -> None:
        """Note a signal; called by its handler.

        Args:
            number: The number of the signal.
            hurry: Whether stopping shall take only `HURRY_S` from now on.
        """
        with contextlib.suppress(OSError):  # the buffer is full of signals already
            self._out.send(bytes([number, _HURRY if hurry else _HANDLED]))

    # ---- In the thread -------------------------------------------------------------------------

    def _watch(self) -> None:
        with self._in:
            while received := self._read(None):  # also signals that stop nothing
                for number in received:
                    if number in STOP_SIGNALS:
                        self._wait_for_end(number, received)
                        break

    def _wait_for_end(self, number: int, received: bytes | None) -> None:
        told_at = time.monotonic()
        look_at = told_at + self._stop_timeout
        end_at = look_at + STOP_SLACK_S
        is_handled = False
        while (now := time.monotonic()) < end_at:
            if received == b"":
                return  # it has stopped
            is_handled = is_handled or bool(received and {_HANDLED, _HURRY} & set(received))
            if received and _HURRY in received:
                look_at, end_at = now, min(end_at, now + HURRY_S)
            if now >= look_at:
                if self._turns() and not is_handled:
                    return  # no handler of ours got it: it was for another, or for a forked child
                look_at = time.monotonic() + STILL_S
            received = self._read(min(look_at, end_at) - time.monotonic())
        self._end(number, time.monotonic() - told_at)

    def _read(self, seconds: float | None) -> bytes | None:
        """Return the bytes received; `b""` after `close`, `None` if none arrive in this time."""
        self._in.settimeout(seconds if seconds is None else max(0.001, seconds))
        try:
            return self._in.recv(4096)
        except TimeoutError:
            return None

    def _turns(self) -> bool:
        """Return whether the event loop runs; if not, cancel what blocks it."""
        if self._stopping.turns_within(STILL_S):
            return True
        with self._lock:
            if self._is_over:
                return False
            place = self._stopping.unblock()
        # Logged only now: what blocked may have held the logger's lock.
        logger.warning("cancelled, because it blocks the event loop: {}", place)
        return False

    def _end(self, number: int, seconds: float) -> None:
        if self._is_over:
            return
        if hasattr(sys, "ps1"):  # an interactive prompt: the user has other things in this process
            logger.error("what runs here does not stop: {}", self._stopping.what_goes_on())
            return
        # In a thread: what keeps the process from stopping may block these calls too.
        words = threading.Thread(target=self._last_words, args=(seconds,), daemon=True)
        words.start()
        words.join(LAST_WORDS_S)
        with self._lock:
            if not self._is_over:  # it may have stopped meanwhile
                os._exit(128 + number)

    def _last_words(self, seconds: float) -> None:
        text = "this process does not stop: {}; ended after {:.0f} s"
        logger.error(text, self._stopping.what_goes_on(), seconds)
        for owner, call in _before_the_end:
            if owner == os.getpid():  # a forked child has inherited those of its parent
                call()
        sys.stdout.flush()


def _wake_up(number: int) -> int | None:
    """Let the system write signal numbers to this file descriptor; return the one before.

    `None` if it is in use already, as on Windows by the event loop.
    """
    if sys.platform == "win32":
        return None
    before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)
    if before == -1:
        return before
    signal.set_wakeup_fd(before)
    return None
