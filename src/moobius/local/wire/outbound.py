"""Frames the Platform itself says, and the text of any frame."""

from __future__ import annotations

from typing import Any

import msgspec

_encoder = msgspec.json.Encoder()

GATEWAY_ERROR = "Internal server error"
FEATURES = ["deduplicate", "inline_recipients"]


def encode(frame: dict[str, Any]) -> str:
    """Return the text of a frame; done once, however many will read it."""
    return _encoder.encode(frame).decode()


def copy(request_id: str, origin_type: str, status: bool, context: dict[str, Any]) -> str:
    """Return the acknowledgement: exactly these four keys (platform.md 3.3)."""
    body = {
        "request_id": request_id,
        "origin_type": origin_type,
        "status": status,
        "context": context,
    }
    return encode({"type": "copy", "body": body})


def gateway_error(connection_id: str, request_id: str) -> str:
    """Return the answer to what cannot be read (platform.md 3.11)."""
    frame = {"message": GATEWAY_ERROR, "connectionId": connection_id, "requestId": request_id}
    return encode(frame)


def login_context() -> dict[str, Any]:
    """Return the context of a good login's `copy`: what this Platform can do beyond 1.8.0."""
    return {"message": "Login successful", "features": FEATURES}
