"""A selector's loop for tests, and pairs of connections over real loopback sockets."""

from __future__ import annotations

import fcntl
import selectors
import socket
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from moobius.messaging.connection_manager import ConnectionManager
from tests.support.patience import wait_until

PATIENCE = 20.0


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a TCP connection over loopback, neither of which blocks."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        here = socket.create_connection(listener.getsockname())
        there, _ = listener.accept()
    for sock in (here, there):
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return here, there


def is_under_way(sock: socket.socket | None) -> bool:
    """Tell whether something was sent that is not at the other end yet: a busy system takes time.

    Only Linux says so; elsewhere it is assumed to be quick.
    """
    if sock is None or sys.platform != "linux":
        return False
    unacknowledged = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(4))
    return any(unacknowledged)


def wait_for_arrival(*connections: ConnectionManager) -> None:
    """Wait until what they have sent is at the other end, where nobody need have read it."""
    wait_until(lambda: not any(is_under_way(connection.socket) for connection in connections))


class Pump:
    """Runs a loop as the shipped ones do, on the thread of the test.

    Attributes:
        selector: What it waits with.
        errors: What left a `process_events`; the connection was closed then.
    """

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.errors: list[Exception] = []

    def join(self, here: ConnectionManager, there: ConnectionManager) -> None:
        """Connect the two with each other."""
        for connection, sock in zip((here, there), tcp_pair(), strict=True):
            self.adopt(connection, sock)

    def adopt(self, connection: ConnectionManager, sock: socket.socket) -> None:
        """Connect one to the other end of a socket."""
        self.selector.register(sock, selectors.EVENT_READ, data=connection)
        connection.connect(self.selector, sock, sock.getpeername())

    def turn(self, wait: float = 0.05) -> int:
        """Let happen what can happen, once; return how much that was."""
        events = self.selector.select(wait)
        for key, mask in events:
            try:
                key.data.process_events(mask)
            except Exception as error:
                self.errors.append(error)
                key.data._close()
        return len(events)

    def until(
        self,
        is_so: Callable[[], Any],
        explain: Callable[[], object] = lambda: "it did not happen",
        timeout: float = PATIENCE,
    ) -> None:
        """Run until the condition holds; fail with the explanation when it takes too long."""
        deadline = time.monotonic() + timeout
        while not is_so():
            assert time.monotonic() < deadline, (explain(), self.errors)
            self.turn()

    def until_quiet(self) -> None:
        """Run until nothing more happens."""
        # In this order: what was under way may have arrived after it was looked for.
        while any([self._is_under_way(), self.turn(0.02)]):
            pass

    def _is_under_way(self) -> bool:
        connections = (key.data for key in self.selector.get_map().values())
        return any(is_under_way(c.socket) for c in connections if isinstance(c, ConnectionManager))

    def close(self) -> None:
        """Close all connections and the selector."""
        for key in list(self.selector.get_map().values()):
            if isinstance(key.data, ConnectionManager):
                key.data._close()
        self.selector.close()


@contextmanager
def pump() -> Iterator[Pump]:
    """A loop of the test's own."""
    found = Pump()
    try:
        yield found
    finally:
        found.close()
