"""A `Link` on the caller's selector: its socket, its registration, its callbacks.

One lock guards the link. It is held for short moments and never while a callback runs. So any
thread may send, while one thread, the loop's, receives.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Callable, Mapping
from threading import RLock, get_ident
from typing import Any, NamedTuple

from loguru import logger

from moobius.errors import MessagingError, PeerClosed
from moobius.messaging import callbacks
from moobius.messaging.events import Answered, Failed, LinkEvent
from moobius.messaging.link import Link
from moobius.messaging.messages import Action, Request
from moobius.messaging.notifier import NotifierSock
from moobius.messaging.registry import SHARED
from moobius.messaging.sockets import address_text
from moobius.messaging.streams import READ, WRITE, Stream, stream_of


class Waiter(NamedTuple):
    """Who is called when a request ends."""

    callback: Callable[..., Any] | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    on_error: Callable[[Any, MessagingError], Any] | None


class SelectorConnection:
    """The connection of a `ConnectionManager`: it adopts sockets, and handles their events.

    Attributes:
        selector: The loop's selector while connected, else `None`.
        socket: The socket while connected, else `None`.
        addr: The peer's address, as `connect` was told; kept after closing.
        buffer_size: The most bytes that one call of the system receives or sends.
        messages_callbacks: The callbacks for actions; all connections share them.
        requests_callbacks: The callbacks for requests; all connections share them.
    """

    messages_callbacks = SHARED.actions
    requests_callbacks = SHARED.requests

    role = "client"
    """For the shared key: `server` for connections that were accepted."""

    def __init__(self, link: Link) -> None:
        """Prepare; there is no connection yet.

        Args:
            link: The rules; may be used only with `_lock` held.
        """
        self.selector: selectors.BaseSelector | None = None
        self.socket: socket.socket | None = None
        self.addr: Any = None
        self.buffer_size = 1024
        self._link = link
        self._stream: Stream | None = None
        self._is_closing = False
        self._heir: SelectorConnection | None = None
        self._loop_thread = 0
        self._lock = RLock()

    def __repr__(self) -> str:
        state = "" if self.socket is not None else " (not connected)"
        return f"<{type(self).__name__} {self.peer_name}{state}>"

    @property
    def peer_name(self) -> str:
        """What the log calls the peer."""
        return self._link.name

    # The connection.

    def connect(
        self,
        client_selector: selectors.BaseSelector,
        client_socket: socket.socket,
        client_addr: Any,
    ) -> None:
        """Adopt a socket that is connected already.

        What waited from an earlier connection (with `resume_queue`) is sent first, then the
        unanswered requests again (with `resend_requests`).

        Args:
            client_selector: The loop's selector. The socket is registered with it, with this
                object as data, if it is not yet.
            client_socket: The socket, which does not block.
            client_addr: The peer's address.
        """
        self._close()
        with self._lock:
            self.selector, self.socket, self.addr = client_selector, client_socket, client_addr
            self._link.name = address_text(client_addr)
            is_registered = client_socket in client_selector.get_map()
            adopt = client_selector.modify if is_registered else client_selector.register
            adopt(client_socket, READ, data=self)
            self._stream = stream_of(client_socket)
            if not self._link.resume_queue:
                self._link.outbox.clear()
            self._link.connection_made(self.role, time.monotonic())
            self._update_interest()

    def hand_over(self, heir: SelectorConnection) -> None:
        """Give this connection to another object, because its peer turned out to be that one's.

        For callbacks of this connection: the messages after the present one are for the heir.
        """
        self._heir = heir

    def taken_over(self) -> None:
        """Override to act when another object's connection has become this one's."""

    def _take_over(self, other: SelectorConnection) -> None:
        self._close()
        with other._lock:
            selector, sock, self._stream = other.selector, other.socket, other._stream
            other.selector = other.socket = other._stream = None
        if selector is None or sock is None:
            return
        with self._lock:
            self.selector, self.socket, self.addr = selector, sock, other.addr
            self._loop_thread = other._loop_thread
            self._link.name = other.peer_name
            if not self._link.resume_queue:
                self._link.outbox.clear()
            self._link.take_over(other._link)
            selector.modify(sock, READ, data=self)
            self._update_interest()
        self.taken_over()
        self._handle_events()
        if self._stream is not None and self._stream.has_buffered and not self._is_closing:
            self.read()  # the selector does not report bytes that TLS has decrypted already

    def close(self) -> None:
        """Ask the loop to close the connection; what is queued is not sent any more."""
        with self._lock:
            if self.socket is not None:
                self._is_closing = True
                self._update_interest()

    def _close(self) -> None:
        """Close the connection now; harmless when there is none."""
        with self._lock:
            selector, sock = self.selector, self.socket
            self.selector = self.socket = self._stream = None
            self._is_closing = False
            self._link.connection_lost()
        if selector is not None and sock is not None:
            try:
                selector.unregister(sock)
            except (KeyError, ValueError) as error:  # the selector, or the socket, was closed first
                logger.debug("{}: was not registered any more: {}", self._link.name, error)
            sock.close()

    # The loop.

    def process_events(self, mask: int) -> None:
        """Do what the selector says is possible: close, receive, send.

        Whatever this raises, the caller logs it and closes the connection with `_close`.

        Args:
            mask: The selector's: 1 for reading, 2 for writing.

        Raises:
            PeerClosed: If the peer has closed the connection; a `RuntimeError`.
            ProtocolError: If the peer's bytes cannot be trusted; a `ValueError`.
            OSError: If the connection broke.
        """
        if self._is_closing:
            self._close()
            return
        stream = self._stream
        if stream is None:
            return
        self._loop_thread = get_ident()
        mask = stream.heard(mask)
        if mask & READ:
            self.read()
            if self._heir is not None:
                self._give_to_heir()
                return
        if mask & WRITE and not self._is_closing:  # a callback may have closed the connection
            self.write()
        self.expire()

    def read(self) -> None:
        """Receive once, and handle all messages that are complete then."""
        stream = self._stream
        is_more = stream is not None
        while is_more and stream is not None and stream is self._stream:
            data = stream.receive(self.buffer_size)
            if data is None:
                return
            if not data:
                raise PeerClosed(f"{self._link.name}: {self._link.why_lost(None)}")
            with self._lock:
                self._link.receive(data, time.monotonic())
            self._handle_events()
            is_more = stream.has_buffered and self._goes_on

    def write(self) -> None:
        """Send once, from what waits."""
        with self._lock:
            if self._stream is None:
                return
            data = self._link.data_to_send(self.buffer_size)
            if data:
                self._link.sent(self._stream.send(data))
            self._update_interest()

    @property
    def next_deadline(self) -> float | None:
        """When to call `expire`, in `time.monotonic()` seconds; `None` for never, as it stands."""
        with self._lock:
            return self._link.next_deadline

    def expire(self) -> None:
        """Give up what took too long: requests with a time limit, a message that never ends.

        `process_events` does this too; a loop calls it when nothing happens, and also for a peer
        that is not connected.

        Raises:
            ProtocolError: If the peer took too long.
        """
        now = time.monotonic()
        deadline = self.next_deadline
        if deadline is None or deadline > now:
            return
        try:
            with self._lock:
                self._link.expire(now)
                self._update_interest()
        finally:
            self._handle_events()

    # Inside.

    @property
    def _goes_on(self) -> bool:
        return not self._is_closing and self._heir is None

    def _give_to_heir(self) -> None:
        heir, self._heir = self._heir, None
        assert heir is not None
        try:
            heir._take_over(self)
        except Exception:
            heir._close()
            raise

    def _update_interest(self) -> None:
        """Register the socket for the events that are needed now; called with the lock held.

        Deciding and registering are one step under the lock: else a message that another thread
        queues in between would not be sent before the next one.
        """
        if self.selector is None or self.socket is None or self._stream is None:
            return
        interest = self._stream.interest(has_data=self._link.wants_to_send)
        if self._is_closing:
            interest |= WRITE
        try:
            if self.selector.get_key(self.socket).events == interest:
                return
            self.selector.modify(self.socket, interest, data=self)
        except (KeyError, ValueError, RuntimeError) as error:
            logger.debug("{}: the loop has ended: {!r}", self._link.name, error)
            return
        if get_ident() != self._loop_thread:
            NotifierSock().notify()

    def _handle_events(self) -> None:
        """Run the callbacks for what has happened, one after the other, without the lock."""
        while self._goes_on and (event := self._next_event()) is not None:
            if isinstance(event, Action | Request):
                self._handle_arrival(event)
            elif isinstance(event, Answered):
                self._handle_answer(event)
            elif isinstance(event, Failed):
                self._handle_failure(event)

    def _next_event(self) -> LinkEvent | None:
        with self._lock:
            try:
                return self._link.next_event()
            finally:
                self._update_interest()

    def _handle_arrival(self, arrival: Action | Request) -> None:
        actions, requests = self.messages_callbacks, self.requests_callbacks
        callbacks.dispatch(self._link, arrival, self, actions, requests, guard=self._lock)
        with self._lock:
            self._update_interest()

    def _handle_answer(self, answered: Answered) -> None:
        waiter: Waiter = answered.pending.owner
        name = answered.pending.name
        self._run(name, waiter.callback, answered.value, waiter.args, waiter.kwargs)

    def _handle_failure(self, failed: Failed) -> None:
        waiter: Waiter = failed.pending.owner
        if waiter.on_error is None:
            logger.warning("{}", failed.error)
        self._run(failed.pending.name, waiter.on_error, failed.error)

    def _run(
        self,
        name: str,
        callback: Callable[..., Any] | None,
        result: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        """Call the callback of a request; an exception in it is logged."""
        if callback is None:
            return
        try:
            callback(self, result, *args, **(kwargs or {}))
        except Exception as error:
            logger.opt(exception=error).error(
                "{}: the callback for the answer to {!r:.60} raised", self._link.name, name
            )
