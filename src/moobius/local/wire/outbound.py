"""Frames that the Platform itself sends, and the encoding of any frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from moobius.local.model.outcome import Frame
from moobius.local.wire.dialects import Dialect, render

_encoder = msgspec.json.Encoder()

GATEWAY_ERROR = "Internal server error"


class Parcel(NamedTuple):
    """An encoded frame; one serves all connections that are sent the same.

    Attributes:
        frame: What is encoded, for the log.
        text: The encoded frame.
        size: Bytes of the text.
    """

    frame: Frame
    text: str
    size: int


def parcels(frame: Frame, dialect: Dialect, named: Sequence[str] = ()) -> tuple[Parcel, ...]:
    """Make a frame ready for the clients of one dialect; `named` is as for `render`."""
    return tuple(_pack(each) for each in render(frame, dialect, named))


def _pack(frame: Frame) -> Parcel:
    data = _encoder.encode(frame)
    return Parcel(frame, data.decode(), len(data))


def copy(request_id: str, origin_type: str, status: bool, context: dict[str, Any]) -> Frame:
    """Build the acknowledgement: exactly these four keys (platform.md 3.3)."""
    body = {
        "request_id": request_id,
        "origin_type": origin_type,
        "status": status,
        "context": context,
    }
    return {"type": "copy", "body": body}


def gateway_error(connection_id: str, request_id: str) -> Frame:
    """Build the answer to what cannot be read (platform.md 3.11)."""
    return {"message": GATEWAY_ERROR, "connectionId": connection_id, "requestId": request_id}


def login_context(features: Sequence[str]) -> dict[str, Any]:
    """Return the context of a good login's `copy`: what this Platform can do beyond 1.8.0."""
    return {"message": "Login successful", **({"features": features} if features else {})}
