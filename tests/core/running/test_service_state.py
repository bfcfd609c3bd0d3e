"""The state of a supervised service, as other threads see it."""

from __future__ import annotations

import threading

import pytest

from moobius.core.running.service_state import Lifeline


def test_it_runs_and_is_over() -> None:
    life = Lifeline()
    assert (life.state, life.is_wanted, life.is_over) == ("starting", True, False)
    life.enter("running")
    assert life.wait_running(0)
    assert not life.wait_over(0)
    life.enter("stopped")
    assert life.is_over and life.wait_over(0) and not life.wait_running(0)


def test_one_that_is_to_stop_does_not_look_as_if_it_ran() -> None:
    life = Lifeline()
    life.ask_to_stop()
    life.enter("running")  # it got ready just then
    assert life.state == "stopping"
    life.enter("stopped")
    assert life.state == "stopped"


def test_a_restart_is_asked_for_once_and_not_of_the_dead() -> None:
    life = Lifeline()
    life.enter("running")
    assert life.ask_to_restart()
    assert life.state == "restarting"
    assert life.take_restart()
    assert not life.take_restart()
    life.ask_to_restart()
    life.ask_to_stop()
    assert not life.take_restart()
    life.enter("failed")
    assert not life.ask_to_restart()


def test_a_pause_ends_when_it_is_to_stop() -> None:
    life = Lifeline()
    assert life.pause(0)
    stopper = threading.Thread(target=life.ask_to_stop)
    stopper.start()
    assert not life.pause(60)
    stopper.join()


def test_only_the_state_that_is_meant_is_changed() -> None:
    life = Lifeline()
    assert not life.turn("running", "hanging")
    life.enter("running")
    assert life.turn("running", "hanging")
    assert life.state == "hanging"


def test_who_waits_for_the_end_hears_of_it_whatever_else_goes_wrong() -> None:
    life = Lifeline()

    def fail(state: str) -> None:
        raise RuntimeError(f"nobody may know that it is {state}")

    life.on_enter = fail
    with pytest.raises(RuntimeError, match="that it is failed"):
        life.enter("failed")
    assert life.wait_over(0)


def test_a_pause_ends_when_it_is_to_start_again_and_the_wish_with_the_beginning() -> None:
    life = Lifeline()
    asker = threading.Thread(target=life.ask_to_restart)
    asker.start()
    assert life.pause(60)
    asker.join()
    assert life.is_restart_asked and life.take_restart()
    life.enter("running")
    assert life.state == "running"
