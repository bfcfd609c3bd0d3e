"""Whose signals are whose, and when; what programs make of them is in test_stopping.py."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from moobius.core.stopping import signals
from moobius.core.stopping.signals import (
    exit_on_signals,
    exiting_on_signals,
    handled_by,
    hold_interrupts_too,
    hold_signals,
    interrupted,
    let_signals_kill,
    put_off_exit,
)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Begin as Python does, where no test of the command line has run; leave all as it was."""
    before = {number: signal.getsignal(number) for number in signals.STOP_SIGNALS}
    for number in before:
        usual = signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL
        signal.signal(number, usual)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    interrupted.clear()


@pytest.mark.parametrize("number", signals.STOP_SIGNALS)
def test_signals_are_ours_for_a_block_and_then_as_they_were(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as end, exiting_on_signals():
        signal.raise_signal(number)
    assert end.value.code == 128 + number
    assert interrupted.is_set()
    assert signal.getsignal(number) is before


def test_between_such_blocks_ctrl_c_is_the_program_s_own() -> None:
    with exiting_on_signals():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not interrupted.is_set()


def test_nobody_s_handler_is_taken_from_him() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    with exiting_on_signals():
        signal.raise_signal(signal.SIGTERM)
    exit_on_signals()
    let_signals_kill()
    signal.raise_signal(signal.SIGTERM)
    assert heard == [signal.SIGTERM, signal.SIGTERM]


def test_one_that_is_installed_meanwhile_stays() -> None:
    def mine(number: int, frame: object) -> None:
        pass

    with exiting_on_signals():
        signal.signal(signal.SIGINT, mine)
    assert signal.getsignal(signal.SIGINT) is mine


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
@pytest.mark.parametrize("handler", [signal.SIG_DFL, lambda number, frame: None])
def test_what_runs_here_handles_them_and_hears_whether_they_were_nobody_s(handler: Any) -> None:
    signal.signal(signal.SIGTERM, handler)
    heard: list[int] = []
    with handled_by(lambda number, frame: heard.append(number)) as were_nobodys:
        assert were_nobodys == (handler is signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        if (child := os.fork()) == 0:
            os._exit(signal.getsignal(signal.SIGTERM) is not handler)
        assert os.waitpid(child, 0)[1] == 0
    assert heard == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_off_the_main_thread_nothing_is_touched() -> None:
    before = signal.getsignal(signal.SIGINT)

    def elsewhere() -> None:
        with exiting_on_signals():
            exit_on_signals()
            let_signals_kill()
        with hold_signals(), put_off_exit(), handled_by(lambda *_: None) as are_ours:
            assert not are_ours

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
def test_ignored_by_nohup_is_ignored_and_by_a_shell_script_is_not(ignored: signal.Signals) -> None:
    signal.signal(ignored, signal.SIG_IGN)
    with exiting_on_signals():
        assert (signal.getsignal(ignored) is signal.SIG_IGN) == (ignored is signal.SIGHUP)


def test_an_interrupt_of_the_program_itself_waits_there_too() -> None:
    hold_interrupts_too()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with put_off_exit():
            signal.raise_signal(signal.SIGINT)
            steps.append("not yet")
        steps.append("too late")
    assert steps == ["not yet"]
    assert not interrupted.is_set()


def test_but_a_handler_of_the_programs_own_stays() -> None:
    def mine(*_: object) -> None:
        pass

    signal.signal(signal.SIGINT, mine)
    hold_interrupts_too()
    assert signal.getsignal(signal.SIGINT) is mine


@pytest.mark.parametrize("hold", [hold_signals, put_off_exit])
def test_a_signal_waits_where_it_must_not_strike(
    hold: Callable[[], contextlib.AbstractContextManager[None]],
) -> None:
    steps = []
    with exiting_on_signals(), pytest.raises(SystemExit) as end:
        with hold():
            signal.raise_signal(signal.SIGTERM)
            steps.append("not yet")
        steps.append("too late")
    assert steps == ["not yet"]
    assert end.value.code == 143
