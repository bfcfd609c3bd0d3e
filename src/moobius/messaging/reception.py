"""Receiving content that comes in pieces: it is written to a file, or discarded."""

from __future__ import annotations

from loguru import logger

from moobius.errors import FileRefused
from moobius.messaging.events import Answered, Failed, FileStored, LinkEvent
from moobius.messaging.files import IncomingFile
from moobius.messaging.framing import Bytes, Header
from moobius.messaging.messages import Dropped, FilePush, Meaning
from moobius.messaging.policy import FilePolicy, own_place
from moobius.messaging.requests import Pending


class Reception:
    """Receives one content. If its file cannot be written, the rest of it is read and discarded."""

    def __init__(self, peer: str, pending: Pending | None = None) -> None:
        """Prepare to discard a content.

        Args:
            peer: Who sends it, for logs.
            pending: The request that it answers, if it does.
        """
        self._peer = peer
        self._pending = pending
        self._file: IncomingFile | None = None
        self._error: FileRefused | None = None

    @classmethod
    def of(
        cls,
        meaning: Meaning,
        header: Header,
        *,
        peer: str,
        pending: Pending | None,
        policy: FilePolicy,
    ) -> Reception:
        """Return the reception of a content; if its destination is refused, it is discarded."""
        reception = cls(peer, pending)
        is_push = isinstance(meaning, FilePush)
        if isinstance(meaning, Dropped) or not (is_push or pending):
            return reception
        try:
            _check_size(header.content_length, policy.max_size)
            if isinstance(meaning, FilePush):
                reception._file = IncomingFile(policy.to_write(meaning.filepath), policy.owner)
            elif pending is not None and pending.destination is not None:
                reception._file = IncomingFile(own_place(pending.destination), policy.owner)
        except FileRefused as error:
            reception._refuse(error)
        return reception

    def write(self, data: Bytes) -> None:
        """Take some bytes."""
        if self._file is None:
            return
        try:
            self._file.write(data)
        except OSError as error:
            self._lose_file(error)

    def finish(self) -> LinkEvent | None:
        """Put the file in its place; return the event that this is, if it is one."""
        file, self._file = self._file, None
        if file is not None:
            try:
                file.commit()
            except OSError as error:
                self._refuse(FileRefused(f"{file.path} cannot be written: {error.strerror}"))
        if self._pending is not None:
            if self._error is not None:
                return Failed(self._pending, self._error)
            return Answered(self._pending, True)
        if file is not None and self._error is None:
            return FileStored(file.path)
        return None

    @property
    def pending(self) -> Pending | None:
        """The request that is being answered."""
        return self._pending

    def abandon(self) -> None:
        """Discard what was received: the connection was lost, and the rest will not come."""
        if self._file is not None:
            self._file.discard()
            self._file = None

    def _lose_file(self, error: OSError) -> None:
        file = self._file
        assert file is not None
        self.abandon()
        self._refuse(FileRefused(f"{file.path} cannot be written: {error.strerror}"))

    def _refuse(self, error: FileRefused) -> None:
        self._error = error
        logger.warning("{}: file not received: {}", self._peer, error)


def _check_size(size: int, limit: int | None) -> None:
    if limit is not None and size > limit:
        raise FileRefused(f"a file of {size} bytes; the limit is {limit}")
