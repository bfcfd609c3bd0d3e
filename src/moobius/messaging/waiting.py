"""Waiting for a condition, in asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any


class Changes:
    """Lets coroutines wait for a condition. Whoever changes something calls `happened`."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Future[None], None] = {}  # a set that keeps the order

    def happened(self) -> None:
        """Have all coroutines that wait check their condition again."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, {}
        for change in waiting:
            if not change.done():
                change.set_result(None)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when the condition holds."""
        while not is_so():
            change = asyncio.get_running_loop().create_future()
            self._waiting[change] = None
            try:
                await change
            finally:
                self._waiting.pop(change, None)


async def within(seconds: float, happens: Coroutine[Any, Any, None]) -> None:
    """Wait for something for so many seconds at most, and cancel it then."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(happens, seconds)
