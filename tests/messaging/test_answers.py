"""Answers that cannot be sent cost nobody the connection, and files wait closed for their turn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius.messaging import FilePolicy, Limits, Link
from moobius.messaging.answers import REFUSED, Refusal
from moobius.messaging.files import OutgoingFile
from moobius.messaging.messages import Request, encode_request
from tests.support.descriptors import open_in

TOO_LONG, SURROGATE = "9" * 70_000, "\ud800"


def connected(folder: Path, **options: Any) -> Link:
    link = Link(files=FilePolicy.inside(folder), **options)
    link.connection_made("server", 0.0)
    return link


def sent(link: Link) -> bytes:
    raw = b""
    while data := bytes(link.data_to_send(10**6)):
        raw += data
        link.sent(len(data))
    return raw


@pytest.mark.parametrize("request_id", [TOO_LONG, SURROGATE], ids=["too long", "surrogate"])
@pytest.mark.parametrize("kind", ["value", "refusal", "file"])
def test_a_request_whose_id_cannot_be_echoed_is_not_answered_and_logged(
    request_id: str, kind: str, tmp_path: Path, log: list[str]
) -> None:
    link = connected(tmp_path, error_replies=True)
    request = Request("time", request_id, [], {}, True)
    if kind == "value":
        link.answer(request, 1)
    elif kind == "refusal":
        link.refuse(request, *REFUSED)
    else:
        link.answer_file(request, 1, lambda: REFUSED)
    assert len(link.outbox) == 0
    assert any("cannot be sent" in line for line in log)


def test_files_that_a_peer_asks_for_are_opened_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    link = connected(tmp_path)
    before = open_in(tmp_path)
    for number in range(300):
        asking = encode_request("filetransfer", f"{number:04}", (), {"filepath": "a"})
        link.receive(asking.wire, 0.0)
        assert link.next_event() is None
    assert open_in(tmp_path) == before
    assert len(link.outbox) == 300
    assert sent(link).count(b"content-length") == 300
    assert open_in(tmp_path) == before


def test_a_file_is_sent_as_it_is_when_its_turn_comes(tmp_path: Path) -> None:
    link = connected(tmp_path, error_replies=True)
    for name in ("gone", "grown"):
        (tmp_path / name).write_bytes(b"short")
        asking = encode_request("filetransfer", name, (), {"filepath": name}, wants_errors=True)
        link.receive(asking.wire, 0.0)
        assert link.next_event() is None
    (tmp_path / "gone").unlink()
    (tmp_path / "grown").write_bytes(b"much longer than before")
    raw = sent(link)
    assert b"not-found" in raw
    assert raw.endswith(b"much longer than before")
    assert b'"content-length": 23' in raw
    assert len(link.outbox) == link.outbox.memory == link.outbox.files == 0


def test_what_came_to_nothing_lets_the_next_one_out(tmp_path: Path) -> None:
    link = connected(tmp_path)

    def open_file() -> OutgoingFile | Refusal:
        return REFUSED

    link.answer_file(Request("filetransfer", "1", [], {}, False), 5, open_file)
    link.send_action("next")
    assert b'"action": "next"' in sent(link)


@pytest.mark.parametrize("value", ["x" * 500, [[[[[1]]]]]], ids=["long", "deep"])
def test_an_answer_that_the_peer_would_hang_up_for_is_refused(
    value: Any, tmp_path: Path, log: list[str]
) -> None:
    link = connected(tmp_path, error_replies=True, limits=Limits(json_content=400, json_depth=5))
    link.answer(Request("big", "1", [], {}, True), value)
    raw = sent(link)
    assert b'"type": "encoding"' in raw
    assert len(raw) < 400
    assert any("the answer to 'big' cannot be sent" in line for line in log)
