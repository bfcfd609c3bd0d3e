"""`NotifierSock`: wakes the event loop when another thread has queued something (2.4)."""

from __future__ import annotations

import contextlib
import selectors
import socket
from threading import Lock

from moobius.messaging.singleton import Singleton

DRAIN_BYTES = 4096


class NotifierSock(Singleton):
    """One per process: a private pair of sockets, one end of which the loop's selector watches.

    Before `init`, `notify` does nothing: a program that pumps its selector on one thread needs
    none of this.
    """

    # The original waited for its other end at a TCP port that the whole network could reach.

    def __init__(self) -> None:
        # Held for short moments, in which no other lock is taken.
        self._lock = Lock()
        self._selector: selectors.BaseSelector | None = None
        self._receiver: socket.socket | None = None
        self._sender: socket.socket | None = None

    def init(self, selector: selectors.BaseSelector, port: int = 26000) -> None:
        """Let a loop be woken; instead of the one before, if there was one.

        Args:
            selector: The loop's selector; the receiving end is registered with it for reading,
                with this object as data.
            port: Ignored; there is no port any more.
        """
        self.close()
        receiver, sender = socket.socketpair()
        receiver.setblocking(False)
        sender.setblocking(False)
        selector.register(receiver, selectors.EVENT_READ, data=self)
        with self._lock:
            self._selector, self._receiver, self._sender = selector, receiver, sender

    def get_sock(self) -> socket.socket | None:
        """Return the socket that is registered with the selector."""
        return self._receiver

    def notify(self) -> None:
        """Wake the loop; from any thread, without waiting."""
        with self._lock:
            if self._sender is not None:
                # A full socket wakes the loop as well.
                with contextlib.suppress(BlockingIOError):
                    self._sender.send(b"\0")

    def process_events(self, mask: int) -> None:
        """Discard the bytes that woke the loop; it calls this as it would for a connection."""
        if self._receiver is not None and mask & selectors.EVENT_READ:
            with contextlib.suppress(BlockingIOError):
                self._receiver.recv(DRAIN_BYTES)

    def close(self) -> None:
        """Stop waking the loop; may be called at any time, and repeatedly."""
        with self._lock:
            selector, receiver, sender = self._selector, self._receiver, self._sender
            self._selector = self._receiver = self._sender = None
        if selector is not None and receiver is not None and sender is not None:
            # The loop may have closed its selector before; then there is nothing to unregister.
            with contextlib.suppress(KeyError, ValueError, RuntimeError):
                selector.unregister(receiver)
            receiver.close()
            sender.close()
