"""What a child says to its wand; the processes themselves are tested in test_wand.py."""

from __future__ import annotations

import pickle

from moobius.core.running.child import Failed, Ready, _portable
from moobius.errors import BadResponseException, WandError


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
