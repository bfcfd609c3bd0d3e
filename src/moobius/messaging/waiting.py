"""Waiting for something to become so, in asyncio."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any


class Changes:
    """Lets coroutines wait for a condition; who changes something says so."""

    def __init__(self) -> None:
        self._watchers: list[asyncio.Future[None]] = []

    def happened(self) -> None:
        """Let those who wait look again."""
        if not self._watchers:
            return
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Return when the condition holds."""
        while not is_so():
            watcher = asyncio.get_running_loop().create_future()
            self._watchers.append(watcher)
            await watcher


async def within(seconds: float, happens: Coroutine[Any, Any, None]) -> None:
    """Wait for something that long, and no longer."""
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(happens, seconds)
