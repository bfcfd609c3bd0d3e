"""What messages mean: the six shapes, unknown types, and why a message is dropped. Pure.

A frame that came out of `framing` is intact; here its meaning is judged (specification 1.5, 1.9).
`READERS` is the table: each shape is deliverable, or a `Dropped` that says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from moobius.messaging.framing import Header, encode_header, framed
from moobius.messaging.json_text import to_json

FILETRANSFER = "filetransfer"
"""The reserved action and request: it moves a file."""


class Action(NamedTuple):
    """Do something; nothing comes back."""

    action: str
    args: list[Any]
    kwargs: dict[str, Any]


class Request(NamedTuple):
    """Answer something."""

    name: str
    request_id: Any
    args: list[Any]
    kwargs: dict[str, Any]
    wants_errors: bool
    """Whether the peer understands an error as an answer (specification 6.6)."""


class Response(NamedTuple):
    """The answer to a request."""

    name: str
    request_id: str
    value: Any
    failure: tuple[str, str] | None
    """Kind and message of what went wrong instead."""


class FilePush(NamedTuple):
    """A file to be written; its bytes follow."""

    filepath: object


class FileResponse(NamedTuple):
    """The file that was asked for, or bytes where a value was; they follow."""

    name: str
    request_id: str


class Dropped(NamedTuple):
    """A message that is intact, but that we cannot use."""

    reason: str
    is_expected: bool = False
    """Whether an honest peer may send it: unknown types are how the protocol is extended."""


Meaning = Action | Request | Response | FilePush | FileResponse | Dropped


def read(header: Header, content: Any = None) -> Meaning:
    """Say what a message means.

    Args:
        header: Its header.
        content: Its content, if that is JSON; other contents follow in pieces, and do not matter.
    """
    message_type = header.fields["message-type"]
    reader = READERS.get(message_type) if isinstance(message_type, str) else None
    if reader is None:
        return Dropped(f"a message of the unknown type {message_type!r:.60}", is_expected=True)
    return reader(header, content)


def _read_message(header: Header, content: Any) -> Meaning:
    action = header.fields.get("action")
    if not isinstance(action, str):
        return Dropped("a message without an action")
    if action == FILETRANSFER:
        if header.encoding is not None:
            return Dropped("a file push with JSON content")
        return FilePush(header.fields.get("filepath"))
    arguments = _arguments(header, content, f"action {action!r:.60}")
    return arguments if isinstance(arguments, Dropped) else Action(action, *arguments)


def _read_request(header: Header, content: Any) -> Meaning:
    arguments = _arguments(header, content, "a request")
    if isinstance(arguments, Dropped):
        return arguments
    name = content.get("requested_value")
    if not isinstance(name, str):
        return Dropped("a request without a name")
    if "request_id" not in content:
        return Dropped(f"request {name!r:.60} without an id")
    wants_errors = header.fields.get("error-reply") == 1
    return Request(name, content["request_id"], *arguments, wants_errors)


def _read_response(header: Header, content: Any) -> Meaning:
    name, request_id = header.fields.get("requested_value"), header.fields.get("request_id")
    if not isinstance(name, str):
        return Dropped("a response without the name of what was requested")
    if not isinstance(request_id, str):  # ours are strings, and nothing else equals them
        return Dropped(f"a response to {name!r:.60} without an id that we could have given")
    if header.encoding is None:
        return FileResponse(name, request_id)
    if not isinstance(content, dict) or "value" not in content:
        return Response(name, request_id, None, ("malformed", "the answer holds no value"))
    if header.fields.get("status") == "error":
        return Response(name, request_id, None, _failure(content.get("error")))
    return Response(name, request_id, content["value"], None)


READERS: Mapping[str, Callable[[Header, Any], Meaning]] = {
    "message": _read_message,
    "request": _read_request,
    "response": _read_response,
}


def _arguments(
    header: Header, content: Any, what: str
) -> tuple[list[Any], dict[str, Any]] | Dropped:
    if header.encoding is None:
        return Dropped(f"{what} whose content is not JSON")
    if not isinstance(content, dict):
        return Dropped(f"{what} whose content is not an object")
    args, kwargs = content.get("args"), content.get("kwargs")
    if args is None:
        args = []
    if kwargs is None:
        kwargs = {}
    if not isinstance(args, list):
        return Dropped(f"{what} whose args are not an array")
    if not isinstance(kwargs, dict):
        return Dropped(f"{what} whose kwargs are not an object")
    return args, kwargs


def _failure(error: object) -> tuple[str, str]:
    fields = error if isinstance(error, dict) else {}
    return str(fields.get("type", "exception"))[:60], str(fields.get("message", ""))[:400]


class Encoded(NamedTuple):
    """A message ready to be queued; a file's content is elsewhere."""

    header: bytes
    """Without the two bytes of its length, because signing makes it longer."""
    content: bytes = b""

    @property
    def wire(self) -> bytes:
        """The bytes as they are sent when nothing is signed."""
        return framed(self.header) + self.content


def encode_json(contents: Any, message_type: str, fields: Mapping[str, Any] | None) -> Encoded:
    """Encode a message with JSON content and, after the standard ones, these header fields."""
    content = to_json(contents)
    return Encoded(
        encode_header(len(content), "json", message_type, additional_headers=fields), content
    )


def encode_action(
    action: str, args: Sequence[Any] | None = (), kwargs: Mapping[str, Any] | None = None
) -> Encoded:
    """Encode an action."""
    return encode_json({"args": args, "kwargs": kwargs or {}}, "message", {"action": action})


def encode_request(
    name: str,
    request_id: Any,
    args: Sequence[Any] | None = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    wants_errors: bool = False,
) -> Encoded:
    """Encode a request, with the field that asks for error replies if that is agreed."""
    contents = {
        "requested_value": name,
        "request_id": request_id,
        "args": args,
        "kwargs": kwargs or {},
    }
    return encode_json(contents, "request", {"error-reply": 1} if wants_errors else None)


def encode_response(name: str, request_id: Any, value: Any) -> Encoded:
    """Encode the answer to a request."""
    return encode_json({"value": value}, "response", _answer_fields(name, request_id))


def encode_error_reply(name: str, request_id: Any, kind: str, message: str) -> Encoded:
    """Encode that a request cannot be answered, for a peer that asked to be told."""
    contents = {"value": None, "error": {"type": kind, "message": message}}
    return encode_json(
        contents, "response", {**_answer_fields(name, request_id), "status": "error"}
    )


def encode_push_header(filepath: str, length: int) -> bytes:
    """Encode what stands before a pushed file of that many bytes."""
    fields = {"action": FILETRANSFER, "filepath": filepath}
    return encode_header(length, "binary", "message", additional_headers=fields)


def encode_file_response_header(request_id: Any, length: int, name: str = FILETRANSFER) -> bytes:
    """Encode what stands before a file of that many bytes that was asked for."""
    fields = _answer_fields(name, request_id)
    return encode_header(length, "binary", "response", additional_headers=fields)


def _answer_fields(name: str, request_id: Any) -> dict[str, Any]:
    return {"requested_value": name, "request_id": request_id}
