"""Handling of what a link receives: it becomes events for the shell, files, or answers."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from loguru import logger

from moobius.errors import FileRefused, ProtocolError, RequestFailed
from moobius.messaging import messages
from moobius.messaging.answers import NOT_FOUND, REFUSED, FileOpener, Refusal
from moobius.messaging.auth import AUTH, SharedKey
from moobius.messaging.events import Answered, Failed, LinkEvent
from moobius.messaging.files import OutgoingFile
from moobius.messaging.framing import FileBegins, FilePiece, FramingEvent, Header, Message
from moobius.messaging.messages import FILETRANSFER, Dropped, FileResponse, Request, Response
from moobius.messaging.policy import FilePolicy
from moobius.messaging.reception import Reception
from moobius.messaging.requests import Pending, PendingRequests


class Host(Protocol):
    """What an intake needs of its link."""

    name: str
    pending: PendingRequests
    key: SharedKey | None
    peer_has_key: bool

    @property
    def policy(self) -> FilePolicy:
        """Which files the peer may read and write."""

    @property
    def max_file_size(self) -> int | None:
        """Bytes of the largest file that may be sent."""

    def answer_file(self, request: Request, size: int, open_file: FileOpener) -> None:
        """Send a file that was asked for, and is opened when its turn comes."""

    def refuse(self, request: Request, kind: str, reason: str) -> None:
        """Send the reason why a request fails, if the peer asked for it."""


class Intake:
    """Handles the events of a decoder.

    Attributes:
        events: What the shell should hear of.
        arrival_size: Bytes of the content of the last message.
    """

    def __init__(self, host: Host) -> None:
        self.events: deque[LinkEvent] = deque()
        self.arrival_size = 0
        self._host = host
        self._reception: Reception | None = None  # of the content that comes in pieces

    def take(self, event: FramingEvent) -> None:
        """Take one event of a decoder."""
        if isinstance(event, Message):
            self._take_message(event)
        elif isinstance(event, FileBegins):
            self._reception = self._reception_of(event)
        elif self._reception is None:
            raise AssertionError("the decoder sent content without a header")
        elif isinstance(event, FilePiece):
            self._reception.write(event.data)
        else:
            self._end_reception(self._reception)

    def next_event(self) -> LinkEvent | None:
        """Take the next of the events."""
        return self.events.popleft() if self.events else None

    def refuse_answer(self, header: Header, error: ProtocolError) -> bool:
        """End the request whose answer breaks the rules; tell whether there is one."""
        fields = header.fields
        request_id, name = fields.get("request_id"), fields.get("requested_value")
        if header.message_type != "response" or not isinstance(request_id, str):
            return False
        pending = self._host.pending.find(request_id, str(name))
        if pending is None:
            return False
        self._host.pending.remove(pending)
        self.fail(pending, "malformed", str(error))
        return True

    def abandon(self) -> None:
        """Discard the content that is being received."""
        if self._reception is not None:
            self._reception.abandon()
            self._reception = None

    def fail(self, pending: Pending, kind: str, reason: str) -> None:
        """End a request without an answer."""
        what = f"{self._host.name}: {pending.name!r} failed: {reason}"
        self.events.append(Failed(pending, RequestFailed(what, kind=kind)))

    def _take_message(self, message: Message) -> None:
        self.arrival_size = message.header.content_length
        meaning = messages.read(message.header, message.content)
        if isinstance(meaning, Dropped):
            self._note_key(message.header)
            self._log_dropped(meaning)
        elif isinstance(meaning, Response):
            self._take_response(meaning)
        elif isinstance(meaning, Request) and meaning.name == FILETRANSFER:
            self._serve_file(meaning)
        elif isinstance(meaning, (messages.Action, Request)):
            self.events.append(meaning)

    def _take_response(self, response: Response) -> None:
        pending = self._pending_for(response)
        if pending is None:
            return
        self._host.pending.remove(pending)
        if response.failure is not None:
            self.fail(pending, *response.failure)
        elif pending.is_file:
            self.fail(pending, "malformed", "the answer is a value and not a file")
        else:
            self.events.append(Answered(pending, response.value))

    def _pending_for(self, response: Response | FileResponse) -> Pending | None:
        pending = self._host.pending.find(response.request_id, response.name)
        if pending is None:
            what = f"an answer to {response.name!r:.60}, which nobody waits for"
            logger.warning("{}: dropped {}", self._host.name, what)
        return pending

    def _serve_file(self, request: Request) -> None:
        file = self._open(request)
        if isinstance(file, Refusal):
            self._host.refuse(request, *file)
            return
        file.close()
        self._host.answer_file(request, file.size, lambda: self._open(request))

    def _open(self, request: Request) -> OutgoingFile | Refusal:
        place = request.kwargs.get("filepath")
        try:
            return OutgoingFile.open(self._host.policy.to_read(place), self._host.max_file_size)
        except FileRefused as error:
            logger.warning("{}: file not sent: {}", self._host.name, error)
            is_missing = isinstance(error.__cause__, FileNotFoundError)
            return NOT_FOUND if is_missing else REFUSED

    def _reception_of(self, begins: FileBegins) -> Reception:
        meaning, pending = messages.read(begins.header), None
        if isinstance(meaning, Dropped):
            self._log_dropped(meaning)
        elif isinstance(meaning, FileResponse):
            pending = self._pending_for(meaning)
            if pending is not None and not pending.is_file:
                self._host.pending.remove(pending)
                self.fail(pending, "malformed", "the answer is a file and not a value")
                pending = None
        host = self._host
        return Reception.of(
            meaning, begins.header, peer=host.name, pending=pending, policy=host.policy
        )

    def _end_reception(self, reception: Reception) -> None:
        self._reception = None
        pending = reception.pending
        if pending is not None and not self._host.pending.remove(pending):
            reception.abandon()  # meanwhile the request ran out of time, or was cancelled
        elif (event := reception.finish()) is not None:
            self.events.append(event)

    def _note_key(self, header: Header) -> None:
        if header.message_type == AUTH and self._host.key is None:
            self._host.peer_has_key = True
            logger.info("{}: the peer has a shared key, and this side has none", self._host.name)

    def _log_dropped(self, dropped: Dropped) -> None:
        level = "DEBUG" if dropped.is_expected else "WARNING"
        logger.log(level, "{}: dropped {}", self._host.name, dropped.reason)
