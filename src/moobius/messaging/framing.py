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

import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from moobius.errors import ProtocolError, Unsendable
from moobius.messaging.json_text import from_json, text_encoding, to_json
from moobius.messaging.limits import DEFAULT_LIMITS, Limits

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
    header: dict[str, Any] = {
        "byteorder": sys.byteorder,
        "content-type": content_type,
        "content-encoding": content_encoding,
        "content-length": content_length,
        "message-type": message_type,
    }
    if additional_headers:
        header.update(additional_headers)
    raw = to_json(header)
    check_header_length(len(raw))
    return raw


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
    """Some bytes of the content, never none."""

    data: bytes | bytearray


class FileEnds(NamedTuple):
    """The content is complete."""


FramingEvent = Message | FileBegins | FilePiece | FileEnds


class Inspector(Protocol):
    """Sees the bytes of each message before they mean anything; raises to refuse them."""

    def inspect_length(self, length: int) -> None:
        """Look at how many bytes a header announces to have, before any of them is read."""

    def inspect_header(self, raw: bytes, header: Header) -> None:
        """Look at a header, as it came and as it reads."""

    def inspect_content(self, data: bytes | bytearray) -> None:
        """Look at some bytes of the content."""

    def inspect_end(self) -> None:
        """Judge the message; JSON content has not been parsed yet."""


class Decoder:
    """Cuts a stream of bytes into messages.

    Feed it, then take events until there is none. After an error nothing is kept, and every further
    call raises the same error.

    Attributes:
        inspector: Who sees each message before it is believed, if anybody; may be changed between
            two events.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS, inspector: Inspector | None = None) -> None:
        self.inspector = inspector
        self._limits = limits
        self._buffer = bytearray()
        self._start = 0  # where what is not yet used begins; cut off once per feed, not per message
        self._header_length = -1
        self._header: Header | None = None
        self._left = 0  # bytes of non-JSON content still to come
        self._error: ProtocolError | None = None

    @property
    def is_inside_message(self) -> bool:
        """Tell whether a message has begun and is not complete."""
        unused = len(self._buffer) > self._start
        return unused or self._header_length >= 0 or self._header is not None

    def feed(self, data: bytes | bytearray) -> None:
        """Take bytes from the network."""
        self._raise_again()
        del self._buffer[: self._start]
        self._start = 0
        self._buffer += data

    def __iter__(self) -> Iterator[FramingEvent]:
        return iter(self.next_event, None)

    def next_event(self) -> FramingEvent | None:
        """Return what comes next; `None` when more bytes are needed.

        Raises:
            ProtocolError: If the bytes cannot be trusted.
        """
        self._raise_again()
        try:
            if self._header is None:
                return self._read_header()
            return self._read_content(self._header)
        except ProtocolError as error:
            self.fail(error)
            raise

    def fail(self, error: ProtocolError) -> None:
        """Believe this stream no more: from now on every call raises that error."""
        self._error = error
        self._buffer.clear()
        self._start = 0

    def _raise_again(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)

    def _take(self, count: int) -> bytearray | None:
        """Return that many bytes; `None` if they are not all there."""
        end = self._start + count
        if len(self._buffer) < end:
            return None
        taken = self._buffer[self._start : end]
        self._start = end
        return taken

    def _read_header(self) -> FramingEvent | None:
        if self._header_length < 0:
            proto = self._take(PROTOHEADER.size)
            if proto is None:
                return None
            (self._header_length,) = PROTOHEADER.unpack(proto)
            if not self._header_length:
                raise ProtocolError("a header of no bytes")
            if self.inspector is not None:
                self.inspector.inspect_length(self._header_length)
        raw = self._take(self._header_length)
        if raw is None:
            return None
        header = parse_header(raw, self._limits)
        if self.inspector is not None:
            self.inspector.inspect_header(bytes(raw), header)
        self._header_length = -1
        self._header = header
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
        self._finish(raw)
        content = from_json(
            raw, "content", encoding=header.encoding, max_depth=self._limits.json_depth
        )
        return Message(header, content)

    def _read_piece(self) -> FramingEvent | None:
        if not self._left:
            self._finish()
            return FileEnds()
        available = min(self._left, len(self._buffer) - self._start)
        piece = self._take(available)
        if not piece:
            return None
        if self.inspector is not None:
            self.inspector.inspect_content(piece)
        self._left -= available
        return FilePiece(piece)

    def _finish(self, content: bytearray | None = None) -> None:
        if self.inspector is not None:
            if content is not None:
                self.inspector.inspect_content(content)
            self.inspector.inspect_end()
        self._header = None


def parse_header(raw: bytes | bytearray, limits: Limits) -> Header:
    """Decode and check a header; no byte of its content is needed for that.

    Raises:
        ProtocolError: If it is not an object with the five required fields, or announces a content
            that is above the limits or in an encoding that is not accepted.
    """
    fields = from_json(raw, "header", encoding="utf-8", max_depth=limits.json_depth)
    if not isinstance(fields, dict):
        raise ProtocolError(f"the header is a {type(fields).__name__}, not an object")
    if not fields.keys() >= _REQUIRED:
        missing = next(name for name in REQUIRED_FIELDS if name not in fields)
        raise ProtocolError(f"the header has no field {missing}")
    length = fields["content-length"]
    if type(length) is not int or length < 0:  # a boolean is no length
        raise ProtocolError("content-length is not an integer of at least 0")
    is_json = fields["content-type"] == "json"
    limit = limits.json_content if is_json else limits.file_content
    if limit is not None and length > limit:
        raise ProtocolError(f"content of {length} bytes announced; the limit is {limit}")
    return Header(fields, length, text_encoding(fields["content-encoding"]) if is_json else None)
