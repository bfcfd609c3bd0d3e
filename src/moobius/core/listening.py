"""A service's ear: hands each spell to `on_spell`, in order."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius.core.contain import contain

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

BREATHE_EVERY = 64
"""Spells in a row after which the rest of the service gets a turn, if `on_spell` never waits."""


class Nothing:
    """Put on a queue to no other end than that something is; no spell."""


class StopListening:
    """What ends a service's loop over spells; put on its queue by the service itself."""


async def listen(service: Moobius) -> None:
    """Call `on_spell` with each spell until told to stop; what it raises is logged, no more.

    Raises:
        OSError: If the queue itself is gone.
    """
    ear = _Ear(service.queue)
    count = 0
    while not isinstance(spell := await ear.next(), StopListening):
        if service._spell_taken is not None:
            service._spell_taken()
        try:
            await service.on_spell(spell)
        except Exception as error:
            logger.opt(exception=error).error(
                "{} raised in on_spell: {}", type(error).__name__, error
            )
            await contain("on_error", service.on_error, "on_spell", spell, error)
        count += 1
        if count % BREATHE_EVERY == 0:
            await asyncio.sleep(0)


class _Ear:
    """Waits at the queue in a thread of its own; a burst of spells wakes the loop once."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self._loop = asyncio.get_running_loop()
        self._heard: deque[Any] = deque()
        self._wake = asyncio.Event()
        threading.Thread(target=self._read, name="moobius spells", daemon=True).start()

    async def next(self) -> Any:
        while not self._heard:
            self._wake.clear()
            if not self._heard:  # the thread may have been quicker than `clear`
                await self._wake.wait()
        spell = self._heard.popleft()
        if isinstance(spell, _Gone):
            raise spell.error
        return spell

    def _read(self) -> None:
        while True:
            try:
                spell = self._queue.get()
            except (EOFError, OSError) as error:
                spell = _Gone(OSError(f"the queue of spells is gone: {error}"))
            except Exception as error:
                logger.opt(exception=error).error(
                    "a spell could not be read: {}: {}", type(error).__name__, error
                )
                continue
            if isinstance(spell, Nothing):
                continue
            self._hear(spell)
            if isinstance(spell, (StopListening, _Gone)):
                return

    def _hear(self, spell: Any) -> None:
        self._heard.append(spell)
        if not self._wake.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                self._loop.call_soon_threadsafe(self._wake.set)


class _Gone:
    def __init__(self, error: OSError) -> None:
        self.error = error
