"""Checks frames before they are sent, so that a mistake is an error at the call.

Only what every Platform requires (platform.md 3.7 to 3.10); the Platform checks the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from moobius import types
from moobius.errors import PayloadError
from moobius.network.ws_payload_builder import Frame, new_request_id

_Kinds = tuple[tuple[type, ...], str]

_TEXT: _Kinds = ((str,), "a text")
_OBJECT: _Kinds = ((dict,), "an object")
_NOBODY_OR_SOME: _Kinds = ((str, list, type(None)), "a group id")
_CONTENT: _Kinds = ((dict, str), "an object")

_MESSAGE: Mapping[str, _Kinds] = {
    "subtype": _TEXT,
    "channel_id": _TEXT,
    "recipients": _NOBODY_OR_SOME,
    "content": _CONTENT,
}

# Type -> what its body has to have.
NEEDED: Mapping[str, Mapping[str, _Kinds]] = {
    types.MESSAGE_UP: _MESSAGE,
    types.MESSAGE_DOWN: {**_MESSAGE, "sender": _TEXT},
    types.UPDATE: {"channel_id": _TEXT},
    types.ACTION: {"subtype": _TEXT},
}


def as_frame(message: Frame | str) -> Frame:
    """Return a frame that may be sent, with a request id.

    Args:
        message: The frame, as an object or as its JSON text; it is not modified.

    Raises:
        PayloadError: If it is not a frame, or lacks what its type needs.
    """
    try:
        frame = msgspec.json.decode(message) if isinstance(message, str) else message
    except msgspec.DecodeError as error:
        raise PayloadError(f"not JSON: {error}") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise PayloadError(f"a frame is an object with a `type`, not {_shown(message)}")
    _check(frame)
    if isinstance(frame.get("request_id"), str):
        return frame
    return {**frame, "request_id": new_request_id()}


def label_of(frame: Frame) -> str:
    """Say what a frame is, for people: `message_down/text to channel X`."""
    body = frame.get("body")
    body = body if isinstance(body, dict) else {}
    subtype = f"/{body['subtype']}" if body.get("subtype") else ""
    channel = f" to channel {body['channel_id']}" if body.get("channel_id") else ""
    return f"{frame['type']}{subtype}{channel}"


def _check(frame: Frame) -> None:
    needed = NEEDED.get(frame["type"], {})
    body = types.as_plain(frame.get("body")) if needed else {}
    if not isinstance(body, dict):
        raise PayloadError(f"{frame['type']} needs a `body` that is an object, not {_shown(body)}")
    for key, (kinds, name) in needed.items():
        if not isinstance(body.get(key), kinds):
            raise PayloadError(
                f"{label_of(frame)} needs `{key}` in its body, {name}, not {_shown(body.get(key))}"
            )


def _shown(value: Any) -> str:
    return types.limit_len(repr(value), 100)
