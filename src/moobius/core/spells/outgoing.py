"""Spells on their way to a service in another process, and what becomes of them when that ends.

A queue whose reader was killed cannot be read by anybody else: it died holding the lock. So every
process gets a queue of its own, and the sender keeps each spell until the reader has taken it.
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
"""Seconds after which the thread has a look whether there is still somebody to write to."""
BUSY_S = 0.01
"""Seconds the thread waits for the service itself, which may be putting something on its queue."""
BURST_S = 0.00002
"""Spells that follow each other as closely as this are written together."""


class Spells:
    """The sender's side: keeps order, and loses nothing when a service is started again.

    Who casts a spell writes it, as long as there is room on the way; each write wakes the service,
    so a burst of spells is written in pieces of several. What is left over then, the end of a burst
    or what a service does not keep up with, is written by a thread, the same for all its processes.

    Attributes:
        queue: For the process that runs now.
        taken: Shared with it: the number of the last spell that it has taken.
    """

    def __init__(self, service_name: str) -> None:
        self._service_name = service_name
        self._change = threading.Condition(threading.Lock())
        self._untaken: deque[bytes] = deque()
        self._cast = self._forgotten = 0  # the numbers of the last ones
        self._writer: Writer | None = None
        self._written_at = 0.0
        self._is_behind = False  # the writer has something left
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
        with put_off_exit(), self._change:  # half a write would garble all that comes after it
            self._forget_taken()
            self._cast += 1
            pickled = with_number(pickled, self._cast)
            self._untaken.append(pickled)
            if self._writer is not None:
                self._write(self._writer, pickled)

    def renew(self, context: BaseContext) -> None:
        """Make a queue for a new process, with what the one before did not take."""
        from aioprocessing import AioQueue

        with self._change:
            self._let_go()
            self.queue = AioQueue(context=context)
            self.taken = context.RawValue("Q", self._forgotten)
            self._writer = writer_of(self.queue)
            for pickled in self._untaken:
                self._writer.add(pickled)

    def open_up(self) -> None:
        """Let what waits go its way: the process is there.

        Not before, because a fork had better have no threads. The thread that begins here stays
        until `close`: Python 3.12 could not start another for a service that is started again when
        its script has ended.
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
        """Do what the reader does: all spells up to this one are the service's now."""
        if (taken := self.taken) is not None:
            taken.value = number

    def suspend(self) -> None:
        """Keep what is sent from now on until `renew`: the process has ended."""
        with self._change:
            self._let_go()

    def close(self) -> None:
        """Send nothing any more, and log how many were sent in vain."""
        with self._change:
            self._let_go()
            self._is_closed = True
            self._change.notify()
            left = len(self._untaken)
            self._untaken.clear()
        if left:
            noun = "spell was" if left == 1 else "spells were"
            logger.warning("{} has ended; {} {} not taken", self._service_name, left, noun)

    def _forget_taken(self) -> None:
        if self.taken is not None:
            taken = self.taken.value  # may grow at any moment
            while self._untaken and self._forgotten < taken:
                self._untaken.popleft()
                self._forgotten += 1

    def _let_go(self) -> None:
        self._forget_taken()
        if self._writer is not None:
            self._writer.close()
        self._writer, self._is_behind = None, False
        self.queue = self.taken = None

    def _write(self, writer: Writer, pickled: bytes) -> None:
        is_alone = time.perf_counter() - self._written_at >= BURST_S
        if writer.add(pickled) >= WRITE_BYTES or is_alone:
            self._flush(writer)
        elif not self._is_behind:
            self._is_behind = True
            self._change.notify()

    def _flush(self, writer: Writer, patience: float = 0.0) -> None:
        self._is_behind = not writer.flush(patience)
        self._written_at = time.perf_counter()
        if self._is_behind:
            self._change.notify()

    def _feed(self) -> None:
        """Write what is left over whenever there is room again."""
        while True:
            with self._change:
                self._change.wait_for(lambda: self._is_behind or self._is_closed)
                if self._is_closed:
                    return
                writer = self._writer
            assert writer is not None
            writer.wait(LOOK_EVERY_S)
            with self._change:
                if writer is self._writer:
                    self._flush(writer, BUSY_S)


_idle: list[tuple[io.BytesIO, ForkingPickler]] = []


def pickle_now(spell: Any) -> bytes:
    """Pickle as a queue does, but at once, and with what that needs kept for the next time.

    Raises:
        WandError: If it cannot be pickled.
    """
    try:
        file, pickler = _idle.pop()
    except IndexError:  # the first, or one thread casts while another does
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
    _idle.append((file, pickler))
    return pickled
