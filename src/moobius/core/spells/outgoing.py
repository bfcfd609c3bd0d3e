"""The sending side of spells: in order, each once, also when the service is restarted.

A queue whose reader was killed cannot be read by another process: the reader died holding its lock.
So every process gets a new queue, and the sender keeps each spell until the reader has taken it.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from multiprocessing.context import BaseContext
from multiprocessing.reduction import ForkingPickler
from typing import Any

from loguru import logger

from moobius.core.spells.queue_ends import WRITE_BYTES, Writer, with_number, writer_of
from moobius.core.stopping.signals import put_off_exit
from moobius.errors import WandError

LOOK_EVERY_S = 1.0
"""How often, in seconds, the writing thread checks whether the queue is still in use."""
BUSY_S = 0.01
"""Seconds that the writing thread waits while the service itself writes to its queue."""
BURST_S = 0.00002
"""Spells that follow each other within so many seconds are written together."""


class Spells:
    """The spells of one service: keeps their order, and loses none when the service is restarted.

    The thread that casts a spell also writes it, as long as the pipe has room. Each write wakes the
    service, so a burst of spells is written several at a time. What is left over, at the end of a
    burst or because the service is slow, is written by a thread, the same for all its processes.

    Attributes:
        queue: The queue of the process that runs now.
        taken: Memory shared with it: the number of the last spell that it has taken.
    """

    def __init__(self, service_name: str) -> None:
        self._service_name = service_name
        self._change = threading.Condition(threading.Lock())
        self._untaken: deque[bytes] = deque()
        self._cast = self._forgotten = 0  # the numbers of the last spells cast, and taken
        self._writer: Writer | None = None
        self._written_at = 0.0
        self._has_rest = False  # whether the writer has something left to write
        self._feeder: threading.Thread | None = None
        self._is_closed = False
        self.queue: Any = None
        self.taken: Any = None

    def put(self, spell: Any) -> None:
        """Send a spell, as it is now; does not block.

        Raises:
            WandError: If it cannot be pickled.
        """
        pickled = pickle_now(spell)
        with put_off_exit(), self._change:  # half a write would make all later ones unreadable
            self._forget_taken()
            self._cast += 1
            pickled = with_number(pickled, self._cast)
            self._untaken.append(pickled)
            if self._writer is not None:
                self._write(self._writer, pickled)

    def renew(self, context: BaseContext) -> None:
        """Make a queue for a new process, with the spells that the one before did not take."""
        from aioprocessing import AioQueue

        with self._change:
            self._drop_queue()
            self.queue = AioQueue(context=context)
            self.taken = context.RawValue("Q", self._forgotten)
            self._writer = writer_of(self.queue)
            for pickled in self._untaken:
                self._writer.add(pickled)

    def open_up(self) -> None:
        """Begin to write: the process has started.

        Not earlier, because it may be forked, and then there should be no threads. The thread that
        is started here stays until `close`: from Python 3.12 on, no other could be started for a
        service that is restarted after the end of its script.
        """
        with self._change:
            if self._feeder is None:
                self._feeder = threading.Thread(
                    target=self._feed, name="moobius spells out", daemon=True
                )
                self._feeder.start()
            if self._writer is not None:
                self._flush(self._writer)

    def note_taken(self, number: int) -> None:
        """Note, for a reader in this process, that all spells up to this one have been taken."""
        if (taken := self.taken) is not None:
            taken.value = number

    def suspend(self) -> None:
        """Keep spells until `renew`: the process has ended."""
        with self._change:
            self._drop_queue()

    def close(self) -> None:
        """Send nothing any more, and log how many spells were not taken."""
        with self._change:
            self._drop_queue()
            self._is_closed = True
            self._change.notify()
            left = len(self._untaken)
            self._untaken.clear()
        if left:
            noun = "spell was" if left == 1 else "spells were"
            logger.warning("{} has ended; {} {} not taken", self._service_name, left, noun)

    def _forget_taken(self) -> None:
        if self.taken is not None:
            taken = self.taken.value  # read once: it may grow at any moment
            while self._untaken and self._forgotten < taken:
                self._untaken.popleft()
                self._forgotten += 1

    def _drop_queue(self) -> None:
        self._forget_taken()
        if self._writer is not None:
            self._writer.close()
        self._writer, self._has_rest = None, False
        self.queue = self.taken = None

    def _write(self, writer: Writer, pickled: bytes) -> None:
        is_alone = time.perf_counter() - self._written_at >= BURST_S
        if writer.add(pickled) >= WRITE_BYTES or is_alone:
            self._flush(writer)
        elif not self._has_rest:
            self._has_rest = True
            self._change.notify()

    def _flush(self, writer: Writer, patience: float = 0.0) -> None:
        self._has_rest = not writer.flush(patience)
        self._written_at = time.perf_counter()
        if self._has_rest:
            self._change.notify()

    def _feed(self) -> None:
        """In a thread: write what is left over, whenever the pipe has room again."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._has_rest or self._is_closed)
                if self._is_closed:
                    return
                writer = self._writer
            assert writer is not None
            writer.wait(LOOK_EVERY_S)
            with self._change:
                if writer is self._writer:
                    self._flush(writer, BUSY_S)


_idle_picklers: list[tuple[io.BytesIO, ForkingPickler]] = []


def pickle_now(spell: Any) -> bytes:
    """Pickle as a queue does, but at once, and with a pickler that is used again.

    Raises:
        WandError: If it cannot be pickled.
    """
    try:
        file, pickler = _idle_picklers.pop()
    except IndexError:  # none yet, or all in use by other threads
        file = io.BytesIO()
        pickler = ForkingPickler(file)
    try:
        pickler.dump(spell)
    except Exception as error:
        raise WandError(f"this spell cannot travel: {error}") from error
    pickled = file.getvalue()
    file.seek(0)
    file.truncate()
    pickler.clear_memo()
    _idle_picklers.append((file, pickler))
    return pickled
