"""The queue with somebody at its door."""

from __future__ import annotations

import pytest

from moobius.errors import QueueFull
from moobius.messaging.guarded_outbox import GuardedOutbox, outgoing_of
from moobius.messaging.limits import Limits
from moobius.messaging.messages import encode_action
from moobius.messaging.outbox import Outgoing

ONE = encode_action("one")


def test_what_is_put_passes_the_guard_and_what_is_put_again_does_not() -> None:
    seen: list[Outgoing] = []
    outbox = GuardedOutbox(Limits(queue_messages=1), seen.append)
    outbox.put(Outgoing.of(ONE))
    assert (len(seen), len(outbox)) == (1, 0)
    outbox.put_unguarded(seen[0])
    with pytest.raises(QueueFull):
        outbox.put_unguarded(Outgoing.of(ONE))
    outbox.put_again(Outgoing.of(ONE, "0001"))
    assert len(seen) == 1
    assert [message.request_id for message in outbox] == [None, "0001"]


def test_an_encoded_message_is_taken_apart() -> None:
    message = outgoing_of(ONE.wire)
    assert (message.header, message.content) == (ONE.header, ONE.content)


@pytest.mark.parametrize("wire", [b"", b"\0", b"\0\0", ONE.wire[:50]])
def test_what_is_no_message_is_not_sent(wire: bytes) -> None:
    with pytest.raises(ValueError, match="no encoded message"):
        outgoing_of(wire)
