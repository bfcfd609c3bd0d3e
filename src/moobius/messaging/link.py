"""One end of a connection without the connection: bytes and calls in, events and bytes out.

A `Link` knows all the rules: framing, limits, keys, files, the queue, the pending requests, what is
sent again after a loss. It has no socket, clock, thread or lock. Two shells stand on it: `aio_link`
(asyncio) and `connection_manager` (selectors, the original interface). A shell

- calls `connection_made` and `connection_lost`; the link outlives connections;
- hands received bytes to `receive`, then takes `next_event` until there is none. What these raise
  (`ProtocolError`, `OSError`) means: log it, close the connection, call `connection_lost`;
- sends what `data_to_send` returns, and says with `sent` how much the system took; or takes whole
  messages with `take_whole`, where it hands all over at once;
- calls `expire` at `next_deadline` at the latest, then takes events. Times are seconds of any clock
  that only goes forward, the same one in all calls;
- runs callbacks for `Action` and `Request` with the functions of `callbacks`, and hands on
  `Answered` and `Failed` to `pending.owner`, which is the shell's own.

Files need no callback: what a peer pushes or asks for is written and read here, as the policy
allows. A shell that is used from several threads holds a lock of its own around each call.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from loguru import logger

from moobius.errors import RequestTimeout
from moobius.messaging import messages
from moobius.messaging.answers import Answers, FileOpener, Refusal
from moobius.messaging.auth import SIGNATURE_ROOM, SharedKey
from moobius.messaging.events import Failed, LinkEvent
from moobius.messaging.files import OutgoingFile
from moobius.messaging.framing import (
    FramingEvent,
    Message,
    check_header_length,
)
from moobius.messaging.intake import Intake
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.messages import FILETRANSFER, Request
from moobius.messaging.outbox import Outbox, Outgoing
from moobius.messaging.policy import FilePolicy, own_place
from moobius.messaging.requests import Pending, PendingRequests
from moobius.messaging.session import Session, sooner


class Link:
    """What one side knows of its peer, across any number of connections.

    The arguments stay attributes, which may be changed: the key for the next connection, all others
    at once.

    Attributes:
        pending: The requests that wait for their answer.
        outbox: What waits to be sent.
    """

    def __init__(
        self,
        *,
        name: str = "peer",
        limits: Limits = DEFAULT_LIMITS,
        files: FilePolicy | None = None,
        key: SharedKey | None = None,
        error_replies: bool = False,
        resume_queue: bool = False,
        resend_requests: bool = True,
    ) -> None:
        """Prepare; there is no connection yet.

        Args:
            name: Who the peer is, for logs.
            limits: How much the peer may ask of us.
            files: Which files it may read and write; the working directory if not said.
            key: The key that both sides have to prove; `None` signs nothing.
            error_replies: Whether both sides have agreed on telling why a request fails.
            resume_queue: Whether what waits to be sent survives a lost connection.
            resend_requests: Whether unanswered requests are sent again on the next connection.
        """
        self.name = name
        self.limits = limits
        self.files = files or FilePolicy.inside()
        self.resume_queue = resume_queue
        self.resend_requests = resend_requests
        self.pending = PendingRequests(limits.pending_requests)
        self.outbox = Outbox(limits)
        self.key = key
        self.error_replies = error_replies
        self._session: Session | None = None
        self._intake = Intake(self)
        self._answers = Answers(self)

    # The connection.

    def connection_made(self, role: str, now: float) -> None:
        """Begin a connection: greet, then what was queued, then the unanswered requests again.

        Args:
            role: `client` for the side that connected, `server` for the side that accepted.
            now: The time.
        """
        self._begin(Session(self.limits, self.key, role, now))

    def take_over(self, other: Link) -> None:
        """Go on with the connection of another link, whose peer turned out to be ours.

        Between two of its messages only. What waits in the other link goes out first, and answers
        to its requests are ours to hear.
        """
        session, other._session = other._session, None
        if session is None:
            return
        self._begin(session)
        self.outbox.take_over(other.outbox)
        for pending in self.pending.take_over(other.pending):
            self._intake.fail(pending, "malformed", "another request has its id")

    def _begin(self, session: Session) -> None:
        self._session = session
        if self.resend_requests:
            still_queued = self.outbox.queued_requests()
            for pending in self.pending:
                if pending.request_id not in still_queued:
                    self.outbox.put_again(Outgoing.of(pending.message, pending.request_id))

    def connection_lost(self) -> None:
        """End the connection; harmless when there is none."""
        session, self._session = self._session, None
        if session is None:
            return
        if session.is_inside_message:
            logger.warning("{}: the connection ended inside a message, which is lost", self.name)
        self._intake.abandon()
        self.outbox.connection_lost(keep=self.resume_queue)

    # Bytes.

    def receive(self, data: bytes | bytearray, now: float) -> None:
        """Take bytes from the network; then ask for events.

        Raises:
            ProtocolError: If this connection has failed before.
        """
        if self._session is not None:
            self._session.receive(data, now)

    def next_event(self) -> LinkEvent | None:
        """Return what happened next; `None` when nothing did, or more bytes are needed.

        Raises:
            ProtocolError: If the peer's bytes cannot be trusted.
            OSError: If an answer does not fit into the queue.
        """
        while not self._intake.events and self._session is not None:
            event = self._session.next_event()
            if event is None:
                return None
            if self._session.is_ready or not isinstance(event, Message):
                self._intake.take(event)
            else:
                self._session.take_handshake(event.content)
        return self._intake.events.popleft() if self._intake.events else None

    def prove(self) -> bool:
        """Take what proves the peer's key, and no message yet; tell whether it is proved.

        For a required key only: without one, there is nothing that proves anything.
        """
        return self._session is not None and self._session.prove()

    @property
    def arrival_size(self) -> int:
        """Bytes of the content of the action or request that `next_event` returned last."""
        return self._intake.arrival_size

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection."""
        return self._session is not None

    def take(self, event: FramingEvent) -> None:
        """Take one event of a decoder; what it means comes out of `next_event`."""
        self._intake.take(event)

    @property
    def is_ready(self) -> bool:
        """Tell whether messages may go out: there is a connection, and keys are proved."""
        return self._session is not None and self._session.is_ready

    @property
    def wants_to_send(self) -> bool:
        """Tell whether `data_to_send` has something."""
        session = self._session
        if session is None:
            return False
        return bool(session.greeting) or (len(self.outbox) > 0 and session.is_ready)

    def data_to_send(self, size: int) -> memoryview:
        """Return the next bytes, at most `size`; the same ones again until `sent` is told.

        Raises:
            OSError: If a file that is being sent cannot be read; it is dropped.
        """
        session = self._session
        if session is None or session.greeting or not session.is_ready:
            return memoryview(session.greeting if session else b"")[:size]
        try:
            return self.outbox.data_to_send(size, session.seal)
        except OSError:
            self.outbox.drop_current()
            raise

    def sent(self, count: int) -> None:
        """Take note that the first `count` bytes of `data_to_send` were handed to the system."""
        if self._session is not None and self._session.greeting:
            self._session.greeting = self._session.greeting[count:]
        else:
            self.outbox.sent(count)

    def take_whole(self, size: int) -> bytes:
        """Take whole small messages of together about `size` bytes; they count as handed over.

        Empty when nothing waits, and when `data_to_send` has to be asked, as for a file.
        """
        session = self._session
        if session is None:
            return b""
        greeting, session.greeting = session.greeting, b""
        if greeting or not session.is_ready:
            return greeting
        return self.outbox.take_whole(size, session.seal)

    # Time.

    @property
    def next_deadline(self) -> float | None:
        """When `expire` has to be called; `None` for never, as things stand."""
        deadline = self.pending.next_deadline
        if self._session is not None:
            return sooner(deadline, self._session.deadline)
        return deadline

    def expire(self, now: float) -> None:
        """Give up what took too long; requests that did become events.

        Raises:
            ProtocolError: If the peer left a message incomplete, or did not prove its key.
        """
        for pending in self.pending.expire(now):
            error = RequestTimeout(f"{self.name}: no answer to {pending.name!r} in time")
            self._intake.events.append(Failed(pending, error))
        if self._session is not None:
            self._session.expire(now)

    # Calls.

    def send_action(
        self, action: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> bool:
        """Queue an action; tell whether it was queued (without a connection it may not be).

        Raises:
            TypeError: If JSON cannot hold an argument.
            Unsendable: If the name is too long.
            QueueFull: If too much waits already.
        """
        return self._put(Outgoing.of(messages.encode_action(action, args, kwargs)), "an action")

    def send_file(self, source: str | os.PathLike[str], destination: str) -> bool:
        """Queue a file, to be written at a path that the peer's policy has to allow.

        The file is opened now and read while it is sent.

        Raises:
            FileRefused: If it cannot be read, or is too large.
            Unsendable: If the destination is too long.
            QueueFull: If too much waits already.
        """
        file = OutgoingFile.open(own_place(source), self.max_file_size)
        try:
            header = messages.encode_push_header(destination, file.size)
            return self._put(Outgoing(header, file), "a file")
        except BaseException:
            file.close()
            raise

    def request(
        self,
        name: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        *,
        now: float,
        timeout: float | None = None,
        owner: Any = None,
    ) -> Pending:
        """Ask the peer for something.

        Args:
            name: What for.
            args: Positional arguments.
            kwargs: Keyword arguments.
            now: The time.
            timeout: Seconds to wait for the answer; `None` is what the limits say.
            owner: Kept in the pending request, for who takes the events.

        Raises:
            TypeError: If JSON cannot hold an argument.
            TooManyRequests: If too many wait for their answer.
            QueueFull: If too much waits to be sent.
        """
        request_id, wants_errors = self.pending.new_id(), self.error_replies
        message = messages.encode_request(name, request_id, args, kwargs, wants_errors=wants_errors)
        seconds = self.limits.request_s if timeout is None else timeout
        deadline = None if seconds is None else now + seconds
        is_file = name == FILETRANSFER
        pending = Pending(request_id, name, message, owner, deadline, is_file)
        # Without a connection it waits here for the next one, where it is sent "again".
        if self.is_connected or self.resume_queue:
            self._put(Outgoing.of(message, request_id), "a request")
        self.pending.add(pending)
        return pending

    def get_file(
        self,
        remote_path: str,
        destination: str | os.PathLike[str] | None,
        *,
        now: float,
        timeout: float | None = None,
        owner: Any = None,
    ) -> Pending:
        """Ask the peer for a file; what is not said here is as in `request`.

        Args:
            remote_path: Where it is over there.
            destination: Where it goes here; `None` for nowhere (or `keep_under_own_name`).
            now: The time.
            timeout: Seconds to wait for the whole file.
            owner: As in `request`.
        """
        if destination is None and self.files.keep_under_own_name:
            destination = self.files.base / PurePosixPath(remote_path).name
        pending = self.request(
            FILETRANSFER, (), {"filepath": remote_path}, now=now, timeout=timeout, owner=owner
        )
        # Where it goes is our own affair and does not travel. It is settled now: the working
        # directory may be another when the file comes.
        pending.destination = None if destination is None else Path(destination).absolute()
        return pending

    def forget(self, pending: Pending) -> bool:
        """Wait no longer for an answer; tell whether it was still expected."""
        return self.pending.remove(pending)

    def answer(self, request: Request, value: Any) -> None:
        """Answer a request; a value that JSON cannot hold is logged, and not sent.

        Raises:
            QueueFull: If the answer does not fit into the queue: the connection is to be closed.
        """
        self._put_answer(self._answers.value(request, value), "an answer")

    def refuse(self, request: Request, kind: str, reason: str) -> None:
        """Tell a peer that asked to be told why its request fails; any other hears nothing.

        Args:
            request: The request.
            kind: `unknown`, `exception`, `not-found`, `refused` or `encoding`.
            reason: For people; without paths and traces.

        Raises:
            QueueFull: If that does not fit into the queue: the connection is to be closed.
        """
        self._put_answer(self._answers.refusal(request, Refusal(kind, reason)), "an error reply")

    def answer_file(self, request: Request, size: int, open_file: FileOpener) -> None:
        """Send a file that was asked for; may raise what `answer` does.

        Args:
            request: The request.
            size: Bytes of the file, as it is now.
            open_file: Opens it when its turn has come, or says why that is not possible any more.
        """
        self._put_answer(self._answers.file(request, size, open_file), "a file")

    # What goes out, inside.

    @property
    def reserved(self) -> int:
        """How many bytes a signature may add to a header."""
        return SIGNATURE_ROOM if self.key else 0

    @property
    def policy(self) -> FilePolicy:
        """Which files the peer may read and write: as `files` says, and never the key's."""
        key_file = self.key.file if self.key else None
        return self.files.protecting(key_file) if key_file else self.files

    @property
    def max_file_size(self) -> int | None:
        """Bytes of the largest file that may be sent; `None` for any."""
        sizes = (self.limits.file_content, self.files.max_size)
        return min((size for size in sizes if size is not None), default=None)

    def _put(self, message: Outgoing, what: str) -> bool:
        check_header_length(len(message.header), self.reserved)
        if not self.is_connected and not self.resume_queue:
            message.close()
            logger.warning("{}: not connected, so {} was dropped", self.name, what)
            return False
        self.outbox.put(message)
        return True

    def _put_answer(self, message: Outgoing | None, what: str) -> None:
        if message is not None:
            self._put(message, what)
