"""The thread that waits for signals; what it comes to in programs is in test_stopping.py."""

from __future__ import annotations

import signal
import socket
import threading
import time

import pytest

from moobius.core.stopping import last_resort as last_resort_module
from moobius.core.stopping.last_resort import LastResort
from tests.support.patience import wait_until


class Stopping:
    """Turns, or does not, and notes what is done about that."""

    def __init__(self, turns: bool) -> None:
        self.turns = turns
        self.unblocked: list[float] = []
        self.asked = 0

    def turns_within(self, seconds: float) -> bool:
        self.asked += 1
        return self.turns

    def unblock(self) -> str:
        self.unblocked.append(time.monotonic())
        self.turns = True
        return "a callback of mine"

    def what_goes_on(self) -> str:
        return "this test"


def waiting() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "moobius signals"]


def test_what_blocks_is_cancelled_when_its_time_is_over(log: list[str]) -> None:
    stopping = Stopping(turns=False)
    last_resort = LastResort(stopping, stop_timeout=0.3)
    told_at = time.monotonic()
    last_resort.notice(signal.SIGTERM)
    wait_until(lambda: stopping.unblocked)
    assert stopping.unblocked[0] - told_at >= 0.3
    wait_until(lambda: any("blocks the event loop: a callback of mine" in line for line in log))
    last_resort.close()
    wait_until(lambda: not waiting())


def test_it_is_cancelled_at_once_when_somebody_is_in_a_hurry() -> None:
    stopping = Stopping(turns=False)
    last_resort = LastResort(stopping, stop_timeout=3600)
    last_resort.notice(signal.SIGINT)
    last_resort.notice(signal.SIGINT, hurry=True)
    wait_until(lambda: stopping.unblocked)
    last_resort.close()
    wait_until(lambda: not waiting())


def test_nothing_is_done_without_a_signal_or_to_what_stops(log: list[str]) -> None:
    stopping = Stopping(turns=True)
    for numbers in ([], [signal.SIGCHLD], [signal.SIGTERM]):
        last_resort = LastResort(stopping, stop_timeout=0.0)
        for number in numbers:
            last_resort.notice(number)
        last_resort.close()
        last_resort.notice(signal.SIGTERM)  # one that comes too late
    wait_until(lambda: not waiting())
    assert (stopping.unblocked, log) == ([], [])


def test_the_system_tells_it_even_where_python_cannot() -> None:
    stopping = Stopping(turns=False)
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    last_resort = LastResort(stopping, stop_timeout=0.0)
    try:
        signal.raise_signal(signal.SIGTERM)
        wait_until(lambda: stopping.unblocked)
    finally:
        last_resort.close()
        signal.signal(signal.SIGTERM, before)
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_that_somebody_else_handles_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_resort_module, "STOP_SLACK_S", 0.5)
    stopping = Stopping(turns=True)
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    last_resort = LastResort(stopping, stop_timeout=0.0)
    try:
        signal.raise_signal(signal.SIGTERM)
        wait_until(lambda: stopping.asked > 0)
        time.sleep(1.0)  # it would have ended all of this
        assert stopping.asked == 1
    finally:
        last_resort.close()
        signal.signal(signal.SIGTERM, before)


def test_it_leaves_the_road_to_who_has_it() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno())
        LastResort(Stopping(turns=True), stop_timeout=0.0).close()
        assert signal.set_wakeup_fd(-1) == theirs.fileno()


@pytest.fixture(autouse=True)
def _nobody_waits() -> None:
    wait_until(lambda: not waiting())  # any more: one that was closed may still be on its way out
