"""A limit on the memory that unfinished frames take, for each client and for all together.

The WebSocket library keeps the bytes of a frame until it is whole, up to the largest there may be.
That is little for one client, and too much for thousands that have not even logged in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

MASKED_HEADER = 6  # bytes of a control frame besides its payload


class UnfinishedTotal:
    """Counts the unfinished bytes of all clients.

    Args:
        most: How many there may be; beyond, the client with the most is cut off.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0
        self._clients: dict[UnfinishedFrames, None] = {}

    def add(self, client: UnfinishedFrames) -> None:
        """Let a client count."""
        self._clients[client] = None

    def change(self, by: int) -> None:
        """Count so many bytes more, or fewer."""
        self._bytes += by
        if self._bytes > self._most and self._clients:
            logger.warning("{} bytes of unfinished frames: the most are cut off", self._bytes)
            max(self._clients, key=lambda each: each.waiting).refuse()

    def remove(self, client: UnfinishedFrames) -> None:
        """Forget a client and its bytes."""
        if client in self._clients:
            del self._clients[client]
            waiting, client.waiting = client.waiting, 0  # its reader may still count down
            self.change(-waiting)


class UnfinishedFrames(asyncio.Protocol):
    """Counts what one client has sent and its reader has not taken yet.

    It takes the place of the server's protocol on a transport, and passes everything on to it.

    Args:
        transport: The connection.
        total: Where its bytes count too.
        most: Returns how many bytes may wait at this moment.

    Attributes:
        waiting: How many bytes wait.
    """

    def __init__(
        self, transport: asyncio.BaseTransport, total: UnfinishedTotal, most: Callable[[], int]
    ) -> None:
        self.waiting = 0
        self._is_refused = False
        self._transport = transport
        self._server = transport.get_protocol()
        self._total = total
        self._most = most
        total.add(self)
        transport.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Count, and pass on."""
        if self._is_refused:  # TLS may still hand over what it had decrypted
            return
        self.waiting += len(data)
        self._total.change(len(data))
        if self.waiting > self._most():
            logger.warning("{} bytes of an unfinished frame: cut off", self.waiting)
            self.refuse()
        if not self._is_refused and isinstance(self._server, asyncio.Protocol):
            self._server.data_received(data)

    def message_taken(self) -> None:
        """Note that the reader took a message; the little that came after it is not counted."""
        self._total.change(-self.waiting)
        self.waiting = 0

    def control_frame_taken(self, size: int) -> None:
        """Note that the reader took a control frame, which may stand amid a message."""
        size = min(self.waiting, size + MASKED_HEADER)
        self._total.change(-size)
        self.waiting -= size

    def refuse(self) -> None:
        """Break the connection, and take nothing more from it."""
        self._is_refused = True
        self._total.remove(self)
        self.waiting = 0
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """Count no longer, and pass it on."""
        self._total.remove(self)
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
