"""The two ends of an `aioprocessing.AioQueue`, without the threads that it would need.

Such a queue is a pipe, and before each pickled object goes its length. `put` leaves it to a thread
to pickle the object and write it; `get` blocks, so that an event loop has to have a thread wait
there; and handing over from one thread to another costs more than all the rest. Here an end is
written and read directly. What is written can also be had with `get`, and what was `put` is read
here too: the queue is the same, only the way there is shorter.

What a wand sends has a number behind it, where who unpickles does not look, so that a service which
puts something on its own queue is not taken for its wand.

This is the one place that knows what a queue of the standard library is made of.
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
"""A longer object has -1 for its length, and the length itself after that."""

READ_BYTES = 1 << 16
WRITE_BYTES: int = getattr(select, "PIPE_BUF", 512)
"""A pipe that is ready takes so many bytes without blocking; nobody promises more."""
WRITES = 16
"""In one go, so that nobody who casts a spell has to write all that others have left."""
BATCH_BYTES = 1 << 16
"""So much of what waits is put together at a time, so that one write carries many."""


_NUMBER = struct.Struct("!QB")
_NO_PICKLE = 0
"""The last byte of what has a number; every pickle ends with a full stop."""


def with_number(pickled: bytes, number: int) -> bytes:
    """Return what is still the same object, for whoever unpickles it, and has a number."""
    return pickled + _NUMBER.pack(number, _NO_PICKLE)


def number_of(pickled: bytes) -> int:
    """Return the number that a pickled object has; 0 for none."""
    if not pickled or pickled[-1] != _NO_PICKLE:
        return 0
    number: int = _NUMBER.unpack_from(pickled, len(pickled) - _NUMBER.size)[0]
    return number


class Writer(Protocol):
    """Puts pickled objects on a queue; only one thread at a time may use it."""

    def add(self, pickled: bytes) -> int:
        """Let one more wait for `flush`; return how many bytes do, besides a batch begun."""

    def flush(self, patience: float = 0.0) -> bool:
        """Write what the pipe takes now, up to a bound; return whether that was all.

        Args:
            patience: Seconds to wait for another process that writes just then.
        """

    def wait(self, seconds: float) -> None:
        """Wait until the pipe may take more, as long as this; here any thread may."""

    def close(self) -> None:
        """Let go of the queue; what is left is not written."""


def writer_of(queue: Any) -> Writer:
    """Return what writes to a queue without waiting for its reader."""
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
        self._batch = memoryview(b"")  # one begun: the lock is ours until it is written

    def add(self, pickled: bytes) -> int:
        """Let one more wait for `flush`; return how many bytes do, besides a batch begun."""
        self._waiting.append(pickled)
        self._size += len(pickled)
        return self._size

    def flush(self, patience: float = 0.0) -> bool:
        """Write what the pipe takes now, up to a bound; return whether that was all."""
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
        """Wait until the pipe may take more, as long as this."""
        poll = select.poll()  # its own: no two threads may use the same
        poll.register(self._fd, select.POLLOUT)
        poll.poll(seconds * 1000)

    def close(self) -> None:
        """Let go of the queue; what is left is not written."""
        _close(self._queue)
        if self._queue._thread is None:  # or it does so itself, after what it still writes
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
            self._count.acquire(block=False)  # which `get` gives back
            parts += (_header(len(pickled)), pickled)
            size += len(pickled)
        self._size -= size
        return memoryview(b"".join(parts))


class PuttingWriter:
    """Writes by the queue's own thread, where a pipe does not tell whether there is room."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._send_bytes = queue._send_bytes
        queue._obj._send_bytes = self._send_once_pickled

    def add(self, pickled: bytes) -> int:
        """Put it on the queue; nothing is left to do.

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
        """Do nothing: the queue sees to it."""
        return True

    def wait(self, seconds: float) -> None:
        """Do nothing: nothing is ever left."""

    def close(self) -> None:
        """Let go of the queue."""
        _close(self._queue)

    def _send_once_pickled(self, pickled: memoryview | bytes) -> None:
        # The queue's thread pickles all that it is given, and that would hide the number.
        if _Pickled.__name__.encode() in bytes(pickled[:_NAMED_WITHIN]):
            found = pickle.loads(pickled)
            pickled = found if isinstance(found, _Pickled) else pickled
        self._send_bytes(pickled)


class _Pickled(bytes):
    """What needs no more pickling."""


_NAMED_WITHIN = 100
"""So many bytes of a pickle say of which class it is."""


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
            on_pickled: Called in the loop with the objects that have come, still pickled.
            on_gone: Called when nothing can come any more.

        Raises:
            NotImplementedError: If this event loop cannot wait for a pipe.
            OSError: If this system cannot; a `BlockingIOError`, if somebody is waiting in `get`.
        """
        self._lock = queue._rlock
        self._count = queue._sem
        self._fd = os.dup(queue._reader.fileno())  # stays ours if somebody closes the queue
        self._on_pickled = on_pickled
        self._on_gone = on_gone
        self._read = bytearray()
        self._loop = asyncio.get_running_loop()
        if not self._lock.acquire(block=False):
            os.close(self._fd)
            raise BlockingIOError("somebody else reads this queue")
        try:
            self._loop.add_reader(self._fd, self._on_readable)
        except NotImplementedError:
            self._lock.release()
            os.close(self._fd)
            raise

    def close(self) -> None:
        """Read no more."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._lock.release()

    def _on_readable(self) -> None:
        try:
            read = os.read(self._fd, READ_BYTES)
            if not read:
                raise EOFError("nobody can write to it any more")
        except (EOFError, OSError) as error:
            self._loop.remove_reader(self._fd)
            self._on_gone(error)
            return
        self._read += read
        if pickled := _take_whole(self._read):
            for _ in pickled:
                self._count.release()
            self._on_pickled(pickled)


def read_one(queue: Any) -> bytes:
    """Wait for the next object of a queue, and return it still pickled.

    Raises:
        OSError: If the queue is closed.
        EOFError: If nobody can write to it any more.
    """
    with queue._rlock:
        pickled: bytes = queue._reader.recv_bytes()
    queue._sem.release()
    return pickled


def watch_gets(queue: Any, see: Callable[[bytes], None]) -> None:
    """Have what `get` is about to return, still pickled, be seen before; `get` raises what it does.

    Args:
        queue: The queue, at the end where it is read.
        see: Called in the thread of `get`.
    """
    receive = queue._recv_bytes

    def receive_and_show(*args: Any) -> bytes:
        pickled: bytes = receive(*args)
        see(pickled)
        return pickled

    queue._obj._recv_bytes = receive_and_show


def _close(queue: Any) -> None:
    queue.cancel_join_thread()  # what nobody takes must not keep us from ending
    queue.close()


def _header(length: int) -> bytes:
    if length <= _LONGEST:
        return _LENGTH.pack(length)
    return _LENGTH.pack(-1) + _GREAT_LENGTH.pack(length)


def _take_whole(read: bytearray) -> list[bytes]:
    """Take away and return what has come whole."""
    found = []
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
        found.append(bytes(read[start:position]))
    del read[:position]
    return found
