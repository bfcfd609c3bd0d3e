"""A service's ear: hands each spell to `on_spell`, in order."""

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

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

BREATHE_EVERY = 64
"""Spells in a row after which the rest of the service gets a turn, if `on_spell` never waits."""


class StopListening:
    """What ends a service's loop over spells; put on its queue by the service itself.

    Whoever waits for the queue in a loop of its own does not get to see it: there it ends as by
    cancellation, and so does the loop.
    """


_STOP = bytes(ForkingPickler.dumps(StopListening()))


async def listen(service: Moobius) -> None:
    """Call `on_spell` with each spell until told to stop; what it raises is logged, no more.

    Raises:
        OSError: If the queue itself is gone.
    """
    with contextlib.closing(_Ear(service.queue)) as ear:
        count = 0
        while (pickled := await ear.next()) != _STOP:
            await _hear(service, pickled)
            count += 1
            if count % BREATHE_EVERY == 0:
                await asyncio.sleep(0)


def attend(service: Moobius) -> None:
    """See to it that what a loop of its own gets from the queue counts as taken too."""

    def see(pickled: bytes) -> None:
        if pickled == _STOP:
            raise asyncio.CancelledError
        _count(service, pickled)

    watch_gets(service.queue, see)


def _count(service: Moobius, pickled: bytes) -> None:
    number = number_of(pickled)
    if number and service._spell_taken is not None:
        service._spell_taken(number)


async def _hear(service: Moobius, pickled: bytes) -> None:
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


class _Ear:
    """Waits at the queue: in the event loop where that can, otherwise in a thread of its own."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._heard: deque[bytes | _Gone] = deque()
        self._wake = asyncio.Event()
        self._reader: LoopReader | None = None
        try:
            self._reader = LoopReader(queue, self._hear, self._lose)
        except (NotImplementedError, OSError):
            threading.Thread(target=self._wait_and_read, name="moobius spells", daemon=True).start()

    async def next(self) -> bytes:
        """Return the next spell, still pickled."""
        while not self._heard:
            self._wake.clear()
            await self._wake.wait()
        heard = self._heard.popleft()
        if isinstance(heard, _Gone):
            raise heard.error
        return heard

    def close(self) -> None:
        """Listen no more."""
        if self._reader is not None:
            self._reader.close()

    def _hear(self, heard: Iterable[bytes | _Gone]) -> None:
        self._heard.extend(heard)
        self._wake.set()

    def _lose(self, error: Exception) -> None:
        self._hear([_Gone(OSError(f"the queue of spells is gone: {error}"))])

    def _wait_and_read(self) -> None:
        pickled = b""
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            while pickled != _STOP:
                try:
                    pickled = read_one(self._queue)
                except (EOFError, OSError) as error:
                    self._loop.call_soon_threadsafe(self._lose, error)
                    return
                self._loop.call_soon_threadsafe(self._hear, [pickled])


class _Gone:
    def __init__(self, error: OSError) -> None:
        self.error = error
