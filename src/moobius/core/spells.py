"""Spells on their way to a service in another process, and what becomes of them when that ends.

A queue whose reader was killed cannot be read by anybody else: it died holding the lock. So every
process gets a queue of its own, and the sender keeps each spell until the reader has taken it.
"""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections import deque
from multiprocessing.context import BaseContext
from multiprocessing.reduction import ForkingPickler
from typing import Any

from moobius.core.listening import Nothing
from moobius.errors import WandError


class Spells:
    """The sender's side: keeps order, and loses nothing when a service is started again.

    Attributes:
        queue: For the process that runs now.
        taken: Shared with it: how many spells it has taken from that queue.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[Any] = deque()
        self._known_taken = 0
        self.queue: Any = None
        self.taken: Any = None

    def put(self, spell: Any) -> None:
        """Send a spell; does not block.

        Raises:
            WandError: If it cannot be pickled.
        """
        check_travels(spell)
        with self._lock:
            self._forget_taken()
            if self.queue is not None:
                _put(self.queue, spell)
            self._waiting.append(spell)

    def renew(self, context: BaseContext) -> None:
        """Make a queue for a new process, with what the one before did not take."""
        from aioprocessing import AioQueue

        with self._lock:
            self._forget_taken()
            self._let_go()
            self.queue = AioQueue(context=context)
            self.taken = context.RawValue("Q", 0)
            self._known_taken = 0
            for spell in self._waiting:
                self.queue.put(spell)

    def open_up(self) -> None:
        """Let the queue start its thread, which it does with the first thing that is put on it.

        Not before the process is there, because a fork had better have no threads; and not with the
        first spell, which may come when it is too late to start any (see `_put`).
        """
        with self._lock:
            if self.queue is not None:
                with contextlib.suppress(WandError):  # which the first spell will say
                    _put(self.queue, Nothing())

    def suspend(self) -> None:
        """Keep what is sent from now on until `renew`: the process has ended."""
        with self._lock:
            self._forget_taken()
            self._let_go()
            self.queue = self.taken = None

    def _forget_taken(self) -> None:
        if self.taken is not None:
            for _ in range(self.taken.value - self._known_taken):
                self._waiting.popleft()
            self._known_taken = self.taken.value

    def _let_go(self) -> None:
        if self.queue is not None:
            self.queue.cancel_join_thread()  # what nobody takes must not keep us from ending
            self.queue.close()


def _put(queue: Any, item: Any) -> None:
    try:
        queue.put(item)
    except RuntimeError as error:
        # From Python 3.12 on nothing can start a thread any more once the script itself has ended,
        # as the queue of a process that is started again then has to.
        raise WandError(
            f"a service that was started again after the end of its script hears no spells "
            f"({error}); end the script with wand.join()"
        ) from error


def check_travels(spell: Any) -> None:
    """Find out now what a queue would find out too late to tell us.

    Raises:
        WandError: If the object cannot be pickled.
    """
    # What `pickle` can do, the queue's own kind can; and `pickle` is much quicker to begin.
    with contextlib.suppress(Exception):
        pickle.dumps(spell, pickle.HIGHEST_PROTOCOL)
        return
    try:
        ForkingPickler.dumps(spell)
    except Exception as error:
        raise WandError(f"this spell cannot travel: {error}") from error
