"""Framing: messages do not depend on how the bytes were cut, and garbage is refused."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius.errors import ProtocolError, Unsendable
from moobius.messaging import Limits, MessageManager
from moobius.messaging.framing import (
    REQUIRED_FIELDS,
    Bytes,
    Decoder,
    FileBegins,
    FileEnds,
    FilePiece,
    Header,
    Message,
    encode_header,
    framed,
)
from tests.messaging.vectors import named, value

STREAMS = named("streams")
CHUNKS = (1, 2, 3, 7, 64, 1024, 10**9)


def read(chunks: list[bytes], decoder: Decoder | None = None) -> list[tuple[dict[str, Any], Any]]:
    """Return headers and contents; the pieces of a content are put together."""
    decoder = decoder or Decoder()
    found: list[tuple[dict[str, Any], Any]] = []
    for chunk in chunks:
        decoder.feed(chunk)
        for event in decoder:
            if isinstance(event, Message):
                found.append((event.header.fields, event.content))
            elif isinstance(event, FileBegins):
                found.append((event.header.fields, bytearray()))
            elif isinstance(event, FilePiece):
                found[-1][1].extend(event.data)
    return found


def cut(raw: bytes, size: int) -> list[bytes]:
    return [raw[start : start + size] for start in range(0, len(raw), size)]


@pytest.mark.parametrize("size", CHUNKS)
@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_gives_its_messages_however_it_is_cut(name: str, size: int) -> None:
    expected = [(e["header"], value(e["content"])) for e in STREAMS[name]["expected"]]
    assert read(cut(bytes.fromhex(STREAMS[name]["hex"]), size)) == expected


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner, max_size=3),
    max_leaves=6,
)
wires = st.one_of(
    st.builds(MessageManager.create_json_message, json_values),
    st.binary(max_size=300).map(
        lambda content: MessageManager.create_message(content, "binary", "message")
    ),
)


@settings(deadline=None)
@given(messages=st.lists(wires, max_size=5), data=st.data())
def test_framing_does_not_depend_on_how_the_bytes_were_cut(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = read([stream])
    assert len(whole) == len(messages)
    decoder = Decoder()
    assert read(chunks, decoder) == whole
    assert not decoder.is_inside_message


@settings(deadline=None)
@given(garbage=st.binary(max_size=400), head=st.booleans())
def test_garbage_is_refused_and_nothing_else_happens(garbage: bytes, head: bool) -> None:
    decoder = Decoder()
    try:
        decoder.feed(framed(garbage) + garbage if head else garbage)
        list(decoder)
    except ProtocolError as error:
        with pytest.raises(ProtocolError) as again:
            decoder.feed(MessageManager.create_action_message("land"))
        assert again.value is error
        with pytest.raises(ProtocolError):
            decoder.next_event()


def header_of(length: int, content_type: str) -> bytes:
    return framed(encode_header(length, content_type, "message"))


@pytest.mark.parametrize(
    ("content_type", "limits"),
    [("json", Limits(json_content=1000)), ("binary", Limits(file_content=1000))],
)
def test_a_content_above_the_limit_is_refused_with_its_header(
    content_type: str, limits: Limits
) -> None:
    decoder = Decoder(limits)
    decoder.feed(header_of(1000, content_type))
    assert all(isinstance(event, FileBegins) for event in decoder)
    decoder = Decoder(limits)
    decoder.feed(header_of(1001, content_type))
    with pytest.raises(ProtocolError, match="1001 bytes announced; the limit is 1000"):
        decoder.next_event()


def test_limits_can_be_switched_off() -> None:
    decoder = Decoder(Limits(json_content=None, file_content=None, json_depth=None))
    deep = MessageManager.create_json_message(json.loads("[" * 150 + "]" * 150))
    assert len(read([deep], decoder)) == 1
    decoder.feed(header_of(10**12, "binary"))
    assert isinstance(decoder.next_event(), FileBegins)


def test_a_large_content_is_not_kept() -> None:
    size, piece = 32 * 1024 * 1024, bytes(64 * 1024)
    decoder = Decoder()
    decoder.feed(header_of(size, "binary"))
    received = 0
    tracemalloc.start()
    for _ in range(size // len(piece)):
        decoder.feed(piece)
        received += sum(len(e.data) for e in decoder if isinstance(e, FilePiece))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert received == size
    assert peak < 1024 * 1024
    assert not decoder.is_inside_message


def test_a_file_begins_before_its_content_is_there_and_may_be_empty() -> None:
    decoder = Decoder()
    decoder.feed(header_of(0, "binary") + header_of(1, "binary"))
    kinds = [type(event) for event in decoder]
    assert kinds == [FileBegins, FileEnds, FileBegins]
    assert decoder.is_inside_message


class Refuser:
    """An inspector that writes down what it sees, and refuses at the end."""

    def __init__(self) -> None:
        self.seen = b""
        self.lengths: list[int] = []

    def inspect_length(self, length: int) -> None:
        self.lengths.append(length)

    def inspect_header(self, raw: bytes, header: Header) -> None:
        self.seen += raw

    def inspect_content(self, data: Bytes) -> None:
        self.seen += data

    def inspect_end(self) -> None:
        raise ProtocolError("refused")


@pytest.mark.parametrize("content_type", ["json", "binary"])
def test_an_inspector_sees_all_bytes_and_can_refuse_before_anything_is_parsed(
    content_type: str,
) -> None:
    inspector = Refuser()
    decoder = Decoder(inspector=inspector)
    raw = MessageManager.create_message(b"not json", content_type, "message")
    decoder.feed(raw)
    with pytest.raises(ProtocolError, match="refused"):
        list(decoder)
    assert inspector.seen == raw[2:]
    assert inspector.lengths == [int.from_bytes(raw[:2], "big")]


def test_a_header_that_does_not_fit_says_what_to_do() -> None:
    with pytest.raises(Unsendable, match="shorten the name"):
        encode_header(0, "json", "message", additional_headers={"action": "a" * 65536})


def test_a_file_passes_by_in_memory_that_is_used_again() -> None:
    content = bytes(range(256)) * 40
    raw = framed(encode_header(len(content), "binary", "response")) + content
    raw += MessageManager.create_action_message("after")
    for size in (1, 100, 1000, len(raw)):
        decoder, room, got = Decoder(), bytearray(size), []
        for start in range(0, len(raw), size):
            piece = raw[start : start + size]
            room[: len(piece)] = piece
            decoder.feed(memoryview(room)[: len(piece)])
            for event in decoder:
                got.append(bytes(event.data) if isinstance(event, FilePiece) else event)
        assert b"".join(piece for piece in got if isinstance(piece, bytes)) == content
        (after,) = [event for event in got if isinstance(event, Message)]
        assert after.header.fields["action"] == "after"


def test_a_header_that_comes_again_is_not_mixed_up_with_another() -> None:
    raw = [MessageManager.create_action_message(name) for name in "aabba"]
    decoder = Decoder()
    decoder.feed(b"".join(raw))
    names = [event.header.fields["action"] for event in decoder if isinstance(event, Message)]
    assert "".join(names) == "aabba"


def test_standard_fields_are_kept_apart_by_type_and_replaced_in_their_place() -> None:
    assert b'"message-type": true}' in encode_header(1, "json", True)  # type: ignore[arg-type]
    assert b'"message-type": 1}' in encode_header(1, "json", 1)  # type: ignore[arg-type]
    again = encode_header(1, "50%d", "x", additional_headers={"n": 1, "content-type": "y"})
    assert json.loads(again)["content-type"] == "y"
    assert list(json.loads(again)) == [*REQUIRED_FIELDS, "n"]
    assert b'"50%d"' in encode_header(1, "50%d", "x")


def test_what_was_fed_before_its_events_were_taken_is_not_lost() -> None:
    decoder = Decoder()
    decoder.feed(framed(encode_header(6, "binary", "response")))
    assert isinstance(decoder.next_event(), FileBegins)
    for piece in (b"ab", b"cd", b"ef"):
        decoder.feed(piece)
    assert b"".join(event.data for event in decoder if isinstance(event, FilePiece)) == b"abcdef"
