"""TLS for connections that an asyncio server accepts; failed handshakes are logged."""

from __future__ import annotations

import asyncio
import socket
import ssl as ssl_module
from collections.abc import Callable, Coroutine
from typing import Any

from loguru import logger

from moobius.messaging.aio_wire import Wire
from moobius.messaging.sockets import address_text

HANDSHAKE_WITHIN_S = 5.0


class TlsAcceptor(asyncio.Protocol):
    """Takes one connection that was accepted, and begins TLS on its socket.

    If asyncio's server were given the TLS context, nobody would learn whose handshake failed.
    """

    def __init__(
        self,
        context: ssl_module.SSLContext,
        new_wire: Callable[[], Wire],
        hold: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        """Wait for the connection.

        Args:
            context: The server's.
            new_wire: Makes the wire for what is inside.
            hold: Runs the handshake as a task of the server.
        """
        self._context = context
        self._new_wire = new_wire
        self._hold = hold

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the socket from its transport, which has read nothing from it yet."""
        assert isinstance(transport, asyncio.Transport)
        address = address_text(transport.get_extra_info("peername"))
        try:
            sock = transport.get_extra_info("socket").dup()  # the transport closes its own
        except OSError as error:
            logger.warning("{}: hung up: {}", address, error)
            return
        finally:
            transport.abort()
        self._hold(self._shake_hands(sock, address))

    async def _shake_hands(self, sock: socket.socket, address: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(
                self._new_wire,
                sock,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_WITHIN_S,
            )
        except OSError as error:
            sock.close()
            logger.warning(
                "{}: the TLS handshake failed: {}; does the peer use TLS, and a certificate that "
                "is accepted here?",
                *(address, error),
            )
