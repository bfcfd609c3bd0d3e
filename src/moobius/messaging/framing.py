"""Messages on the wire: values to bytes, and bytes to messages however they were cut. Pure.

One message, integers big-endian (specification 1.1):

    +---------------+-------------------+------------------------------
    | header length | header            | content
    |    2 bytes    | JSON object UTF-8 | header["content-length"] bytes
    +---------------+-------------------+------------------------------

JSON content comes out whole. Everything else may be a large file, so it comes out in the pieces in
which it came in, and the decoder keeps none of them.
"""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from moobius.errors import ProtocolError, Unsendable
from moobius.messaging.json_text import depth_of, from_json, text_encoding, to_json
from moobius.messaging.limits import DEFAULT_LIMITS, Limits

Bytes = bytes | bytearray | memoryview

PROTOHEADER = struct.Struct(">H")
MAX_HEADER = 65535
REQUIRED_FIELDS = (
    "byteorder",
    "content-type",
    "content-encoding",
    "content-length",
    "message-type",
)
_REQUIRED = frozenset(REQUIRED_FIELDS)
_NOTHING = memoryview(b"")


def encode_header(
    content_length: int,
    content_type: str,
    message_type: str,
    content_encoding: str = "utf-8",
    additional_headers: Mapping[str, Any] | None = None,
) -> bytes:
    """Encode the header of a message, without the two bytes of its length.

    Raises:
        Unsendable: If it is longer than 65535 bytes.
        TypeError: If JSON cannot hold an additional field.
    """
    before, after = _around_length(content_type, content_encoding, message_type)
    raw = b"%s%d%s" % (before, content_length, after)
    if additional_headers:
        fields = dict(additional_headers)
        if _REQUIRED.isdisjoint(fields):
            raw = raw[:-1] + b", " + to_json(fields)[1:]
        else:  # one that is named again is replaced in its place
            raw = to_json({**json.loads(raw), **fields})
    check_header_length(len(raw))
    return raw


@lru_cache(maxsize=64, typed=True)
def _around_length(
    content_type: str, content_encoding: str, message_type: str
) -> tuple[bytes, bytes]:
    """Return the standard fields before and after the length; only that differs each time."""
    before = {
        "byteorder": sys.byteorder,
        "content-type": content_type,
        "content-encoding": content_encoding,
    }
    after = {"message-type": message_type}
    return to_json(before)[:-1] + b', "content-length": ', b", " + to_json(after)[1:]


def check_header_length(length: int, reserved: int = 0) -> None:
    """Refuse a header that does not fit, with `reserved` bytes that are added before it is sent.

    Raises:
        Unsendable: If it is longer than 65535 bytes.
    """
    if length + reserved > MAX_HEADER:
        raise Unsendable(
            f"header of {length} bytes; the format ends at {MAX_HEADER - reserved}: "
            "shorten the name or path, and send long values as arguments"
        )


def check_content(content: bytes, limits: Limits) -> None:
    """Refuse JSON content for which a peer with the same limits would close the connection.

    Raises:
        Unsendable: If it is too long, or nests too deep.
    """
    most, deepest = limits.json_content, limits.json_depth
    if most is not None and len(content) > most:
        raise Unsendable(
            f"content of {len(content)} bytes; the limit is {most}: send it as a file, in several "
            "messages, or with a larger json_content in the limits of both sides"
        )
    if deepest is None or content.count(b"[") + content.count(b"{") <= deepest:
        return  # as nearly always
    if (depth := depth_of(content)) > deepest:
        raise Unsendable(f"content that nests {depth} deep; the limit is {deepest}")


def framed(header: bytes) -> bytes:
    """Put the length before an encoded header."""
    return PROTOHEADER.pack(len(header)) + header


class Header(NamedTuple):
    """What stands before a content."""

    fields: dict[str, Any]
    """All of them, in wire order; the five required ones are there."""
    content_length: int
    """Bytes."""
    encoding: str | None
    """The codec of JSON content; `None` if the content is not JSON."""

    @property
    def message_type(self) -> object:
        """What the peer wrote: `message`, `request`, `response`, or anything else."""
        return self.fields["message-type"]


class Message(NamedTuple):
    """A complete message with JSON content."""

    header: Header
    content: Any


class FileBegins(NamedTuple):
    """The header of a message whose content is not JSON; pieces follow."""

    header: Header


class FilePiece(NamedTuple):
    """Some bytes of the content, never none; to be used before the decoder is fed again."""

    data: Bytes


class FileEnds(NamedTuple):
    """The content is complete."""


FramingEvent = Message | FileBegins | FilePiece | FileEnds


class Inspector(Protocol):
    """Checks the bytes of each message before they are parsed; raises to refuse them."""

    def inspect_length(self, length: int) -> None:
        """Look at how many bytes a header announces to have, before any of them is read."""

    def inspect_header(self, raw: bytes, header: Header) -> None:
        """Look at a header, as it came and as it reads."""

    def inspect_content(self, data: Bytes) -> None:
        """Look at some bytes of the content."""

    def inspect_end(self) -> None:
        """Judge the message; JSON content has not been parsed yet."""


class Decoder:
    """Cuts a stream of bytes into messages.

    Feed it, then take events until there is none. After an error nothing is kept, and every further
    call raises the same error.

    Attributes:
        inspector: Checks each message before it is used, if it is not None; may be changed between
            two events.
        refused: The header of the message that broke the rules, if its header did not.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, inspector: Inspector | None = None) -> None:
        self.inspector = inspector
        self.refused: Header | None = None
        self._limits = limits
        self._buffer = bytearray()
        self._start = 0  # where what is not yet used begins; cut off once per feed, not per message
        self._header_length = -1
        self._header: Header | None = None
        # Requests and actions of one kind have the same header again and again.
        self._last_raw = bytearray()
        self._last_header: Header | None = None
        self._left = 0  # bytes of non-JSON content still to come
        self._passing = _NOTHING  # some of them, as they were fed: files are not copied
        self._error: ProtocolError | None = None

    @property
    def is_inside_message(self) -> bool:
        """Tell whether a message has begun and is not complete."""
        unused = len(self._buffer) > self._start
        return unused or self._header_length >= 0 or self._header is not None

    def feed(self, data: Bytes) -> None:
        """Take bytes from the network. Their memory may be reused once all events are taken."""
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self._start:
            del self._buffer[: self._start]
            self._start = 0
        if self._passing:
            self._buffer += self._passing
            self._passing = _NOTHING
        if self._left and not self._buffer:
            view = memoryview(data)
            self._passing, data = view[: self._left], view[self._left :]
        self._buffer += data

    def __iter__(self) -> Iterator[FramingEvent]:
        return iter(self.next_event, None)

    def next_event(self) -> FramingEvent | None:
        """Return what comes next; `None` when more bytes are needed.

        Raises:
            ProtocolError: If the bytes cannot be trusted.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        if self._header is None and len(self._buffer) == self._start:
            return None  # as after nearly every message
        try:
            if self._header is not None:
                return self._read_content(self._header)
            header = self._read_header()
            return None if header is None else self._begin(header)
        except ProtocolError as error:
            self.fail(error)
            raise

    def fail(self, error: ProtocolError) -> None:
        """Give this stream up: from now on every call raises that error."""
        self._error = error
        self.refused = self._header
        self._buffer.clear()
        self._start = 0
        self._passing = _NOTHING

    def _take(self, count: int) -> bytearray | None:
        """Return that many bytes; `None` if they are not all there."""
        end = self._start + count
        if len(self._buffer) < end:
            return None
        taken = self._buffer[self._start : end]
        self._start = end
        return taken

    def _read_header(self) -> Header | None:
        if self._header_length < 0:
            if len(self._buffer) - self._start < PROTOHEADER.size:
                return None
            (self._header_length,) = PROTOHEADER.unpack_from(self._buffer, self._start)
            self._start += PROTOHEADER.size
            if not self._header_length:
                raise ProtocolError("a header of no bytes")
            if self.inspector is not None:
                self.inspector.inspect_length(self._header_length)
        raw = self._take(self._header_length)
        if raw is None:
            return None
        header = self._parse(raw)
        if self.inspector is not None:
            self.inspector.inspect_header(bytes(raw), header)
        self._header_length = -1
        return header

    def _parse(self, raw: bytearray) -> Header:
        if self._last_header is None or raw != self._last_raw:
            self._last_header = parse_header(raw, self._limits.json_depth)
            self._last_raw = raw
        return self._last_header

    def _begin(self, header: Header) -> FramingEvent | None:
        self._header = header
        check_length(header, self._limits)
        if header.encoding is None:
            self._left = header.content_length
            return FileBegins(header)
        return self._read_content(header)

    def _read_content(self, header: Header) -> FramingEvent | None:
        if header.encoding is None:
            return self._read_piece()
        raw = self._take(header.content_length)
        if raw is None:
            return None
        self._verify(raw)
        content = from_json(
            raw, "content", encoding=header.encoding, max_depth=self._limits.json_depth
        )
        self._header = None
        return Message(header, content)

    def _read_piece(self) -> FramingEvent | None:
        if not self._left:
            self._verify()
            self._header = None
            return FileEnds()
        piece: Bytes | None = self._passing
        self._passing = _NOTHING
        if not piece:
            piece = self._take(min(self._left, len(self._buffer) - self._start))
        if not piece:
            return None
        if self.inspector is not None:
            self.inspector.inspect_content(piece)
        self._left -= len(piece)
        return FilePiece(piece)

    def _verify(self, content: bytearray | None = None) -> None:
        if self.inspector is None:
            return
        if content is not None:
            self.inspector.inspect_content(content)
        self.inspector.inspect_end()


def parse_header(raw: bytes | bytearray, max_depth: int | None) -> Header:
    """Decode and check a header; no byte of its content is needed for that.

    Raises:
        ProtocolError: If it is not an object with the five required fields, or announces a content
            in an encoding that is not accepted.
    """
    fields = from_json(raw, "header", encoding="utf-8", max_depth=max_depth)
    if not isinstance(fields, dict):
        raise ProtocolError(f"the header is a {type(fields).__name__}, not an object")
    if not fields.keys() >= _REQUIRED:
        missing = next(name for name in REQUIRED_FIELDS if name not in fields)
        raise ProtocolError(f"the header has no field {missing}")
    length = fields["content-length"]
    if type(length) is not int or length < 0:  # a boolean is no length
        raise ProtocolError("content-length is not an integer of at least 0")
    is_json = fields["content-type"] == "json"
    return Header(fields, length, text_encoding(fields["content-encoding"]) if is_json else None)


def check_length(header: Header, limits: Limits) -> None:
    """Refuse a content before any of it is read.

    Raises:
        ProtocolError: If more is announced than the limits allow.
    """
    length = header.content_length
    limit = limits.file_content if header.encoding is None else limits.json_content
    if limit is not None and length > limit:
        raise ProtocolError(f"content of {length} bytes announced; the limit is {limit}")
