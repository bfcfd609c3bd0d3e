"""How much a peer may ask of us (specification 6.1)."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Limits on messages, files, queued data and requests; `None` switches one off.

    The defaults are far above what an honest peer needs. The length of a header needs no setting:
    the format ends at 65535 bytes.
    """

    json_content: int | None = 4 * MIB
    """Bytes of the content of one JSON message."""
    file_content: int | None = 64 * MIB
    """Bytes of one file, received or sent."""
    json_depth: int | None = 100
    """How many arrays and objects may lie inside one another."""
    datagram: int = 1024
    """Bytes of one announcement."""
    incomplete_s: float | None = 30.0
    """Seconds that a message may stand incomplete without a new byte."""
    queue_bytes: int | None = 64 * MIB
    """Bytes in memory that may wait to be sent; files are read while they are sent."""
    queue_messages: int | None = 10_000
    """Messages that may wait to be sent."""
    pending_requests: int | None = 10_000
    """Requests that may wait for their answer at a time."""
    request_s: float | None = None
    """Seconds a request waits for its answer where the call does not say; 30.0 is a good value."""


DEFAULT_LIMITS = Limits()
