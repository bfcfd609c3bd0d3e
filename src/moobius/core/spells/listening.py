"""How a service receives spells: each is read from its queue and handed to `on_spell`, in order."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import threading
from collections import deque
from collections.abc import Iterable
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius.core.contain import contain
from moobius.core.spells.queue_ends import LoopReader, number_of, read_one, watch_gets
from moobius.core.stopping.signals import interrupted

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

BREATHE_EVERY = 64
"""After so many spells in a row other tasks get a turn, even if `on_spell` never waits."""


class StopListening:
    """Ends the loop over spells; the service puts it on its own queue when it stops.

    A service with a `listen_loop` of its own does not get this object: its `get` raises
    `CancelledError` instead, which ends that loop too.
    """


_STOP = bytes(ForkingPickler.dumps(StopListening()))


async def listen(service: Moobius) -> None:
    """Call `on_spell` with each spell until told to stop; what it raises is logged, no more.

    Raises:
        OSError: If the queue itself is gone.
    """
    with contextlib.closing(_Receiver(service.queue)) as receiver:
        while True:
            handling = asyncio.create_task(_handle_all(service, receiver), name="on_spell")
            try:
                await asyncio.wait({handling})
            finally:
                handling.cancel()
                await asyncio.wait({handling})
            if not handling.cancelled():
                if isinstance(error := handling.exception(), Exception):
                    raise error
                return  # `SystemExit` has gone through the loop already; twice, it ends the end
            if interrupted.is_set():
                return  # it blocked the loop of a program that is to end; the next would again
            # Nobody stops us, or `wait` had raised: on_spell waited for a task that was cancelled.
            logger.error("on_spell was cancelled: it waited for something that was")


def count_direct_gets(service: Moobius) -> None:
    """Count as taken also the spells that a `listen_loop` of the service's own reads itself.

    In such a loop `StopListening` arrives as `CancelledError`.
    """

    def see(pickled: bytes) -> None:
        if pickled == _STOP:
            raise asyncio.CancelledError
        _count(service, pickled)

    watch_gets(service.queue, see)


async def _handle_all(service: Moobius, receiver: _Receiver) -> None:
    count = 0
    while (pickled := await receiver.next()) != _STOP:
        await _handle(service, pickled)
        count += 1
        if count % BREATHE_EVERY == 0:
            await asyncio.sleep(0)


def _count(service: Moobius, pickled: bytes) -> None:
    number = number_of(pickled)
    if number and service._spell_taken is not None:
        service._spell_taken(number)


async def _handle(service: Moobius, pickled: bytes) -> None:
    _count(service, pickled)
    try:
        spell = pickle.loads(pickled)
    except Exception as error:
        logger.opt(exception=error).error(
            "a spell could not be read: {}: {}", type(error).__name__, error
        )
        return
    try:
        await service.on_spell(spell)
    except Exception as error:
        logger.opt(exception=error).error("{} raised in on_spell: {}", type(error).__name__, error)
        await contain("on_error", service.on_error, "on_spell", spell, error)


class _Receiver:
    """Reads the queue: in the event loop where that is possible, otherwise in a thread."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._received: deque[bytes | OSError] = deque()
        self._wake = asyncio.Event()
        self._reader: LoopReader | None = None
        try:
            self._reader = LoopReader(queue, self._receive, self._lose)
        except (NotImplementedError, OSError):
            reading = threading.Thread(
                target=self._read_in_thread, name="moobius spells", daemon=True
            )
            reading.start()

    async def next(self) -> bytes:
        """Return the next spell, still pickled.

        Raises:
            OSError: If the queue is gone.
        """
        while not self._received:
            self._wake.clear()
            await self._wake.wait()
        pickled = self._received.popleft()
        if isinstance(pickled, OSError):
            raise pickled
        return pickled

    def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            self._reader.close()

    def _receive(self, pickled: Iterable[bytes | OSError]) -> None:
        self._received.extend(pickled)
        self._wake.set()

    def _lose(self, error: Exception) -> None:
        self._receive([OSError(f"the queue of spells is gone: {error}")])

    def _read_in_thread(self) -> None:
        pickled = b""
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            while pickled != _STOP:
                try:
                    pickled = read_one(self._queue)
                except (EOFError, OSError) as error:
                    self._loop.call_soon_threadsafe(self._lose, error)
                    return
                self._loop.call_soon_threadsafe(self._receive, [pickled])
