"""Contents in steps, and answers that come twice; the usual is in `test_link.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from moobius.messaging import FilePolicy, Link
from moobius.messaging.events import Answered
from moobius.messaging.framing import FileBegins, FileEnds, FilePiece, Header
from moobius.messaging.intake import Intake

PUSH = Header({"message-type": "message", "action": "filetransfer", "filepath": "a"}, 1, None)


def test_a_file_in_steps(tmp_path: Path) -> None:
    intake = Intake(Link(files=FilePolicy.inside(tmp_path)))
    for event in (FileBegins(PUSH), FilePiece(b"x"), FileEnds()):
        assert not intake.events
        intake.take(event)
    assert len(intake.events) == 1
    assert (tmp_path / "a").read_bytes() == b"x"


def test_what_is_abandoned_is_gone(tmp_path: Path) -> None:
    intake = Intake(Link(files=FilePolicy.inside(tmp_path)))
    intake.take(FileBegins(PUSH))
    intake.abandon()
    intake.abandon()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AssertionError):
        intake.take(FileEnds())


def test_an_answer_comes_once(tmp_path: Path) -> None:
    link = Link(files=FilePolicy.inside(tmp_path))
    pending = link.get_file("x", tmp_path / "a", now=0.0)
    fields = {
        "message-type": "response",
        "requested_value": "filetransfer",
        "request_id": pending.request_id,
    }
    intake = Intake(link)
    for _ in range(2):
        for event in (FileBegins(Header(fields, 1, None)), FilePiece(b"x"), FileEnds()):
            intake.take(event)
    assert list(intake.events) == [Answered(pending, True)]


def test_a_file_that_comes_too_late_leaves_its_destination_alone(tmp_path: Path) -> None:
    link = Link(files=FilePolicy.inside(tmp_path))
    (tmp_path / "a").write_text("old")
    pending = link.get_file("x", tmp_path / "a", now=0.0, timeout=1.0)
    fields = {
        "message-type": "response",
        "requested_value": "filetransfer",
        "request_id": pending.request_id,
    }
    intake = Intake(link)
    intake.take(FileBegins(Header(fields, 3, None)))
    intake.take(FilePiece(b"new"))
    link.expire(2.0)
    intake.take(FileEnds())
    assert (tmp_path / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not intake.events
