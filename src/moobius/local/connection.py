"""One WebSocket: frames out in order through a bounded queue, frames in to its session."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

from aiohttp import WSMsgType, web
from loguru import logger

from moobius.local.engine import Engine
from moobius.local.hub import Hub
from moobius.local.options import Limits
from moobius.local.session import Session

TOO_BIG = 1009
TRY_AGAIN_LATER = 1013
IDLE = 1001


class _Close(NamedTuple):
    code: int
    reason: str


class Connection:
    """The sending half: one task writes, everybody else only queues."""

    def __init__(self, socket: web.WebSocketResponse, request: web.Request, limits: Limits) -> None:
        self._socket = socket
        self._transport = request.transport
        self._limits = limits
        self._queue: deque[str | _Close] = deque()
        self._queued_bytes = 0
        self._work = asyncio.Event()
        self._open = True

    def send(self, text: str) -> None:
        """Queue a frame; a reader too slow for the queue loses its connection."""
        if not self._open:
            return
        self._queue.append(text)
        self._queued_bytes += len(text)
        self._work.set()
        limits = self._limits
        if len(self._queue) > limits.outbox_frames or self._queued_bytes > limits.outbox_bytes:
            logger.warning("a client reads too slowly, {} frames wait: cut off", len(self._queue))
            self.cut()

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close; nothing more can be queued."""
        if self._open:
            self._open = False
            self._queue.append(_Close(code, reason))
            self._work.set()

    def cut(self) -> None:
        """Break the connection without a word."""
        self._open = False
        self._queue.clear()
        self._work.set()
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Write what is queued, in order, until closed."""
        while self._queue or self._open:
            if not self._queue:
                self._work.clear()
                await self._work.wait()
                continue
            item = self._queue.popleft()
            if isinstance(item, _Close):
                await self._socket.close(code=item.code, message=item.reason.encode())
                return
            self._queued_bytes -= len(item)
            await self._socket.send_str(item)


async def serve_socket(
    request: web.Request, engine: Engine, hub: Hub, limits: Limits
) -> web.WebSocketResponse:
    """Upgrade a request and talk until either side is done."""
    socket = web.WebSocketResponse(max_msg_size=limits.frame_cap_bytes, compress=False, timeout=2.0)
    await socket.prepare(request)
    connection = Connection(socket, request, limits)
    session = Session(engine, hub, connection, limits)
    hub.add(connection)
    writer = asyncio.create_task(_write(connection), name="socket writer")
    try:
        await _read(socket, connection, session, limits)
    finally:
        hub.remove(connection)
        connection.close(1000, "")
        await asyncio.wait([writer], timeout=2.0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    return socket


async def _write(connection: Connection) -> None:
    try:
        await connection.write()
    except (ConnectionError, RuntimeError) as error:
        logger.debug("a client left while it was written to: {}", error)


async def _read(
    socket: web.WebSocketResponse, connection: Connection, session: Session, limits: Limits
) -> None:
    while not socket.closed:
        try:
            message = await socket.receive(timeout=limits.idle_seconds)
        except asyncio.TimeoutError:
            connection.close(IDLE, "idle for too long")
            return
        if message.type is WSMsgType.TEXT:
            if _too_big(message.data, limits.frame_bytes):
                connection.close(TOO_BIG, f"a message may have {limits.frame_bytes} bytes")
                return
            await session.receive(message.data)
        elif message.type is WSMsgType.BINARY:
            session.unreadable()
        else:  # closing, closed or broken
            return


def _too_big(text: str, limit: int) -> bool:
    return len(text) > limit or (4 * len(text) > limit and len(text.encode()) > limit)
