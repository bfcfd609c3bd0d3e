"""The rules of a link, without any socket: what arrives, what leaves, what survives a loss."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import pytest

from moobius.errors import (
    FileRefused,
    ProtocolError,
    RequestFailed,
    RequestTimeout,
)
from moobius.messaging import Callbacks, FilePolicy, Limits, Link, MessageManager, SharedKey
from moobius.messaging.callbacks import dispatch
from moobius.messaging.events import Answered, Failed, FileStored
from moobius.messaging.messages import Action, Request, encode_request
from moobius.messaging.requests import Pending
from tests.messaging.links import arrive, headers_of, leave, link_in
from tests.messaging.vectors import named, negative_bytes

NEGATIVE = named("negative")
MARKER = MessageManager.create_action_message("marker")
action = MessageManager.create_action_message


class Peer:
    """The connection that the negative vectors were recorded with."""

    def __init__(self, folder: Path) -> None:
        self.called: list[str] = []
        self.callbacks = Callbacks()
        for name in ("ping", "marker"):
            self.callbacks.on(name)(lambda link, *args, name=name: self.called.append(name))
        self.callbacks.on_request("echo")(lambda link, *args: self.called.append("echo"))
        self.callbacks.on_request("raises")(lambda link, *args: 1 // 0)
        self.callbacks.on_request("setvalue")(lambda link, *args: {1})
        self.link = link_in(folder)
        self.pending = Pending("0002", "echo", encode_request("echo", "0002"))
        self.link.pending.add(self.pending)
        self.failed: list[Failed] = []

    def take(self, raw: bytes) -> None:
        for event in arrive(self.link, raw):
            if isinstance(event, (Action, Request)):
                dispatch(self.link, event, self, self.callbacks.actions, self.callbacks.requests)
            elif isinstance(event, Failed):
                self.failed.append(event)


@pytest.mark.parametrize("name", NEGATIVE)
@pytest.mark.parametrize("is_followed", [False, True], ids=["alone", "followed"])
def test_a_malformed_or_hostile_input_does_what_is_required(
    name: str, is_followed: bool, tmp_path: Path
) -> None:
    entry, peer = NEGATIVE[name], Peer(tmp_path)
    outcome = entry["required_of_new"]
    raw = negative_bytes(entry) + (MARKER if is_followed else b"")
    if outcome == "protocol_error":
        with pytest.raises(ProtocolError):
            peer.take(raw)
        assert peer.called == []
        with pytest.raises(ProtocolError):
            peer.take(MARKER)
    else:
        # What follows an incomplete message is taken for its rest.
        with contextlib.suppress(*[ProtocolError] * (outcome == "wait" and is_followed)):
            peer.take(raw)
    answered = leave(peer.link)
    before = {"deliver": ["ping"], "answer": ["echo"]}.get(outcome, [])
    is_whole = outcome in {"drop", "deliver", "answer"} or name == "empty_input"
    assert peer.called == before + (["marker"] if is_followed and is_whole else [])
    assert bool(answered) == (outcome == "answer")
    assert list(tmp_path.iterdir()) == []
    assert not (tmp_path.parent / "negw_escape.out").exists()
    is_answer_to_us = name in {"response_without_value", "response_content_array"}
    assert [failed.pending for failed in peer.failed] == [peer.pending] * is_answer_to_us
    assert len(peer.link.pending) == (0 if is_answer_to_us else 1)


@pytest.mark.parametrize("name", [n for n, e in NEGATIVE.items() if e["required_of_new"] == "wait"])
def test_an_incomplete_message_is_waited_for_within_a_time_limit(
    name: str, tmp_path: Path, log: list[str]
) -> None:
    link = link_in(tmp_path)
    arrive(link, negative_bytes(NEGATIVE[name]), now=100.0)
    if name == "empty_input":
        assert link.next_deadline is None
        link.expire(10_000.0)
        return
    assert link.next_deadline == 130.0
    link.expire(129.0)
    with pytest.raises(ProtocolError, match="incomplete for 30 s"):
        link.expire(130.0)
    link.connection_lost()
    assert any("inside a message" in line for line in log)


def test_every_new_byte_gives_an_incomplete_message_more_time(tmp_path: Path) -> None:
    link = link_in(tmp_path)
    arrive(link, MARKER[:5], now=0.0)
    arrive(link, MARKER[5:9], now=20.0)
    assert link.next_deadline == 50.0
    arrive(link, MARKER[9:], now=40.0)
    assert link.next_deadline is None


# What is sent.


def test_two_links_talk(tmp_path: Path) -> None:
    here, there = link_in(tmp_path), link_in(tmp_path)
    (tmp_path / "source").write_bytes(bytes(range(256)) * 4000)
    pending = here.request("time", now=0.0)
    (request,) = arrive(there, leave(here, 7))
    assert isinstance(request, Request)
    there.answer(request, 12.5)
    assert arrive(here, leave(there, 7)) == [Answered(pending, 12.5)]
    fetched = here.get_file("source", tmp_path / "fetched", now=0.0)
    assert arrive(there, leave(here)) == []
    assert arrive(here, leave(there, 1000)) == [Answered(fetched, True)]
    here.send_file(tmp_path / "source", "pushed")
    assert arrive(there, leave(here)) == [FileStored(tmp_path / "pushed")]
    for name in ("fetched", "pushed"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "source").read_bytes()
    assert len(here.pending) == 0


def test_a_fetched_file_that_cannot_be_written_fails_its_request(tmp_path: Path) -> None:
    link = link_in(tmp_path)
    pending = link.get_file("a", tmp_path / "missing" / "a", now=0.0)
    raw = MessageManager.create_response("filetransfer", pending.request_id, b"x", True)
    (event,) = arrive(link, raw)
    assert isinstance(event, Failed)
    assert isinstance(event.error, FileRefused)


@pytest.mark.parametrize("is_file", [False, True])
def test_an_answer_of_the_other_kind_fails_its_request(tmp_path: Path, is_file: bool) -> None:
    link = link_in(tmp_path)
    if is_file:
        pending = link.get_file("a", tmp_path / "a", now=0.0)
        raw = MessageManager.create_response("filetransfer", pending.request_id, "text")
    else:
        pending = link.request("time", now=0.0)
        raw = MessageManager.create_response("time", pending.request_id, b"bytes", True)
    (event,) = arrive(link, raw)
    assert isinstance(event, Failed)
    assert event.pending is pending
    assert isinstance(event.error, RequestFailed)
    assert event.error.kind == "malformed"
    assert list(tmp_path.iterdir()) == []


def test_a_request_that_runs_out_of_time_fails_and_its_late_answer_is_dropped(
    tmp_path: Path,
) -> None:
    link = link_in(tmp_path, limits=Limits(request_s=30.0))
    slow = link.request("slow", now=100.0)
    fast = link.request("fast", now=100.0, timeout=1.0)
    assert link.next_deadline == 101.0
    link.expire(101.0)
    failed = link.next_event()
    assert isinstance(failed, Failed)
    assert failed.pending is fast
    assert isinstance(failed.error, TimeoutError)
    assert link.next_deadline == 130.0
    late = MessageManager.create_response("fast", fast.request_id, 1)
    right = MessageManager.create_response("slow", slow.request_id, 2)
    assert arrive(link, late + right) == [Answered(slow, 2)]
    assert link.next_deadline is None


def test_a_file_that_comes_too_late_has_failed_already(tmp_path: Path) -> None:
    link = link_in(tmp_path)
    pending = link.get_file("a", tmp_path / "a", now=0.0, timeout=1.0)
    raw = MessageManager.create_response("filetransfer", pending.request_id, b"12345", True)
    assert arrive(link, raw[:-2]) == []
    link.expire(1.0)
    failed = link.next_event()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, RequestTimeout)
    assert arrive(link, raw[-2:]) == []


@pytest.mark.parametrize("resume", [False, True])
def test_the_queue_survives_only_if_it_is_to_be_resumed(tmp_path: Path, resume: bool) -> None:
    link = link_in(tmp_path, resume_queue=resume)
    link.send_action("a")
    link.sent(len(link.data_to_send(10)))
    link.connection_lost()
    assert not link.is_connected
    link.send_action("b")
    link.connection_made("client", 0.0)
    link.send_action("c")
    sent = b"".join(map(action, "abc" if resume else "c"))
    assert leave(link) == sent


def test_unanswered_requests_go_again_as_they_were_behind_the_resumed_queue(tmp_path: Path) -> None:
    link = link_in(tmp_path, resume_queue=True)
    args = [1]
    first, second = (link.request(name, args, {"k": 1}, now=0.0) for name in ("a", "b"))
    sent = leave(link)
    args.append(2)
    link.send_action("queued")
    third = link.request("c", now=0.0)
    link.connection_lost()
    link.connection_made("client", 0.0)
    again = leave(link)
    assert again == action("queued") + third.message.wire + sent
    answer = MessageManager.create_response("a", first.request_id, 1)
    assert arrive(link, answer + answer) == [Answered(first, 1)]
    link.connection_lost()
    link.connection_made("client", 0.0)
    assert leave(link) == second.message.wire + third.message.wire


def test_nothing_goes_again_where_that_is_switched_off(tmp_path: Path) -> None:
    link = link_in(tmp_path, resend_requests=False)
    link.request("a", now=0.0)
    leave(link)
    link.connection_lost()
    link.connection_made("client", 0.0)
    assert leave(link) == b""
    assert len(link.pending) == 1


def test_a_request_made_while_away_goes_out_on_the_next_connection(tmp_path: Path) -> None:
    link = Link(files=FilePolicy.inside(tmp_path))
    pending = link.request("a", now=0.0)
    link.connection_made("client", 0.0)
    assert leave(link) == pending.message.wire


def test_a_half_received_message_is_forgotten_with_its_connection(tmp_path: Path) -> None:
    link = link_in(tmp_path)
    fields = {"action": "filetransfer", "filepath": "half"}
    push = MessageManager.create_message(bytes(100), "binary", "message", "utf-8", fields)
    arrive(link, push[:-1])
    open_files = [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
    deleted = [name for name in open_files if name.startswith(f"{tmp_path}/#")]
    assert len(deleted) == 1  # beside its destination, without a name
    link.connection_lost()
    assert list(tmp_path.iterdir()) == []
    link.connection_made("client", 0.0)
    assert len(arrive(link, MARKER)) == 1


@pytest.mark.parametrize("keep", [False, True])
def test_a_connection_lost_at_every_byte_repeats_and_mixes_nothing(
    tmp_path: Path, keep: bool
) -> None:
    (tmp_path / "file").write_bytes(b"content")

    def filled() -> Link:
        link = link_in(tmp_path, resume_queue=keep)
        link.send_action("a")
        link.send_file(tmp_path / "file", "copy")
        link.send_action("b")
        return link

    whole = leave(filled())
    ends = [0]
    for header, content in headers_of(whole):
        ends.append(ends[-1] + 2 + len(json.dumps(header)) + len(content))
    assert ends[-1] == len(whole)
    for offset in range(len(whole) + 1):
        link = filled()
        sent = 0
        while sent < offset:
            count = len(link.data_to_send(offset - sent))
            link.sent(count)
            sent += count
        link.connection_lost()
        link.connection_made("client", 0.0)
        handed_over = max(end for end in ends if end <= offset)
        assert leave(link) == (whole[handed_over:] if keep else b"")


def test_a_file_that_shrinks_while_it_is_sent_ends_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(bytes(1_000_000))
    link = link_in(tmp_path, resume_queue=True)
    link.send_file(path, "x")
    link.send_action("behind")
    link.sent(len(link.data_to_send(10**6)))
    path.write_bytes(b"")
    with pytest.raises(OSError, match="became shorter"):
        leave(link)
    link.connection_lost()
    link.connection_made("client", 0.0)
    assert leave(link) == action("behind")


# Error replies.


@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("knows", [False, True])
def test_error_replies_need_both_sides(tmp_path: Path, asks: bool, knows: bool) -> None:
    asking, answering = Link(error_replies=asks), Peer(tmp_path)
    answering.link = link_in(tmp_path, error_replies=knows)
    asking.connection_made("client", 0.0)
    expected = {
        "nobody": "unknown",
        "raises": "exception",
        "setvalue": "encoding",
        "filetransfer": "refused",
    }
    for name in expected:
        asking.request(name, now=0.0)
    asking.get_file("missing", None, now=0.0)
    raw = leave(asking)
    assert (b'"error-reply": 1' in raw) == asks
    answering.take(raw)
    failed = arrive(asking, leave(answering.link))
    if not (asks and knows):
        assert failed == []
        return
    kinds = [
        event.error.kind
        for event in failed
        if isinstance(event, Failed) and isinstance(event.error, RequestFailed)
    ]
    assert sorted(kinds) == sorted([*expected.values(), "not-found"])
    assert all(str(tmp_path) not in str(event) for event in failed)


def test_a_side_without_a_key_says_so_when_a_peer_that_has_one_hangs_up(tmp_path: Path) -> None:
    without, having = link_in(tmp_path), Link(key=SharedKey.new())
    assert without.why_lost(None) == "the peer hung up"
    having.connection_made("server", 0.0)
    arrive(without, leave(having))
    without.connection_lost()
    assert "this side has none" in without.why_lost(ConnectionResetError("reset"))
    without.connection_made("client", 0.0)
    assert without.why_lost(ConnectionResetError("reset")) == "reset"
    assert "same key" in having.why_lost(None)


TOO_LONG = MessageManager.create_response("echo", "0001", "x" * 500)
TOO_DEEP = MessageManager.create_response("echo", "0001", [[[[1]]]])
NO_JSON = MessageManager.create_message(
    b"{", "json", "response", additional_headers={"requested_value": "echo", "request_id": "0001"}
)


@pytest.mark.parametrize("answer", [TOO_LONG, TOO_DEEP, NO_JSON], ids=["long", "deep", "no-json"])
def test_an_answer_that_breaks_the_rules_ends_its_request_and_the_connection(
    answer: bytes, tmp_path: Path
) -> None:
    link = link_in(tmp_path, limits=Limits(json_content=400, json_depth=4))
    other = Pending("0002", "echo", encode_request("echo", "0002"))
    asked = Pending("0001", "echo", encode_request("echo", "0001"))
    for pending in (asked, other):
        link.pending.add(pending)
    link.receive(answer + MARKER, 0.0)
    failed = link.next_event()
    assert isinstance(failed, Failed)
    assert failed.pending is asked
    assert isinstance(failed.error, RequestFailed)
    assert failed.error.kind == "malformed"
    for _ in range(2):
        with pytest.raises(ProtocolError):
            link.next_event()
    link.connection_lost()
    link.connection_made("client", 1.0)
    assert leave(link) == other.message.wire  # only that is asked again


def test_a_file_above_the_limit_ends_its_request(tmp_path: Path) -> None:
    link = link_in(tmp_path, limits=Limits(file_content=10))
    pending = link.get_file("a", tmp_path / "b", now=0.0)
    leave(link)
    link.receive(
        MessageManager.create_response("filetransfer", pending.request_id, bytes(11), True), 0.0
    )
    failed = link.next_event()
    assert isinstance(failed, Failed)
    assert "11 bytes announced; the limit is 10" in str(failed.error)
    with pytest.raises(ProtocolError):
        link.next_event()


def test_an_answer_that_nobody_waits_for_breaks_the_rules_all_the_same(tmp_path: Path) -> None:
    link = link_in(tmp_path, limits=Limits(json_content=400))
    with pytest.raises(ProtocolError):
        arrive(link, TOO_LONG)
