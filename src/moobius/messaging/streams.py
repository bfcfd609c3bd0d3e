"""Non-blocking sockets with one interface, plain or inside TLS (specification 6.3)."""

from __future__ import annotations

import selectors
import socket
import ssl
from typing import Protocol

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Stream(Protocol):
    """A connected socket that never waits."""

    def receive(self, size: int) -> bytes | None:
        """Return up to `size` bytes; none at the end, `None` when there are none now."""

    def send(self, data: memoryview) -> int:
        """Hand over some of the bytes; return how many, 0 when none are taken now."""

    def interest(self, *, has_data: bool) -> int:
        """Return the events that the selector shall wait for."""

    def heard(self, mask: int) -> int:
        """Return what may be tried now, after the selector has found these events."""

    @property
    def has_buffered(self) -> bool:
        """Whether there are received bytes that the selector does not report."""


def stream_of(sock: socket.socket) -> Stream:
    """Return the stream of a connected socket."""
    return TlsStream(sock) if isinstance(sock, ssl.SSLSocket) else PlainStream(sock)


class PlainStream:
    """A socket without TLS."""

    has_buffered = False

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def receive(self, size: int) -> bytes | None:
        """Return up to `size` bytes; none at the end, `None` when there are none now."""
        try:
            return self._sock.recv(size)
        except (BlockingIOError, InterruptedError):
            return None

    def send(self, data: memoryview) -> int:
        """Hand over some of the bytes; return how many, 0 when none are taken now."""
        try:
            return self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            return 0

    def interest(self, *, has_data: bool) -> int:
        """Return the events that the selector shall wait for."""
        return READ | WRITE if has_data else READ

    def heard(self, mask: int) -> int:
        """Return what may be tried now, after the selector has found these events."""
        return mask


class TlsStream:
    """A socket inside TLS: receiving may first have to send, and sending to receive.

    The handshake happens with the first bytes in either direction.
    """

    def __init__(self, sock: ssl.SSLSocket) -> None:
        self._sock = sock
        self._receive_needs_room = False
        self._send_needs_data = False

    def receive(self, size: int) -> bytes | None:
        """Return up to `size` bytes; none at the end, `None` when there are none now."""
        try:
            return self._sock.recv(size)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLWantWriteError:
            self._receive_needs_room = True
            return None

    def send(self, data: memoryview) -> int:
        """Hand over some of the bytes; return how many, 0 when none are taken now."""
        try:
            return self._sock.send(data)
        except ssl.SSLWantWriteError:
            return 0
        except ssl.SSLWantReadError:
            self._send_needs_data = True
            return 0

    def interest(self, *, has_data: bool) -> int:
        """Return the events that the selector shall wait for."""
        wants_room = (has_data and not self._send_needs_data) or self._receive_needs_room
        return READ | WRITE if wants_room else READ

    def heard(self, mask: int) -> int:
        """Return what may be tried now, after the selector has found these events."""
        if mask & READ and self._send_needs_data:
            self._send_needs_data = False
            mask |= WRITE
        if mask & WRITE and self._receive_needs_room:
            self._receive_needs_room = False
            mask |= READ
        return mask

    @property
    def has_buffered(self) -> bool:
        """Whether there are received bytes that the selector does not report."""
        return self._sock.pending() > 0
