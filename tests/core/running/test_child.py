"""What a child says to its wand; the processes themselves are tested in test_wand.py."""

from __future__ import annotations

import multiprocessing
import pickle

import aioprocessing
import pytest

from moobius import Moobius
from moobius.core.running import child
from moobius.core.running.child import Failed, Platform, Ready, Spellbook, _portable
from moobius.core.stopping.time_limits import STOP_SLACK_S
from moobius.errors import BadResponseException, WandError
from tests.support.patience import PATIENCE


class Local(Exception):
    """Needs two arguments, which pickle does not know."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} {two}")


def test_reports_travel() -> None:
    error = BadResponseException("Channel not found", endpoint="POST /x", code=10002)
    report = pickle.loads(pickle.dumps(Failed(_portable(error), "Traceback ...")))
    assert isinstance(report.error, BadResponseException)
    assert (report.error.code, str(report.error)) == (10002, str(error))
    ready = Ready("logs/service.log")
    assert pickle.loads(pickle.dumps(ready)) == ready


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    told = _portable(Local("a", "b"))
    assert isinstance(told, WandError)
    assert str(told) == "Local: a b"


@pytest.mark.usefixtures("in_folder")
def test_it_stops_while_the_wand_owes_it_a_platform() -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    spells = Spellbook(aioprocessing.AioQueue(context=context), context.Value("q", 0))
    process = context.Process(target=child.main, args=(Moobius, {}, 1.0, spells, theirs))
    process.start()
    try:
        assert ours.poll(PATIENCE) and ours.recv() == Platform()
        process.terminate()
        process.join(STOP_SLACK_S / 2)  # so much later it would be ended by force
        assert process.exitcode is not None
    finally:
        process.kill()
        process.join()
