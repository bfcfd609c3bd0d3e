"""Incoming frames that were read and wait for the app, which gets one at a time, in order.

When too many wait, reading pauses, so that the other side notices and sends no more.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from moobius import types
from moobius.network.frame_reader import Inbound


class Intake:
    """The incoming half of one run of a client, over all its connections.

    Args:
        read_ahead: How many frames may wait, besides acknowledgements, before reading pauses.
        is_awaited: Whether somebody waits for answers; then reading does not pause.
    """

    def __init__(self, read_ahead: int, is_awaited: Callable[[], bool]) -> None:
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.was_paused = False
        """Whether reading has paused since the keep-alive task last reset this."""
        self._read_ahead = read_ahead
        self._is_awaited = is_awaited
        self._waiting: deque[tuple[str, Inbound]] = deque()
        self._events = 0
        self._to_hand_over = asyncio.Event()
        self._handed_over = asyncio.Event()
        self._handed_over.set()

    def put(self, text: str, frame: Inbound) -> None:
        """Queue a frame for the app, with its text."""
        self._events += frame.type != types.COPY
        self._waiting.append((text, frame))
        self._to_hand_over.set()
        self._handed_over.clear()
        self.decide()

    def decide(self) -> None:
        """Decide whether reading pauses or continues."""
        if self._events < self._read_ahead or self._is_awaited():
            self.may_read.set()
        else:
            self.may_read.clear()
            self.was_paused = True

    async def hand_over(self, handle: Callable[[str, Inbound], Awaitable[None]]) -> None:
        """Hand each frame to the app, for ever."""
        while True:
            await self._to_hand_over.wait()
            while self._waiting:
                text, frame = self._waiting.popleft()
                if frame.type != types.COPY:
                    self._events -= 1
                    self.decide()
                await handle(text, frame)
            self._to_hand_over.clear()
            self._handed_over.set()

    async def handed_over(self) -> None:
        """Wait until the app has received all frames that were read."""
        await self._handed_over.wait()
