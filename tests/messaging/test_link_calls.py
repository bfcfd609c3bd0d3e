"""What one side sends, asks and answers, without any socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moobius.errors import (
    FileRefused,
    QueueFull,
    TooManyRequests,
    Unsendable,
)
from moobius.messaging import FilePolicy, Limits, Link, MessageManager
from moobius.messaging.events import Answered
from moobius.messaging.messages import Action, Request
from tests.messaging.links import arrive, headers_of, leave, link_in
from tests.messaging.vectors import named

NEGATIVE = named("negative")
MARKER = MessageManager.create_action_message("marker")
action = MessageManager.create_action_message


def test_what_is_sent_is_what_the_encoders_make(tmp_path: Path) -> None:
    link = link_in(tmp_path)
    (tmp_path / "a.csv").write_bytes(b"0,0\n")
    link.send_action("land", (1,), {"z": 2})
    pending = link.request("time", (1,), {"y": 2}, now=0.0)
    fetched = link.get_file("config/client.ini", tmp_path / "x", now=0.0)
    link.send_file(tmp_path / "a.csv", "animation.csv")
    link.answer(Request("id", "5472", [], {}, False), "drone")
    arrive(link, MessageManager.create_request("filetransfer", 7, kwargs={"filepath": "a.csv"}))
    create = MessageManager
    assert leave(link) == b"".join(
        (
            create.create_action_message("land", (1,), {"z": 2}),
            create.create_request("time", pending.request_id, (1,), {"y": 2}),
            create.create_request(
                "filetransfer", fetched.request_id, kwargs={"filepath": "config/client.ini"}
            ),
            create.create_message(
                b"0,0\n",
                "binary",
                "message",
                additional_headers={"action": "filetransfer", "filepath": "animation.csv"},
            ),
            create.create_response("id", "5472", "drone"),
            create.create_response("filetransfer", 7, b"0,0\n", True),
        )
    )


@pytest.mark.parametrize("keep", [False, True])
def test_a_file_without_a_destination_is_kept_only_where_the_policy_says(
    tmp_path: Path, keep: bool
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    policy = FilePolicy(base, None, None, keep_under_own_name=keep)
    link = Link(files=policy)
    link.connection_made("client", 0.0)
    pending = link.get_file("far/away.txt", None, now=0.0)
    raw = MessageManager.create_response("filetransfer", pending.request_id, b"x", True)
    assert arrive(link, raw) == [Answered(pending, True)]
    assert [path.name for path in base.iterdir()] == ["away.txt"] * keep


def test_limits_of_the_queue_and_of_requests(tmp_path: Path) -> None:
    link = link_in(tmp_path, limits=Limits(queue_messages=2, pending_requests=1))
    link.request("a", now=0.0)
    with pytest.raises(TooManyRequests):
        link.request("b", now=0.0)
    link.send_action("a")
    with pytest.raises(QueueFull):
        link.send_action("b")
    with pytest.raises(OSError, match="wait to be sent"):
        link.answer(Request("a", "1", [], {}, False), 1)
    assert len(link.outbox) == 2


def test_a_request_that_does_not_fit_is_not_pending(tmp_path: Path) -> None:
    link = link_in(tmp_path, limits=Limits(queue_bytes=10))
    with pytest.raises(QueueFull):
        link.request("a", now=0.0)
    assert len(link.pending) == 0


def test_a_file_above_the_limit_is_neither_sent_nor_received(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(1001))
    link = Link(files=FilePolicy.inside(tmp_path, max_size=1000))
    link.connection_made("client", 0.0)
    with pytest.raises(FileRefused, match="1001 bytes, and the limit is 1000"):
        link.send_file(tmp_path / "big", "x")
    fields = {"action": "filetransfer", "filepath": "new"}
    push = MessageManager.create_message(bytes(1001), "binary", "message", "utf-8", fields)
    (event,) = arrive(link, push + MARKER)
    assert isinstance(event, Action)
    assert not (tmp_path / "new").exists()


# Across connections.


def test_a_name_leaves_room_for_its_signature(tmp_path: Path) -> None:
    from moobius.messaging import SharedKey

    name = "a" * 65390
    link_in(tmp_path).send_action(name)
    with pytest.raises(Unsendable):
        link_in(tmp_path, key=SharedKey.new()).send_action(name)


def test_an_answer_that_cannot_be_sent_is_logged_and_the_connection_stays(
    tmp_path: Path, log: list[str]
) -> None:
    link = link_in(tmp_path)
    for value in ({1}, "\ud800", float):
        link.answer(Request("a", "1", [], {}, False), value)
    link.answer(Request("a", "x" * 70_000, [], {}, False), 1)
    assert leave(link) == b""
    assert sum("cannot be sent" in line for line in log) == 4


def test_files_beyond_those_that_may_be_open_are_opened_in_their_turn(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moobius.messaging.link_calls.OPEN_FILES", 2)
    link = link_in(tmp_path)
    for name in "abcd":
        (tmp_path / name).write_bytes(b"old")
        assert link.send_file(tmp_path / name, name)
    assert (len(link.outbox), link.outbox.files) == (4, 2)
    for name in "abc":
        (tmp_path / name).unlink()
    (tmp_path / "d").write_bytes(b"longer")
    link.send_action("after")
    sent = [
        (header["action"], header.get("filepath"), content)
        for header, content in headers_of(leave(link))
    ]
    assert sent[:-1] == [
        ("filetransfer", "a", b"old"),
        ("filetransfer", "b", b"old"),
        ("filetransfer", "d", b"longer"),
    ]
    assert sent[-1][0] == "after"
    assert [line for line in log if "file not sent" in line and "/c " in line]


def test_a_file_beyond_those_that_may_be_open_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moobius.messaging.link_calls.OPEN_FILES", 0)
    link = link_in(tmp_path)
    with pytest.raises(FileRefused):
        link.send_file(tmp_path / "missing", "x")
    assert len(link.outbox) == 0


TOO_DEEP: list[Any] = [[[["x"]]]]


@pytest.mark.parametrize("content", ["x" * 100, TOO_DEEP], ids=["long", "deep"])
def test_what_a_peer_would_hang_up_for_is_not_queued(content: Any, tmp_path: Path) -> None:
    link = link_in(tmp_path, limits=Limits(json_content=100, json_depth=5), resume_queue=True)
    with pytest.raises(Unsendable, match="the limit is"):
        link.send_action("x", (content,))
    with pytest.raises(Unsendable, match="the limit is"):
        link.request("x", (content,), now=0.0)
    assert (len(link.outbox), len(link.pending)) == (0, 0)
    link.send_action("x", ("[[[[[[[[",))
    assert len(link.outbox) == 1


def test_without_limits_anything_goes(tmp_path: Path) -> None:
    link = link_in(tmp_path, limits=Limits(json_content=None, json_depth=None))
    assert link.send_action("x", (TOO_DEEP * 10, "x" * 5_000_000))
