"""The two ends of an `aioprocessing.AioQueue`, without the threads that it would need.

Such a queue is a pipe; each pickled object in it is preceded by its length. `put` has a thread
pickle and write the object; `get` blocks, so an event loop needs a thread that waits there; and
passing objects between threads costs more than everything else. Here the ends of the pipe are
written and read directly. Both ways can be mixed: `get` returns what is written here, and what was
`put` can be read here.

A spell from a wand is followed by its number, which unpickling ignores. So it can be told from an
object that the service has put on its queue itself.

This is the only module that depends on how a queue of the standard library works inside.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import select
import struct
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from moobius.errors import WandError

_LENGTH = struct.Struct("!i")
_GREAT_LENGTH = struct.Struct("!Q")
_LONGEST = 0x7FFFFFFF
"""For a longer object, -1 is written as its length, and after that the length in 8 bytes."""

READ_BYTES = 1 << 16
WRITE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""A pipe that is ready takes so many bytes without blocking; more is not guaranteed."""
WRITES = 16
"""Writes per call of `flush`, so that one caller need not write all that others have left."""
BATCH_BYTES = 1 << 16
"""Bytes of waiting objects that are joined at a time, so that one write carries many."""


_NUMBER = struct.Struct("!QB")
_END_OF_NUMBER = 0
"""The last byte of a pickle with a number; that of every other pickle is a full stop."""


def with_number(pickled: bytes, number: int) -> bytes:
    """Return a pickled object followed by a number; it unpickles to the same object."""
    return pickled + _NUMBER.pack(number, _END_OF_NUMBER)


def number_of(pickled: bytes) -> int:
    """Return the number that follows a pickled object; 0 for none."""
    if not pickled or pickled[-1] != _END_OF_NUMBER:
        return 0
    number: int = _NUMBER.unpack_from(pickled, len(pickled) - _NUMBER.size)[0]
    return number


class Writer(Protocol):
    """Puts pickled objects on a queue; only one thread at a time may use it."""

    def add(self, pickled: bytes) -> int:
        """Add an object for `flush`; return the bytes that wait, besides the batch begun."""

    def flush(self, patience: float = 0.0) -> bool:
        """Write what the pipe takes now, up to a limit; return whether nothing is left.

        Args:
            patience: Seconds to wait while another process is writing.
        """

    def wait(self, seconds: float) -> None:
        """Wait until the pipe has room, at most so long; any thread may call this."""

    def close(self) -> None:
        """Close the queue; what is left is not written."""


def writer_of(queue: Any) -> Writer:
    """Return a writer to a queue that never waits for its reader."""
    return DirectWriter(queue) if hasattr(select, "poll") else PuttingWriter(queue)


class DirectWriter:
    """Writes to the pipe as far as there is room in it."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._count = queue._sem
        self._lock = queue._wlock
        self._fd = queue._writer.fileno()
        self._poll = select.poll()
        self._poll.register(self._fd, select.POLLOUT)
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._batch = memoryview(b"")  # the rest of a batch; we hold the lock until it is written

    def add(self, pickled: bytes) -> int:
        """Add an object for `flush`; return the bytes that wait, besides the batch begun."""
        self._waiting.append(pickled)
        self._size += len(pickled)
        return self._size

    def flush(self, patience: float = 0.0) -> bool:
        """Write what the pipe takes now, up to a limit; return whether nothing is left."""
        for _ in range(WRITES):
            if not self._batch and not self._begin_batch(patience):
                return not self._waiting
            if not self._poll.poll(0):
                return False
            self._batch = self._batch[os.write(self._fd, self._batch[:WRITE_BYTES]) :]
            if not self._batch:
                self._lock.release()
        return not self._batch and not self._waiting

    def wait(self, seconds: float) -> None:
        """Wait until the pipe has room, at most so long."""
        poll = select.poll()  # a new one: two threads must not share one
        poll.register(self._fd, select.POLLOUT)
        poll.poll(seconds * 1000)

    def close(self) -> None:
        """Close the queue; what is left is not written."""
        _close(self._queue)
        if self._queue._thread is None:  # otherwise that thread closes them when it has finished
            for end in (self._queue._reader, self._queue._writer):
                end.close()

    def _begin_batch(self, patience: float) -> bool:
        if not self._waiting or not self._lock.acquire(timeout=patience):
            return False
        self._batch = self._next_batch()
        return True

    def _next_batch(self) -> memoryview:
        parts: list[bytes] = []
        size = 0
        while self._waiting and size < BATCH_BYTES:
            pickled = self._waiting.popleft()
            self._count.acquire(block=False)  # `get` releases it
            parts += (_header(len(pickled)), pickled)
            size += len(pickled)
        self._size -= size
        return memoryview(b"".join(parts))


class PuttingWriter:
    """Writes by the queue's own thread, for systems where a pipe cannot be asked for room."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._send_bytes = queue._send_bytes
        queue._obj._send_bytes = self._send_once_pickled

    def add(self, pickled: bytes) -> int:
        """Put an object on the queue.

        Raises:
            WandError: If the queue cannot start its thread any more.
        """
        try:
            self._queue.put(_Pickled(pickled))
        except RuntimeError as error:  # in Python 3.12, once the script itself has ended
            raise WandError(
                f"a service that was started again after the end of its script hears no spells "
                f"here ({error}); end the script with wand.join()"
            ) from error
        return 0

    def flush(self, patience: float = 0.0) -> bool:
        """Do nothing: the queue's thread writes."""
        return True

    def wait(self, seconds: float) -> None:
        """Do nothing: nothing is ever left."""

    def close(self) -> None:
        """Close the queue."""
        _close(self._queue)

    def _send_once_pickled(self, pickled: memoryview | bytes) -> None:
        # The queue's thread pickles everything that is put; a spell was pickled already.
        if _Pickled.__name__.encode() in bytes(pickled[:_NAMED_WITHIN]):
            content = pickle.loads(pickled)
            pickled = content if isinstance(content, _Pickled) else pickled
        self._send_bytes(pickled)


class _Pickled(bytes):
    """An object that is pickled already."""


_NAMED_WITHIN = 100
"""The name of a pickled object's class is within so many bytes of its pickle."""


class LoopReader:
    """Reads a queue in an event loop."""

    def __init__(
        self,
        queue: Any,
        on_pickled: Callable[[list[bytes]], None],
        on_gone: Callable[[Exception], None],
    ) -> None:
        """Begin to read.

        Args:
            queue: The queue; nobody else can `get` from it until `close`.
            on_pickled: Called in the loop with the objects that have arrived, still pickled.
            on_gone: Called when nothing can arrive any more.

        Raises:
            NotImplementedError: If this event loop cannot wait for a pipe.
            OSError: If this system cannot; `BlockingIOError` if another thread waits in `get`.
        """
        self._lock = queue._rlock
        self._count = queue._sem
        self._fd = os.dup(queue._reader.fileno())  # stays valid if the queue is closed
        self._on_pickled = on_pickled
        self._on_gone = on_gone
        self._read = bytearray()
        self._loop = asyncio.get_running_loop()
        if not self._lock.acquire(block=False):
            os.close(self._fd)
            raise BlockingIOError("somebody else reads this queue")
        try:
            self._loop.add_reader(self._fd, self._on_readable)
        except (NotImplementedError, OSError):
            self._lock.release()  # or the thread that reads instead would wait for it for ever
            os.close(self._fd)
            raise

    def close(self) -> None:
        """Stop reading."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._lock.release()

    def _on_readable(self) -> None:
        try:
            read = os.read(self._fd, READ_BYTES)
            if not read:
                raise EOFError("it was closed at the other end")
        except (EOFError, OSError) as error:
            self._loop.remove_reader(self._fd)
            self._on_gone(error)
            return
        self._read += read
        if pickled := _take_complete(self._read):
            for _ in pickled:
                self._count.release()
            self._on_pickled(pickled)


def read_one(queue: Any) -> bytes:
    """Wait for the next object of a queue, and return it still pickled.

    Raises:
        OSError: If the queue is closed.
        EOFError: If it was closed at the other end.
    """
    with queue._rlock:
        pickled: bytes = queue._reader.recv_bytes()
    queue._sem.release()
    return pickled


def watch_gets(queue: Any, see: Callable[[bytes], None]) -> None:
    """Have a function called with each pickled object before `get` returns the object.

    Args:
        queue: The queue, in the process that reads it.
        see: Called in the thread of `get`, which raises what this raises.
    """
    receive = queue._recv_bytes

    def receive_and_show(*args: Any) -> bytes:
        pickled: bytes = receive(*args)
        see(pickled)
        return pickled

    queue._obj._recv_bytes = receive_and_show


def _close(queue: Any) -> None:
    queue.cancel_join_thread()  # unread objects must not keep the process from ending
    queue.close()


def _header(length: int) -> bytes:
    if length <= _LONGEST:
        return _LENGTH.pack(length)
    return _LENGTH.pack(-1) + _GREAT_LENGTH.pack(length)


def _take_complete(read: bytearray) -> list[bytes]:
    """Remove and return the objects that have arrived completely."""
    complete = []
    position, end = 0, len(read)
    while end - position >= _LENGTH.size:
        (length,) = _LENGTH.unpack_from(read, position)
        start = position + _LENGTH.size
        if length < 0:
            if end - start < _GREAT_LENGTH.size:
                break
            (length,) = _GREAT_LENGTH.unpack_from(read, start)
            start += _GREAT_LENGTH.size
        if end - start < length:
            break
        position = start + length
        complete.append(bytes(read[start:position]))
    del read[:position]
    return complete
