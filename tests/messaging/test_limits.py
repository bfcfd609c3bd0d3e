"""The limits are those of the specification (6.1)."""

from __future__ import annotations

import dataclasses

from moobius.messaging import Limits
from moobius.messaging.limits import MIB


def test_the_defaults_are_the_specification_s() -> None:
    assert dataclasses.asdict(Limits()) == {
        "json_content": 4 * MIB,
        "file_content": 64 * MIB,
        "json_depth": 100,
        "datagram": 1024,
        "incomplete_s": 30.0,
        "queue_bytes": 64 * MIB,
        "queue_messages": 10_000,
        "pending_requests": 10_000,
        "request_s": None,
    }
