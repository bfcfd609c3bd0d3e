"""The queue: whole messages, in order, each from its first byte to its last."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius.errors import QueueFull
from moobius.messaging import Limits
from moobius.messaging.files import OutgoingFile
from moobius.messaging.framing import framed
from moobius.messaging.messages import encode_action
from moobius.messaging.outbox import JOINED, Outbox, Outgoing
from moobius.messaging.policy import own_place


def message(name: str, content: str = "") -> Outgoing:
    return Outgoing.of(encode_action(name, (content,)), request_id=f"id of {name}")


def wire(outgoing: Outgoing) -> bytes:
    return framed(outgoing.header) + b"".join(outgoing.content_pieces())


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 90), max_size=80), lengths=st.lists(st.integers(0, 300)))
def test_any_slices_make_the_same_stream(sizes: list[int], lengths: list[int]) -> None:
    box = Outbox()
    messages = [message(str(n), "x" * length) for n, length in enumerate(lengths)]
    for outgoing in messages:
        box.put(outgoing)
    out = b""
    for size in sizes:
        piece = bytes(box.data_to_send(size))
        assert piece == bytes(box.data_to_send(size))  # until it is sent
        box.sent(len(piece))
        out += piece
    out += rest(box)
    assert out == b"".join(map(wire, messages))
    assert len(box) == box.memory == 0


def rest(box: Outbox) -> bytes:
    out = b""
    while piece := bytes(box.data_to_send(10**9)):
        box.sent(len(piece))
        out += piece
    return out


@settings(deadline=None)
@given(st.integers(0, 500))
def test_a_message_that_was_cut_begins_again_and_one_that_left_does_not(offset: int) -> None:
    box, messages = Outbox(), [message("a", "x" * 50), message("b", "y" * 70)]
    for outgoing in messages:
        box.put(outgoing)
    while offset and (count := len(box.data_to_send(offset))):
        box.sent(count)
        offset -= count
    left = len(box)
    box.connection_lost(keep=True)
    assert rest(box) == b"".join(map(wire, messages[2 - left :]))


def test_small_messages_leave_together_and_large_ones_by_themselves() -> None:
    box = Outbox()
    small, large = message("small"), message("large", "x" * JOINED)
    for outgoing in (small, small, large, small):
        box.put(outgoing)
    assert box.take_whole(10**9) == wire(small) * 2
    assert box.take_whole(10**9) == b""
    head = bytes(box.data_to_send(10**9))
    assert head == framed(large.header)
    box.sent(len(head))
    assert box.take_whole(10**9) == b""  # one is under way
    assert rest(box) == wire(large)[len(head) :] + wire(small)


def test_a_batch_ends_near_its_size() -> None:
    box = Outbox()
    for _ in range(10):
        box.put(message("a"))
    one = len(wire(message("a")))
    assert len(box.take_whole(one + 1)) == 2 * one
    assert len(box) == 8


def test_a_file_counts_as_no_memory_and_is_closed_with_its_last_byte(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1_000_000))
    box = Outbox(Limits(queue_bytes=1000))
    file = OutgoingFile.open(own_place(tmp_path / "a"), None)
    box.put(Outgoing(b"{}", file))
    assert box.memory == 2
    assert len(rest(box)) == 4 + 1_000_000
    assert file._fd == -1


@pytest.mark.parametrize("limits", [Limits(queue_messages=1), Limits(queue_bytes=250)])
def test_a_full_queue_refuses_and_closes_what_it_refuses(tmp_path: Path, limits: Limits) -> None:
    (tmp_path / "a").write_bytes(b"x")
    box = Outbox(limits)
    box.put(message("a"))
    file = OutgoingFile.open(own_place(tmp_path / "a"), None)
    with pytest.raises(QueueFull, match="wait to be sent"):
        box.put(Outgoing(b"{}" * 50, file))
    assert file._fd == -1
    assert len(box) == 1
    box.put_again(message("b"))
    assert box.queued_requests() == {"id of a", "id of b"}


def test_clearing_closes_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    box = Outbox()
    file = OutgoingFile.open(own_place(tmp_path / "a"), None)
    box.put(Outgoing(b"{}", file))
    box.connection_lost(keep=False)
    assert file._fd == -1
    assert len(box) == box.memory == 0
    assert not box.data_to_send(10)


def test_open_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    outbox = Outbox()
    for _ in range(3):
        outbox.put(Outgoing(b"{}", OutgoingFile.open(own_place(tmp_path / "a"), None)))
    outbox.put(Outgoing(b"{}", prepare=lambda: None))
    assert outbox.files == 3
    outbox.drop_current()
    assert outbox.files == 2
    outbox.clear()
    assert outbox.files == 0
