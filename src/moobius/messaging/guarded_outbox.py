"""The queue of a `ConnectionManager`: what is put into it passes the connection's `_send`.

Programs that were written for the original override that method, to drop what is sent at the wrong
moment. What is sent again after a reconnect goes past it, as specification 2.5 wants.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moobius.errors import ProtocolError
from moobius.messaging.framing import PROTOHEADER
from moobius.messaging.limits import Limits
from moobius.messaging.outbox import Outbox, Outgoing


class GuardedOutbox(Outbox):
    """An outbox with somebody at the door."""

    def __init__(self, limits: Limits, guard: Callable[[Outgoing], None]) -> None:
        super().__init__(limits)
        self._guard = guard

    def __iter__(self) -> Iterator[Outgoing]:
        return iter(list(self._queue))

    def put(self, message: Outgoing) -> None:
        """Let the guard decide about a message."""
        self._guard(message)

    def put_unguarded(self, message: Outgoing) -> None:
        """Queue a message that the guard let through.

        Raises:
            QueueFull: If too much waits.
        """
        super().put(message)


def outgoing_of(wire: bytes) -> Outgoing:
    """Take an encoded message apart: its header may yet be signed.

    Raises:
        ProtocolError: If it is none; a `ValueError`.
    """
    if len(wire) < PROTOHEADER.size:
        raise ProtocolError("what is to be sent is no encoded message")
    (length,) = PROTOHEADER.unpack_from(wire)
    end = PROTOHEADER.size + length
    if not length or end > len(wire):
        raise ProtocolError("what is to be sent is no encoded message")
    return Outgoing(bytes(wire[PROTOHEADER.size : end]), bytes(wire[end:]))
