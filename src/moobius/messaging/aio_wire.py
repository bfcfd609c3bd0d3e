"""One connection in asyncio: it moves bytes between a transport and a link."""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import socket
from collections.abc import Callable
from typing import Protocol

from moobius.messaging.link import Link
from moobius.messaging.sockets import set_keepalive

WRITE_SIZE = 256 * 1024
READ_SIZE = 256 * 1024


class Owner(Protocol):
    """What a wire needs of its owner, an `AsyncLink` or an `Applicant`."""

    link: Link

    def received(self, data: memoryview) -> None:
        """Take bytes from the connection; they are gone when this returns."""

    def flush(self) -> None:
        """Send what waits."""

    def detached(self, wire: Wire, error: Exception | None) -> None:
        """Take note that the connection is gone."""


class Wire(asyncio.BufferedProtocol):
    """One connection.

    It receives into a buffer of its own: asyncio would allocate a quarter of a megabyte for every
    small message.
    """

    transport: asyncio.Transport

    def __init__(self, made: Callable[[Wire], Owner | None]) -> None:
        """Wait for the connection.

        Args:
            made: Called with the wire when it is connected; returns its owner. `None` means that
                nobody wants the connection any more: then it is closed.
        """
        self._made = made
        self._owner: Owner | None = None
        self._is_paused = False
        self._is_reading = True
        self._unconfirmed = 0
        self._written = 0
        self._again: asyncio.Handle | None = None
        # Mapped memory takes space only for the pages that are used: most connections are idle.
        self._room = memoryview(mmap.mmap(-1, READ_SIZE))

    @property
    def has_unsent(self) -> bool:
        """Tell whether the transport still holds something."""
        return self.transport.get_write_buffer_size() > 0

    @property
    def moved(self) -> int:
        """How many bytes the system has taken from the transport so far."""
        return self._written - self.transport.get_write_buffer_size()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        # Writing is paused while the transport's buffer holds any byte. So it holds one message at
        # a time, and we know which one a lost connection interrupts. (Inside TLS the limit must be
        # 1: with 0, asyncio pauses while the buffer is empty, and never resumes.)
        is_tls = transport.get_extra_info("sslcontext") is not None
        transport.set_write_buffer_limits(high=1 if is_tls else 0, low=0)
        _keep_alive(transport)
        try:
            self._owner = self._made(self)
        finally:
            if self._owner is None:
                transport.abort()

    def send(self, link: Link) -> None:
        """Hand over what waits, until the system takes no more."""
        while link.wants_to_send and not self._is_paused:
            # Several messages at once only if a lost connection clears the queue anyway.
            data = b"" if link.resume_queue else link.take_whole(WRITE_SIZE)
            if data:
                self._written += len(data)
                self.transport.write(data)
                continue
            piece = link.data_to_send(WRITE_SIZE)
            if not piece and link.wants_to_send:  # a file is being signed; let others have a turn
                self._flush_again()
                return
            self._unconfirmed = len(piece)
            self._written += len(piece)
            self.transport.write(piece)
            if not self._is_paused:
                self._confirm(link)

    def _flush_again(self) -> None:
        if self._again is None:
            self._again = asyncio.get_running_loop().call_soon(self._flush_owner)

    def _flush_owner(self) -> None:
        self._again = None
        if self._owner is not None:
            self._owner.flush()

    def _confirm(self, link: Link) -> None:
        if self._unconfirmed:
            link.sent(self._unconfirmed)
            self._unconfirmed = 0

    def set_reading(self, is_on: bool) -> None:
        """Read on, or let the peer wait."""
        if is_on != self._is_reading and not self.transport.is_closing():
            self._is_reading = is_on
            (self.transport.resume_reading if is_on else self.transport.pause_reading)()

    def hand_over(self, owner: Owner) -> None:
        """Give the connection to another owner, who has the link's session by now."""
        self._owner = owner

    def abandon(self) -> None:
        """Close the connection at once, without telling the owner."""
        self._owner = None
        self.transport.abort()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the buffer for received bytes."""
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Hand the received bytes to the owner."""
        if self._owner is not None and not self.transport.is_closing():
            self._owner.received(self._room[:nbytes])

    def pause_writing(self) -> None:
        """Note that the system takes no more."""
        self._is_paused = True

    def resume_writing(self) -> None:
        """Note that the system has taken everything, and go on sending."""
        self._is_paused = False
        if self._owner is not None:
            self._confirm(self._owner.link)
            self._owner.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner that the connection has ended."""
        owner, self._owner = self._owner, None
        if owner is not None:
            owner.detached(self, exc)


def _keep_alive(transport: asyncio.Transport) -> None:
    """Switch keep-alive on for a TCP connection, where the system has it."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
        with contextlib.suppress(NotImplementedError):
            set_keepalive(sock)
