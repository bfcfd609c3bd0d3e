"""What one side sends, asks and answers: the calls of a `Link`.

They need no connection: what they make waits in the queue, and unanswered requests in a list.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from loguru import logger

from moobius.errors import FileRefused
from moobius.messaging import messages
from moobius.messaging.answers import Answers, FileOpener, Refusal
from moobius.messaging.auth import SIGNATURE_ROOM, SharedKey
from moobius.messaging.files import OutgoingFile
from moobius.messaging.framing import check_content, check_header_length
from moobius.messaging.intake import Intake
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.messages import FILETRANSFER, Request
from moobius.messaging.outbox import OPEN_FILES, Outbox, Outgoing
from moobius.messaging.policy import FilePolicy, Place, own_place
from moobius.messaging.requests import Pending, PendingRequests
from moobius.messaging.session import Session


class LinkCalls:
    """What one side says to its peer, across any number of connections.

    The arguments stay attributes, which may be changed: the key for the next connection, all others
    at once.

    Attributes:
        pending: The requests that wait for their answer.
        outbox: What waits to be sent.
        peer_has_key: Whether the peer began this connection with a proof that this side, without a
            key, does not understand.
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
        self.peer_has_key = False
        self._session: Session | None = None
        self._intake = Intake(self)
        self._answers = Answers(self)

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection."""
        return self._session is not None

    # Calls.

    def send_action(
        self, action: str, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> bool:
        """Queue an action; tell whether it was queued (without a connection it may not be).

        Raises:
            TypeError: If JSON cannot hold an argument.
            Unsendable: If the name or the arguments are too long, or nest too deep.
            QueueFull: If too much waits already.
        """
        message = messages.encode_action(action, args, kwargs)
        check_content(message.content, self.limits)
        return self._put(Outgoing.of(message), "an action")

    def send_file(self, source: str | os.PathLike[str], destination: str) -> bool:
        """Queue a file, to be written at a path that the peer's policy has to allow.

        The file is opened now and read while it is sent; when very many wait already, it is opened
        when its turn has come.

        Raises:
            FileRefused: If it cannot be read, or is too large.
            Unsendable: If the destination is too long.
            QueueFull: If too much waits already.
        """
        place = own_place(source)
        message = self._push(place, destination)
        if self.outbox.files >= OPEN_FILES:
            message.close()
            message = Outgoing(message.header, prepare=lambda: self._push_now(place, destination))
        try:
            return self._put(message, "a file")
        except BaseException:
            message.close()
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
            Unsendable: If the arguments are too long, or nest too deep.
            TooManyRequests: If too many wait for their answer.
            QueueFull: If too much waits to be sent.
        """
        request_id, wants_errors = self.pending.new_id(), self.error_replies
        message = messages.encode_request(name, request_id, args, kwargs, wants_errors=wants_errors)
        check_content(message.content, self.limits)
        seconds = self.limits.request_s if timeout is None else timeout
        deadline = None if seconds is None else now + seconds
        is_file = name == FILETRANSFER
        pending = Pending(request_id, name, message, owner, deadline, is_file)
        # Without a connection it waits here for the next one, where it is sent "again".
        if self._session is not None or self.resume_queue:
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
        """Answer a request; a value that cannot be sent is logged, and the request refused.

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
    def policy(self) -> FilePolicy:
        """Which files the peer may read and write: as `files` says, and never the key's."""
        key_file = self.key.file if self.key else None
        return self.files.protecting(key_file) if key_file else self.files

    @property
    def max_file_size(self) -> int | None:
        """Bytes of the largest file that may be sent; `None` for any."""
        sizes = (self.limits.file_content, self.files.max_size)
        return min((size for size in sizes if size is not None), default=None)

    def _push(self, place: Place, destination: str) -> Outgoing:
        file = OutgoingFile.open(place, self.max_file_size)
        try:
            return Outgoing(messages.encode_push_header(destination, file.size), file)
        except BaseException:
            file.close()
            raise

    def _push_now(self, place: Place, destination: str) -> Outgoing | None:
        try:
            return self._push(place, destination)
        except FileRefused as error:
            logger.warning("{}: file not sent: {}", self.name, error)
            return None

    def _put(self, message: Outgoing, what: str) -> bool:
        if self.key is not None:
            check_header_length(len(message.header), SIGNATURE_ROOM)
        if self._session is None and not self.resume_queue:
            message.close()
            logger.warning("{}: not connected, so {} was dropped", self.name, what)
            return False
        self.outbox.put(message)
        return True

    def _put_answer(self, message: Outgoing | None, what: str) -> None:
        if message is not None:
            self._put(message, what)
