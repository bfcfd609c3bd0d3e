"""`ConnectionManager`: the original interface, on a selector of the caller's (specification 2.3).

    selector.register(sock, selectors.EVENT_READ, data=connection)
    connection.connect(selector, sock, address)
    while True:
        for key, mask in selector.select():
            key.data.process_events(mask)

`Link` knows the rules, `SelectorConnection` moves its bytes and runs its callbacks; this class adds
the methods for users.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius.errors import FileRefused, MessagingError
from moobius.messaging.auth import SharedKey
from moobius.messaging.framing import (
    FileBegins,
    FileEnds,
    FilePiece,
    FramingEvent,
    Message,
    parse_header,
)
from moobius.messaging.guarded_outbox import GuardedOutbox, outgoing_of
from moobius.messaging.json_text import to_json
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.link import Link
from moobius.messaging.outbox import Outgoing
from moobius.messaging.policy import FilePolicy
from moobius.messaging.selector_connection import SelectorConnection, Waiter

if TYPE_CHECKING:
    from moobius.messaging.message_manager import MessageManager

OnError = Callable[[Any, MessagingError], Any]


class ConnectionManager(SelectorConnection):
    """A peer, and the connection to it while there is one.

    It outlives its socket: it is connected, closed and connected again any number of times, and
    keeps its unanswered requests meanwhile.

    `send_message`, `send_file`, `get_response`, `get_file` and `close` are for any thread, and for
    callbacks. `connect`, `process_events` and `expire` belong to the loop's thread, on which all
    callbacks run.

    Attributes:
        whoami: `computer`, or `pi`, which gives received files to the user `pi`.
    """

    # What connections are made with where their constructor does not say. Assign to the class to
    # change it for the process.
    default_limits: Limits = DEFAULT_LIMITS
    default_files: FilePolicy | None = None
    default_auth: SharedKey | None = None

    def __init__(
        self,
        whoami: str = "computer",
        *,
        limits: Limits | None = None,
        files: FilePolicy | None = None,
        auth: SharedKey | None = None,
        error_replies: bool = False,
        role: str | None = None,
    ) -> None:
        """Prepare; there is no connection yet.

        Args:
            whoami: `computer` or `pi`, see the attribute.
            limits: How much the peer may ask of us.
            files: Which files it may read and write; inside the working directory if nobody says.
            auth: The key that both sides have to prove; signs nothing if nobody says.
            error_replies: Whether both sides have agreed on telling why a request fails.
            role: `client` for the side that connects, `server` for the side that accepts.
        """
        self.whoami = whoami
        link = Link(
            limits=limits or self.default_limits,
            files=self._with_owner(files or self.default_files or FilePolicy.inside()),
            key=auth or self.default_auth,
            error_replies=error_replies,
        )
        super().__init__(link)
        if role is not None:
            self.role = role
        self._outbox = link.outbox = GuardedOutbox(link.limits, self._send)

    @property
    def resume_queue(self) -> bool:
        """Whether what waits to be sent survives a lost connection."""
        return self._link.resume_queue

    @resume_queue.setter
    def resume_queue(self, keep: bool) -> None:
        self._link.resume_queue = keep

    @property
    def resend_requests(self) -> bool:
        """Whether unanswered requests are sent again on the next connection."""
        return self._link.resend_requests

    @resend_requests.setter
    def resend_requests(self, again: bool) -> None:
        self._link.resend_requests = again

    @property
    def files(self) -> FilePolicy:
        """Which files the peer may read and write."""
        return self._link.files

    @files.setter
    def files(self, policy: FilePolicy) -> None:
        self._link.files = self._with_owner(policy)

    @property
    def limits(self) -> Limits:
        """How much the peer may ask of us; from the next connection on."""
        return self._link.limits

    @limits.setter
    def limits(self, limits: Limits) -> None:
        self._link.limits = limits

    @property
    def auth(self) -> SharedKey | None:
        """The key that both sides have to prove; from the next connection on."""
        return self._link.key

    @auth.setter
    def auth(self, key: SharedKey | None) -> None:
        self._link.key = key

    @property
    def error_replies(self) -> bool:
        """Whether both sides have agreed on telling why a request fails."""
        return self._link.error_replies

    @error_replies.setter
    def error_replies(self, agreed: bool) -> None:
        self._link.error_replies = agreed

    def _with_owner(self, policy: FilePolicy) -> FilePolicy:
        return replace(policy, owner="pi") if self.whoami == "pi" else policy

    # What you may call.

    def send_message(
        self, action: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Send an action; without a connection it waits with `resume_queue`, or is dropped.

        Args:
            action: What to do.
            args: Positional arguments for the callback over there.
            kwargs: Keyword arguments.

        Raises:
            TypeError: If JSON cannot hold an argument.
            Unsendable: If the name or the arguments are too long; a `ValueError`.
            QueueFull: If too much waits already; an `OSError`.
        """
        with self._lock:
            self._link.send_action(action, args, kwargs)
            self._update_interest()

    def send_file(self, filepath: str | PathLike[str], dest_filepath: str) -> bool:
        """Send a file; it is read from the disk while it is sent.

        Args:
            filepath: The file.
            dest_filepath: Where the peer shall write it.

        Returns:
            Whether it is on its way; the reason why not is in the log.

        Raises:
            Unsendable: If the destination is too long; a `ValueError`.
            QueueFull: If too much waits already; an `OSError`.
        """
        try:
            with self._lock:
                is_queued = self._link.send_file(filepath, dest_filepath)
                self._update_interest()
        except FileRefused as error:
            logger.warning("{}: file not sent: {}", self._link.name, error)
            return False
        return is_queued

    def get_response(
        self,
        requested_value: str,
        callback: Callable[..., Any] | None,
        request_args: Sequence[Any] = (),
        request_kwargs: Mapping[str, Any] | None = None,
        callback_args: Sequence[Any] = (),
        callback_kwargs: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        on_error: OnError | None = None,
    ) -> None:
        """Ask the peer for a value.

        Args:
            requested_value: What for.
            callback: Called as `callback(connection, value, *callback_args, **callback_kwargs)`;
                `None` lets the answer go.
            request_args: Positional arguments of the request.
            request_kwargs: Keyword arguments of the request.
            callback_args: Handed to the callback; they do not travel.
            callback_kwargs: Handed to the callback; they do not travel.
            timeout: Seconds to wait for the answer; for ever if not said here or in the limits.
            on_error: Called as `on_error(connection, error)` instead of the callback, when there is
                no answer in time, or the peer says that there will be none.

        Raises:
            TypeError: If JSON cannot hold an argument.
            Unsendable: If the arguments are too long; a `ValueError`.
            TooManyRequests: If too many wait for their answer; a `RuntimeError`.
            QueueFull: If too much waits to be sent; an `OSError`.
        """
        waiter = Waiter(callback, tuple(callback_args), dict(callback_kwargs or {}), on_error)
        with self._lock:
            self._link.request(
                requested_value,
                request_args,
                request_kwargs,
                now=time.monotonic(),
                timeout=timeout,
                owner=waiter,
            )
            self._update_interest()

    def get_file(
        self,
        client_filepath: str,
        filepath: str | PathLike[str] | None = None,
        callback: Callable[..., Any] | None = None,
        callback_args: Sequence[Any] = (),
        callback_kwargs: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        on_error: OnError | None = None,
    ) -> None:
        """Ask the peer for a file.

        Args:
            client_filepath: Where it is over there.
            filepath: Where it goes here; `None` keeps it nowhere.
            callback: Called as `callback(connection, True, *callback_args, filepath=filepath,
                **callback_kwargs)` when it is there.
            callback_args: Handed to the callback.
            callback_kwargs: Handed to the callback.
            timeout: Seconds to wait for the whole file; for ever if not said here or in the limits.
            on_error: Called as `on_error(connection, error)` instead of the callback, also when the
                file cannot be written here.

        Raises:
            TooManyRequests: If too many wait for their answer; a `RuntimeError`.
            QueueFull: If too much waits to be sent; an `OSError`.
        """
        kwargs = {**(callback_kwargs or {}), "filepath": filepath}
        waiter = Waiter(callback, tuple(callback_args), kwargs, on_error)
        with self._lock:
            pending = self._link.get_file(
                client_filepath, filepath, now=time.monotonic(), timeout=timeout, owner=waiter
            )
            if filepath is None and pending.destination is not None:
                kwargs["filepath"] = str(pending.destination)
            self._update_interest()

    def process_received(self, message: MessageManager) -> None:
        """Handle a message that was decoded elsewhere, as if it had come on this connection."""
        with self._lock:
            for event in _events_of(message):
                self._link.take(event)
        self._handle_events()

    # Names that programs written for the original use, besides `_close`.

    def _send(self, data: bytes | Outgoing) -> None:
        """Queue an encoded message. Every message passes here, except requests sent again.

        Raises:
            QueueFull: If too much waits already.
        """
        with self._lock:
            message = data if isinstance(data, Outgoing) else outgoing_of(data)
            self._outbox.put_unguarded(message)
            self._update_interest()

    @property
    def _send_queue(self) -> deque[Any]:
        """What waits to be sent; assign another queue to it to send that instead."""
        with self._lock:
            return deque(self._outbox)

    @_send_queue.setter
    def _send_queue(self, queue: Iterable[Any]) -> None:
        with self._lock:
            waiting = list(queue)
            self._outbox.clear()
            for data in waiting:
                ConnectionManager._send(self, data)


def _events_of(message: MessageManager) -> list[FramingEvent]:
    """Return what a decoder would have said about a message."""
    if message.jsonheader is None:
        raise ValueError("the message is not complete; call process_message with more bytes")
    header = parse_header(to_json(message.jsonheader), DEFAULT_LIMITS.json_depth)
    if header.encoding is not None:
        return [Message(header, message.content)]
    pieces = [FilePiece(message.content)] if message.content else []
    return [FileBegins(header), *pieces, FileEnds()]
