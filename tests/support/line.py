"""A WebSocket that may die at any moment: whoever asked on it hears that, and asks again later."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

from tests.support.patience import PATIENCE

Frame = dict[str, Any]


class Line:
    """A connection on which frames are asked and answered.

    Args:
        socket: The connection.
        on_frame: Given every frame that is no answer.
        on_answer: Called at every answer.
    """

    def __init__(
        self,
        socket: aiohttp.ClientWebSocketResponse[bool],
        on_frame: Callable[[Frame], None] = lambda frame: None,
        on_answer: Callable[[], None] = lambda: None,
    ) -> None:
        self._socket = socket
        self._on_frame = on_frame
        self._on_answer = on_answer
        self._asked: dict[str, asyncio.Future[Frame | None]] = {}
        self._reader = asyncio.create_task(self._read())

    async def ask(self, frame: Frame) -> Frame | None:
        """Send a frame; return the body of its `copy`, or None if the connection died before."""
        if self._reader.done():
            return None
        answer: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._asked[frame["request_id"]] = answer
        try:
            await self._socket.send_json(frame)
        except (aiohttp.ClientError, ConnectionError):
            return None
        return await asyncio.wait_for(answer, PATIENCE)

    async def _read(self) -> None:
        async for message in self._socket:
            frame = message.json()
            if frame.get("type") != "copy":
                self._on_frame(frame)
                continue
            asked = self._asked.pop(frame["body"]["request_id"], None)
            if asked is not None:
                asked.set_result(frame["body"])
                self._on_answer()
        for asked in self._asked.values():
            asked.set_result(None)

    async def gone(self) -> None:
        """Wait until the connection is over."""
        await asyncio.wait_for(self._reader, PATIENCE)
        await self._socket.close()
