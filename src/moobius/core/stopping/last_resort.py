"""The end of a process that was told to stop and does not."""

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

from moobius.core.stopping.patience import HURRY_S, STOP_SLACK_S
from moobius.core.stopping.signals import STOP_SIGNALS

STILL_S = 1.0
"""Seconds for which an event loop stands still before something is taken to block it."""
LAST_WORDS_S = 5.0
"""Seconds to say why, and to stop other processes."""

# What the thread reads: numbers of signals, as the system writes them; and these.
_HANDLED, _HURRY = 254, 255

_before_the_end: list[tuple[int, Callable[[], None]]] = []  # with whose process it is


def before_the_end(call: Callable[[], None]) -> None:
    """Have something called, in another thread, before this process is ended by force."""
    _before_the_end.append((os.getpid(), call))


class Stopping(Protocol):
    """What was told to stop."""

    def turns_within(self, seconds: float) -> bool:
        """Tell whether its event loop turns."""

    def unblock(self) -> str:
        """Cancel what blocks its event loop, and say what that is."""

    def what_goes_on(self) -> str:
        """Say what keeps it from its end."""


class LastResort:
    """A thread that waits for signals, beside an event loop which may not hear of them.

    From the first signal on, what blocks the event loop after `stop_timeout` is cancelled, so that
    the rest can be put away; and when all the time for stopping is over, the process ends.
    """

    def __init__(self, stopping: Stopping, stop_timeout: float) -> None:
        """Begin to wait; the main thread handles signals, or is about to.

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
        """Wait no more: it has stopped."""
        if self._wake_up_before is not None:
            signal.set_wakeup_fd(self._wake_up_before)
        with self._lock:
            self._is_over = True
        with contextlib.suppress(OSError):
            self._out.shutdown(socket.SHUT_RDWR)  # a forked process may hold it open
        self._out.close()

    def notice(self, number: int, *, hurry: bool = False) -> None:
        """Take note of a signal; called by its handler.

        Args:
            number: Which.
            hurry: Whether it says that somebody has no patience any more.
        """
        with contextlib.suppress(OSError):  # there is a lot to be read already
            self._out.send(bytes([number, _HURRY if hurry else _HANDLED]))

    # ---- In the thread -------------------------------------------------------------------------

    def _watch(self) -> None:
        with self._in:
            while heard := self._read(None):  # others may come, which stop nothing
                for number in heard:
                    if number in STOP_SIGNALS:
                        self._wait_for_end(number, heard)
                        break

    def _wait_for_end(self, number: int, heard: bytes | None) -> None:
        told_at = time.monotonic()
        look_at = told_at + self._stop_timeout
        end_at = look_at + STOP_SLACK_S
        is_handled = False
        while (now := time.monotonic()) < end_at:
            if heard == b"":
                return  # it has stopped
            is_handled = is_handled or bool(heard and {_HANDLED, _HURRY} & set(heard))
            if heard and _HURRY in heard:
                look_at, end_at = now, min(end_at, now + HURRY_S)
            if now >= look_at:
                if self._turns() and not is_handled:
                    return  # it was for somebody else, or for a process that has just been forked
                look_at = time.monotonic() + STILL_S
            heard = self._read(min(look_at, end_at) - time.monotonic())
        self._end(number, time.monotonic() - told_at)

    def _read(self, seconds: float | None) -> bytes | None:
        """Return what has come; `b""` if it has stopped, `None` if nothing comes in this time."""
        self._in.settimeout(seconds if seconds is None else max(0.001, seconds))
        try:
            return self._in.recv(4096)
        except TimeoutError:
            return None

    def _turns(self) -> bool:
        """Return whether the event loop turns; cancel what blocks it."""
        if self._stopping.turns_within(STILL_S):
            return True
        with self._lock:
            if self._is_over:
                return False
            place = self._stopping.unblock()
        # Only now: whoever blocks may be about to log something.
        logger.warning("cancelled, because it blocks the event loop: {}", place)
        return False

    def _end(self, number: int, seconds: float) -> None:
        if self._is_over:
            return
        if hasattr(sys, "ps1"):  # somebody sits at a prompt, and has more in this process than us
            logger.error("what runs here does not stop: {}", self._stopping.what_goes_on())
            return
        # What blocks all the rest may block these as well.
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
            if owner == os.getpid():  # a fork has its parent's, too
                call()
        sys.stdout.flush()


def _wake_up(number: int) -> int | None:
    """Have the system write there, whatever Python is waiting for; return where it did before.

    `None` if somebody else needs that, as on Windows the event loop itself.
    """
    if sys.platform == "win32":
        return None
    before = signal.set_wakeup_fd(number, warn_on_full_buffer=False)
    if before == -1:
        return before
    signal.set_wakeup_fd(before)
    return None
