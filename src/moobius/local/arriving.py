"""What clients have sent and nobody has taken yet, such as half a frame: bounded, for all together.

The library keeps the bytes of a frame until it is whole, up to the largest there may be. That is
little for one client, and too much for thousands of strangers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

MASKED_HEADER = 6  # bytes of a control frame besides what it says


class Together:
    """The bytes of everybody.

    Args:
        most: So many; beyond, whoever has sent most is cut off.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._total = 0
        self._all: dict[Arriving, None] = {}

    def add(self, one: Arriving) -> None:
        """Let a client count."""
        self._all[one] = None

    def count(self, size: int) -> None:
        """Note so many bytes more, or fewer."""
        self._total += size
        if self._total > self._most and self._all:
            logger.warning("{} bytes of unfinished frames: the most are cut off", self._total)
            max(self._all, key=lambda each: each.waiting).refuse()

    def remove(self, one: Arriving) -> None:
        """Forget a client."""
        if one in self._all:
            del self._all[one]
            waiting, one.waiting = one.waiting, 0  # its reader may still count down
            self.count(-waiting)


class Arriving(asyncio.Protocol):
    """Stands between a socket and its server and counts what passes.

    Args:
        transport: The socket.
        together: Where it counts besides.
        most: Returns how many bytes may wait.
    """

    def __init__(
        self, transport: asyncio.BaseTransport, together: Together, most: Callable[[], int]
    ) -> None:
        self.waiting = 0
        self._is_refused = False
        self._transport = transport
        self._server = transport.get_protocol()
        self._together = together
        self._most = most
        together.add(self)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Count, and pass on."""
        if self._is_refused:  # the rest of what TLS had in hand
            return
        self.waiting += len(data)
        self._together.count(len(data))
        if self.waiting > self._most():
            logger.warning("{} bytes of an unfinished frame: cut off", self.waiting)
            self.refuse()
        if not self._is_refused and isinstance(self._server, asyncio.Protocol):
            self._server.data_received(data)

    def taken(self) -> None:
        """Note that a message has been taken; what follows it has hardly begun."""
        self._together.count(-self.waiting)
        self.waiting = 0

    def control_taken(self, size: int) -> None:
        """Note that a control frame has been taken, which may stand amid a message."""
        size = min(self.waiting, size + MASKED_HEADER)
        self._together.count(-size)
        self.waiting -= size

    def refuse(self) -> None:
        """Break the connection, and take no more of what is on its way."""
        self._is_refused = True
        self._together.remove(self)
        self.waiting = 0
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Count no longer, and pass it on."""
        self._together.remove(self)
        self._server.connection_lost(error)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._server.eof_received() if isinstance(self._server, asyncio.Protocol) else None

    def pause_writing(self) -> None:
        """Pass it on."""
        self._server.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._server.resume_writing()
