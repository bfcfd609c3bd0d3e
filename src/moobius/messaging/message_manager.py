"""`MessageManager`: one message of the protocol, decoded step by step, and the encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moobius.errors import ProtocolError
from moobius.messaging import messages
from moobius.messaging.framing import (
    PROTOHEADER,
    Header,
    check_length,
    encode_header,
    framed,
    parse_header,
)
from moobius.messaging.json_text import from_json
from moobius.messaging.limits import DEFAULT_LIMITS


class MessageManager:
    """Decodes one incoming message, and encodes outgoing ones of every kind.

    Append what comes in to `income_raw` and call `process_message`, until `content` is there. What
    then is left in `income_raw` belongs to the next message, which gets a manager of its own.

    Attributes:
        income_raw: Bytes that came in and are not used yet.
        jsonheader: The header, once it is decoded.
        content: What the message holds, once it is decoded: a JSON value, or bytes.
        is_ready: Whether it is; the content of a message can be `None`.
    """

    def __init__(self) -> None:
        self._income = b""
        self.jsonheader: dict[str, Any] | None = None
        self.content: Any = None
        self.is_ready = False
        self._header_length: int | None = None
        self._header: Header | None = None
        self._error: ProtocolError | None = None

    @property
    def income_raw(self) -> bytes:
        """Bytes that came in and are not used yet."""
        return self._income

    @income_raw.setter
    def income_raw(self, raw: bytes | bytearray | memoryview) -> None:
        self._income = bytes(raw)

    def process_message(self) -> None:
        """Go on as far as the bytes in `income_raw` allow.

        Raises:
            ProtocolError: If they cannot be trusted; every further call raises it again.
        """
        if self._error is not None:
            raise self._error.with_traceback(None)
        try:
            self._read_length()
            self._read_header()
            self._read_content()
        except ProtocolError as error:
            self._error = error
            raise

    def _take(self, count: int) -> bytes | None:
        if len(self._income) < count:
            return None
        taken, self._income = self._income[:count], self._income[count:]
        return taken

    def _read_length(self) -> None:
        if self._header_length is not None:
            return
        proto = self._take(PROTOHEADER.size)
        if proto is not None:
            (self._header_length,) = PROTOHEADER.unpack(proto)
            if not self._header_length:
                raise ProtocolError("a header of no bytes")

    def _read_header(self) -> None:
        if self._header is not None or self._header_length is None:
            return
        raw = self._take(self._header_length)
        if raw is not None:
            header = parse_header(raw, DEFAULT_LIMITS.json_depth)
            check_length(header, DEFAULT_LIMITS)
            self._header, self.jsonheader = header, header.fields

    def _read_content(self) -> None:
        if self.is_ready or self._header is None:
            return
        raw = self._take(self._header.content_length)
        if raw is None:
            return
        encoding, depth = self._header.encoding, DEFAULT_LIMITS.json_depth
        if encoding is None:
            self.content = raw
        else:
            self.content = from_json(raw, "content", encoding=encoding, max_depth=depth)
        self.is_ready = True

    @classmethod
    def create_message(
        cls,
        content_bytes: bytes | bytearray | memoryview,
        content_type: str,
        message_type: str,
        content_encoding: str = "utf-8",
        additional_headers: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Encode a message; the other encoders are for the usual kinds.

        Args:
            content_bytes: The content.
            content_type: `json` or `binary`.
            message_type: `message`, `request` or `response`.
            content_encoding: How the content is encoded; it is declared here, not done.
            additional_headers: Header fields besides the standard ones, or instead of them.

        Raises:
            TypeError: If the content is not bytes, or JSON cannot hold a header field.
            ValueError: If the header is longer than 65535 bytes.
        """
        if isinstance(content_bytes, str):
            raise TypeError("the content is text; encode it first")
        with memoryview(content_bytes) as view:
            content = bytes(view)
        header = encode_header(
            len(content), content_type, message_type, content_encoding, additional_headers
        )
        return framed(header) + content

    @classmethod
    def create_json_message(
        cls, contents: Any, additional_headers: Mapping[str, Any] | None = None
    ) -> bytes:
        """Encode a message with JSON content.

        Args:
            contents: Anything that JSON can hold.
            additional_headers: Header fields; without an `action` no receiver can use it.
        """
        return messages.encode_json(contents, "message", additional_headers).wire

    @classmethod
    def create_action_message(
        cls, action: str, args: Sequence[Any] | None = (), kwargs: Mapping[str, Any] | None = None
    ) -> bytes:
        """Encode an action.

        Args:
            action: The command to be performed.
            args: Its positional arguments: a tuple or list.
            kwargs: Its keyword arguments.
        """
        return messages.encode_action(action, args, kwargs).wire

    @classmethod
    def create_request(
        cls,
        requested_value: str,
        request_id: Any,
        args: Sequence[Any] | None = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Encode a request.

        Args:
            requested_value: The name of what is asked for.
            request_id: What the answer will repeat.
            args: Positional arguments: a tuple or list.
            kwargs: Keyword arguments.
        """
        return messages.encode_request(requested_value, request_id, args, kwargs).wire

    @classmethod
    def create_response(
        cls, requested_value: str, request_id: Any, value: Any, filetransfer: bool = False
    ) -> bytes:
        """Encode the answer to a request.

        Args:
            requested_value: The name of what was asked for.
            request_id: The request's.
            value: The value; or with `filetransfer` the bytes of the file.
            filetransfer: Whether it is a file.
        """
        if not filetransfer:
            return messages.encode_response(requested_value, request_id, value).wire
        return cls.create_message(
            value,
            "binary",
            "response",
            additional_headers={"requested_value": requested_value, "request_id": request_id},
        )
