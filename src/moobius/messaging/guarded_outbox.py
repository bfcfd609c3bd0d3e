"""The queue of a `ConnectionManager`: each new message goes through the connection's `_send`.

Programs that were written for the original override that method, to drop messages that are sent at
the wrong moment. Requests that are sent again after a reconnect do not go through it (specification
2.5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moobius.errors import ProtocolError
from moobius.messaging.framing import PROTOHEADER
from moobius.messaging.limits import Limits
from moobius.messaging.outbox import Outbox, Outgoing


class GuardedOutbox(Outbox):
    """An outbox that hands each new message to a function, which may queue it or drop it."""

    def __init__(self, limits: Limits, guard: Callable[[Outgoing], None]) -> None:
        super().__init__(limits)
        self._guard = guard

    def __iter__(self) -> Iterator[Outgoing]:
        return iter(list(self._queue))

    def put(self, message: Outgoing) -> None:
        """Hand a message to the guard, which queues it with `put_unguarded` or drops it."""
        self._guard(message)

    def put_unguarded(self, message: Outgoing) -> None:
        """Queue a message that the guard accepts.

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
