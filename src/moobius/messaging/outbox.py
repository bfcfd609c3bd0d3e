"""Messages on their way out: whole ones, in order, each handed over from first to last byte. Pure.

What is promised across a lost connection (specification 2.3), with `resume_queue`:

- A message of which only a part was handed to the system is sent again from its first byte. The
  peer's half is thrown away with the connection it came on, so none is processed twice and none is
  mixed into another.
- A message that was handed over completely is *not* repeated, because nothing tells whether it
  arrived: the protocol has no acknowledgement. If the network then loses it, it is lost. A request
  does better: it stays pending until its answer comes, and is sent again on the next connection.

So what must not get lost is sent as a request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from moobius.errors import QueueFull
from moobius.messaging.files import OutgoingFile
from moobius.messaging.framing import framed
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.messages import Encoded

JOINED = 64 * 1024
"""Bytes of the largest content that is sent in one piece with its header."""

OPEN_FILES = 256
"""How many files may be open while they wait to be sent. All others are opened when their turn
comes, as are those that a peer asked for."""

_NOTHING = memoryview(b"")

Prepare = Callable[[], "Outgoing | None"]
"""Makes a message; `None` when there is nothing to send after all."""
Seal = Callable[["Outgoing"], "bytes | None"]
"""Makes the header that goes on the wire: with the connection's signature, or as it is. `None` asks
to be called again: a file takes long to sign, and others have a turn in between."""


@dataclass(eq=False, slots=True)
class Outgoing:
    """One message that waits to be sent."""

    header: bytes
    """Without the two bytes of its length, and unsigned: keys belong to a connection."""
    content: bytes | OutgoingFile = b""
    request_id: str | None = None
    """The request that it is, if it is one."""
    prepare: Prepare | None = None
    """Makes the message that is sent instead when its turn comes, if that was put off."""
    memory: int = field(init=False)
    """How many bytes of memory it holds; a file is read while it is sent."""
    files: int = field(init=False)
    """How many files it holds open: one or none."""

    def __post_init__(self) -> None:
        content = self.content
        self.files = int(isinstance(content, OutgoingFile))
        self.memory = len(self.header)
        if not isinstance(content, OutgoingFile):
            self.memory += len(content)

    @classmethod
    def of(cls, message: Encoded, request_id: str | None = None) -> Outgoing:
        """Return an encoded message, ready to be queued."""
        return cls(message.header, message.content, request_id)

    @property
    def content_length(self) -> int:
        """Bytes of the content."""
        content = self.content
        return content.size if isinstance(content, OutgoingFile) else len(content)

    def content_pieces(self) -> Iterator[bytes]:
        """Yield the content from its beginning."""
        if isinstance(self.content, OutgoingFile):
            yield from self.content.pieces()
        elif self.content:
            yield self.content

    def close(self) -> None:
        """Let go of the file, if there is one."""
        if isinstance(self.content, OutgoingFile):
            self.content.close()


def unsealed(message: Outgoing) -> bytes:
    """Return the header as it is."""
    return message.header


class Outbox:
    """The queue of one link. It outlives connections."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._queue: deque[Outgoing] = deque()
        self._memory = 0
        self._files = 0
        # While its bytes are being handed over, a message stays the first of the queue.
        self._pieces: Iterator[bytes] | None = None
        self._view = _NOTHING
        self._left = 0  # bytes of it that are not handed over

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def memory(self) -> int:
        """How many bytes in memory wait."""
        return self._memory

    @property
    def files(self) -> int:
        """How many files that wait are open."""
        return self._files

    def put(self, message: Outgoing) -> None:
        """Queue a message behind all others.

        Raises:
            QueueFull: If too much waits; then the message was not queued, and its file is closed.
        """
        limits, size = self._limits, message.memory
        too_many = limits.queue_messages is not None and len(self._queue) >= limits.queue_messages
        too_big = limits.queue_bytes is not None and self._memory + size > limits.queue_bytes
        if too_many or too_big:
            message.close()
            raise QueueFull(
                f"{len(self._queue)} messages of {self._memory} bytes wait to be sent, and one of "
                f"{size} more does not fit; send less at a time, or wait"
            )
        self.put_again(message)

    def put_again(self, message: Outgoing) -> None:
        """Queue a request that was sent before; the limits were checked the first time."""
        self._queue.append(message)
        self._count(message, 1)

    def data_to_send(self, size: int, seal: Seal = unsealed) -> memoryview:
        """Return the next bytes, at most `size` and of one message.

        They stay the next ones until `sent` says otherwise. Empty when nothing waits, and when the
        next message is still being signed: then the call is to be made again, soon.

        Raises:
            OSError: If a file cannot be read any more; the message has begun, so nothing else
                can follow on this connection.
        """
        if self._pieces is None:
            self._prepare()
        if self._pieces is None and self._queue:
            header = seal(self._queue[0])
            if header is None:
                return _NOTHING
            self._begin(self._queue[0], header)
        if not self._view and self._pieces is not None:
            self._view = memoryview(next(self._pieces))
        return self._view[:size]

    def sent(self, count: int) -> None:
        """Take note that the first `count` of those bytes were handed to the system."""
        self._view = self._view[count:]
        self._left -= count
        if self._pieces is not None and not self._left:
            self._handed_over()

    def _prepare(self) -> None:
        """Make the first message now if that was put off; drop it if there is nothing to send."""
        while self._queue and (prepare := self._queue[0].prepare) is not None:
            self._count(self._queue.popleft(), -1)
            message = prepare()
            if message is not None:
                self._queue.appendleft(message)
                self._count(message, 1)

    def _count(self, message: Outgoing, sign: int) -> None:
        self._memory += sign * message.memory
        self._files += sign * message.files

    def _begin(self, message: Outgoing, header: bytes) -> None:
        head = framed(header)
        self._left = len(head) + message.content_length
        self._pieces = _wire_pieces(head, message)

    def take_whole(self, size: int, seal: Seal = unsealed) -> bytes:
        """Take whole small messages of together about `size` bytes; they count as handed over.

        Empty when nothing waits, or when the next message is no small one.
        """
        taken: list[bytes] = []
        while self._queue and self._pieces is None and size > 0:
            message = self._queue[0]
            content = message.content
            if isinstance(content, OutgoingFile) or message.prepare or len(content) > JOINED:
                break
            header = seal(message)
            if header is None:
                break
            wire = framed(header) + content
            taken.append(wire)
            size -= len(wire)
            self._queue.popleft()
            self._memory -= message.memory
        return b"".join(taken)

    def connection_lost(self, *, keep: bool) -> None:
        """Send the interrupted message from its first byte next time, or forget everything."""
        self._stop_midway()
        if not keep:
            self.clear()

    def take_over(self, other: Outbox) -> None:
        """Put what waits in another outbox before what waits here, the message under way first."""
        self._queue.extendleft(reversed(other._queue))
        self._memory += other._memory
        self._files += other._files
        self._pieces, self._view, self._left = other._pieces, other._view, other._left
        other._queue.clear()
        other.clear()

    def drop_current(self) -> None:
        """Forget the first message: its file cannot be read, now or on the next connection."""
        self._handed_over()

    def clear(self) -> None:
        """Forget everything."""
        for message in self._queue:
            message.close()
        self._queue.clear()
        self._memory = self._files = 0
        self._stop_midway()

    def queued_requests(self) -> set[str]:
        """Return the ids of the requests that have not been handed over completely."""
        return {message.request_id for message in self._queue if message.request_id is not None}

    def _handed_over(self) -> None:
        message = self._queue.popleft()
        self._count(message, -1)
        message.close()
        self._stop_midway()

    def _stop_midway(self) -> None:
        self._pieces = None
        self._view = _NOTHING


def _wire_pieces(head: bytes, message: Outgoing) -> Iterator[bytes]:
    if isinstance(message.content, bytes) and len(message.content) <= JOINED:
        yield head + message.content
        return
    yield head
    yield from message.content_pieces()
