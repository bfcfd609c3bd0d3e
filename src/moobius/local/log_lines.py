"""One line at DEBUG for every frame: who, which type, how large; never its contents or a secret.

    frame in  conn=4f0c9a1e17aa user=... type=message_up subtype=text channel=... bytes=213
    frame out conn=4f0c9a1e17aa user=... type=copy origin_type=message_up status=true bytes=97

Below that level a frame costs one look at the level.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from loguru import logger

from moobius.local.speaker import Speaker
from moobius.local.wire.inbound import Request
from moobius.local.wire.outbound import Parcel

LONGEST = 80  # characters of a value; ids have 36
PLAIN = re.compile(r"[\w.:/@+-]+")

# Names in the log -> keys of a body; the texts of a client's own choosing are not among them.
SHOWN: Mapping[str, str] = {
    "subtype": "subtype",
    "origin_type": "origin_type",
    "channel": "channel_id",
    "request_id": "request_id",
    "message_id": "message_id",
    "status": "status",
}

_lazy = logger.opt(lazy=True)


def key_values(fields: Mapping[str, Any]) -> str:
    """Return `key=value key=value`; what is empty is left out, what is odd is quoted."""
    return " ".join(
        f"{name}={_value(value)}" for name, value in fields.items() if value not in (None, "")
    )


def _value(value: Any) -> str:
    if not isinstance(value, str):
        value = json.dumps(value)
    if len(value) > LONGEST:
        value = f"{value[:LONGEST]}..."
    return value if PLAIN.fullmatch(value) else json.dumps(value)


def frame_in(speaker: Speaker, request: Request, size: int) -> None:
    """Note a frame that came."""
    _lazy.debug("frame in  {}", lambda: key_values(_of(speaker, request.frame, size)))


def unreadable_in(speaker: Speaker, why: str, size: int) -> None:
    """Note what came and is not a frame."""
    _lazy.debug(
        "frame in  {}",
        lambda: key_values({**speaker.names, "unreadable": why, "bytes": size}),
    )


def frame_out(speaker: Speaker, parcel: Parcel) -> None:
    """Note a frame that was written."""
    _lazy.debug("frame out {}", lambda: key_values(_of(speaker, parcel.frame, parcel.size)))


def _of(speaker: Speaker, frame: Mapping[str, Any], size: int) -> dict[str, Any]:
    body = frame.get("body")
    body = body if isinstance(body, dict) else {}
    shown = {name: body.get(key, frame.get(key)) for name, key in SHOWN.items()}
    simple = {name: value for name, value in shown.items() if isinstance(value, (str, bool))}
    return {**speaker.names, "type": frame.get("type", "error"), **simple, "bytes": size}
