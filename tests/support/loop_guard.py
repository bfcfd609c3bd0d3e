"""Noticing what blocks the event loop, and where it does."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_LOOK_AGAIN_S = 0.1


class LoopGuard:
    """A thread that asks the loop for a sign of life, and looks what it does when there is none.

    Attributes:
        stacks: Where our code was found to hold up the loop. A machine that is busy elsewhere holds
            up everything, so only our code counts; and only if this thread, unlike the loop's, has
            had many turns meanwhile.
    """

    def __init__(self, limit: float) -> None:
        self.stacks: list[str] = []
        self._looks = round(limit / _LOOK_AGAIN_S)
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        self._is_over.set()
        await asyncio.to_thread(self._thread.join)

    def _watch(self) -> None:
        while not self._is_over.is_set():
            sign = threading.Event()
            self._loop.call_soon_threadsafe(sign.set)
            if not any(sign.wait(_LOOK_AGAIN_S) for _ in range(self._looks)):
                stack = "".join(traceback.format_stack(sys._current_frames()[self._loop_thread]))
                if "/moobius/database/" in stack:
                    self.stacks.append(stack)
                sign.wait()
            time.sleep(0.002)


@asynccontextmanager
async def unblocked_loop(limit: float = 2.0) -> AsyncIterator[LoopGuard]:
    """Fail if storage holds up the event loop for longer than `limit` seconds.

    What it would wait for must take much longer than that.
    """
    guard = LoopGuard(limit)
    guard.start()
    try:
        yield guard
    finally:
        await guard.stop()
    assert not guard.stacks, f"the event loop was blocked:\n{guard.stacks[0]}"
