"""Answers to a peer's requests: a value, a file, or the reason why there is neither.

The answer's header repeats the name and id of the request, which may be too long for a header. Then
nothing can be answered: that is logged, and the connection goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from loguru import logger

from moobius.messaging import messages
from moobius.messaging.auth import SIGNATURE_ROOM, SharedKey
from moobius.messaging.files import OutgoingFile
from moobius.messaging.framing import check_content, check_header_length
from moobius.messaging.limits import Limits
from moobius.messaging.messages import Request
from moobius.messaging.outbox import Outgoing


class Refusal(NamedTuple):
    """Why a peer does not get what it asked for, in the words of an error reply (6.6)."""

    kind: str
    reason: str


NOT_FOUND = Refusal("not-found", "no such file")
REFUSED = Refusal("refused", "refused")
UNSENDABLE = Refusal("encoding", "the answer cannot be encoded")

UNENCODABLE = (TypeError, ValueError, RecursionError)
"""What encoding raises for what JSON cannot hold, or what is too long."""

FileOpener = Callable[[], OutgoingFile | Refusal]
"""Opens a file, or says why that is not possible."""


class AnsweringLink(Protocol):
    """What answering needs of its link."""

    name: str
    limits: Limits
    error_replies: bool
    key: SharedKey | None


class Answers:
    """Makes the answers of one link; `None` where there can or may be no answer."""

    def __init__(self, link: AnsweringLink) -> None:
        self._link = link

    def value(self, request: Request, value: Any) -> Outgoing | None:
        """Return the answer with a value, or the refusal if JSON or the limits cannot hold it."""
        try:
            answer = messages.encode_response(request.name, request.request_id, value)
            check_content(answer.content, self._link.limits)
            return self._checked(Outgoing.of(answer))
        except UNENCODABLE as error:
            self._log(f"the answer to {request.name!r:.60}", error)
            return self.refusal(request, UNSENDABLE)

    def refusal(self, request: Request, refusal: Refusal) -> Outgoing | None:
        """Return the error reply, if that is agreed and was asked for."""
        if not (self._link.error_replies and request.wants_errors):
            return None
        try:
            reply = messages.encode_error_reply(request.name, request.request_id, *refusal)
            return self._checked(Outgoing.of(reply))
        except UNENCODABLE as error:
            self._log(f"the error reply to {request.name!r:.60}", error)
            return None

    def file(self, request: Request, size: int, open_file: FileOpener) -> Outgoing | None:
        """Return the answer with a file, which is opened only when its turn to be sent has come.

        A peer may ask for more files than this process can hold open.
        """

        def prepare() -> Outgoing | None:
            file = open_file()
            if isinstance(file, Refusal):
                return self.refusal(request, file)
            answer = self._file(request, file.size, content=file)
            if answer is None:
                file.close()
            return answer

        return self._file(request, size, prepare=prepare) or self.refusal(request, UNSENDABLE)

    def _file(self, request: Request, size: int, **about: Any) -> Outgoing | None:
        try:
            header = messages.encode_file_response_header(request.request_id, size)
            return self._checked(Outgoing(header, **about))
        except UNENCODABLE as error:
            self._log("a file that was asked for", error)
            return None

    def _checked(self, message: Outgoing) -> Outgoing:
        if self._link.key is not None:
            check_header_length(len(message.header), SIGNATURE_ROOM)
        return message

    def _log(self, what: str, error: Exception) -> None:
        logger.error("{}: {} cannot be sent: {}", self._link.name, what, error)
