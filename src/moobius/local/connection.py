"""One WebSocket: frames out in order through a bounded queue, frames in to its session."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from aiohttp import WSMsgType, web
from loguru import logger

from moobius.local import log_lines
from moobius.local.engine import Engine
from moobius.local.faults import Faults
from moobius.local.hub import GOING_AWAY, Hub
from moobius.local.meters import Meters
from moobius.local.options import Limits, PlatformOptions
from moobius.local.session import Session
from moobius.local.speaker import Speaker
from moobius.local.unfinished_frames import UnfinishedFrames, UnfinishedTotal
from moobius.local.wire import dialects
from moobius.local.wire.outbound import Parcel

TOO_BIG = 1009
CLOSING_SECONDS = 5.0  # what is queued may take so long to leave before a close


class _Close(NamedTuple):
    code: int
    reason: str


class Connection:
    """The sending half: one task writes, everybody else only queues."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        speaker: Speaker,
        limits: Limits,
        meters: Meters,
        faults: Faults,
    ) -> None:
        self.speaker = speaker
        self._socket = socket
        self._transport = request.transport
        self._limits = limits
        self._meters = meters
        self._sender = faults.frame_sender(socket.send_str, self.cut)
        self._queue: deque[Parcel | _Close] = deque()
        self._queued_bytes = 0
        self._work = asyncio.Event()
        self._open = True
        self._timer: asyncio.TimerHandle | None = None  # of its life, then of its closing

    def send(self, parcel: Parcel) -> None:
        """Queue a frame; a reader too slow for the queue loses its connection."""
        if not self._open:
            return
        self._queue.append(parcel)
        self._queued_bytes += parcel.size
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
            # A client that does not read would not read the close either.
            self._later(CLOSING_SECONDS, self.cut)

    def limit_life(self) -> None:
        """Let the connection end after its time, as the hosted Platform does (Q30)."""
        if self._limits.connection_seconds:
            self._later(
                self._limits.connection_seconds,
                lambda: self.close(GOING_AWAY, "connected for too long"),
            )

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, action)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def cut(self) -> None:
        """Break the connection without a word."""
        self._open = False
        self._queue.clear()
        self._work.set()
        if self._transport is not None:
            self._transport.abort()

    async def write(self) -> None:
        """Write what is queued, in order, until closed."""
        try:
            await self._write_all()
        finally:
            self._cancel_timer()

    async def _write_all(self) -> None:
        while self._queue or self._open:
            if not self._queue:
                self._work.clear()
                await self._work.wait()
                continue
            item = self._queue.popleft()
            if isinstance(item, _Close):
                await self._sender.finish()
                await self._socket.close(code=item.code, message=item.reason.encode())
                return
            self._queued_bytes -= item.size
            await self._sender.send(item.text)
            self._meters.frame_out(item.frame.get("type", "error"), item.size)
            log_lines.frame_out(self.speaker, item)


async def serve_socket(
    request: web.Request,
    engine: Engine,
    hub: Hub,
    options: PlatformOptions,
    meters: Meters,
    faults: Faults,
    unfinished_total: UnfinishedTotal,
) -> web.WebSocketResponse:
    """Upgrade a request to a WebSocket, and serve it until either side closes."""
    limits = options.limits
    socket = web.WebSocketResponse(
        max_msg_size=limits.frame_cap_bytes, compress=False, timeout=2.0, autoping=False
    )
    await socket.prepare(request)
    connection = Connection(socket, request, _speaker(request), limits, meters, faults)
    unfinished = _count_unfinished(request, connection.speaker, limits, unfinished_total)
    session = Session(engine, hub, connection, options, meters, faults)
    hub.add(connection)
    hub.send_strangers_away(limits.strangers)
    connection.limit_life()
    writer = asyncio.create_task(_write(connection), name="socket writer")
    try:
        await _read(socket, connection, session, limits, unfinished)
    finally:
        hub.remove(connection)
        connection.close(1000, "")
        await asyncio.wait([writer], timeout=2.0)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
    return socket


def _speaker(request: web.Request) -> Speaker:
    """Return a speaker before its login; `?dialect=d1` chooses a dialect (platform.md 6.4)."""
    speaker = Speaker(uuid.uuid4().hex[:12], holder=request.query.get("holder", ""))
    chosen = request.query.get(dialects.PARAMETER)
    dialect = dialects.NAMES.get((chosen or "").lower())
    if dialect is not None:
        speaker.dialect, speaker.is_fixed = dialect, True
    elif chosen is not None:
        logger.warning("there is no dialect {!r}, only {}", chosen, ", ".join(dialects.NAMES))
    return speaker


async def _write(connection: Connection) -> None:
    try:
        await connection.write()
    except (ConnectionError, RuntimeError) as error:
        logger.debug("a client left while it was written to: {}", error)
    except Exception:
        connection.cut()  # open, it would only collect frames that nobody writes
        logger.exception("writing to a client failed; its connection is cut")


def _count_unfinished(
    request: web.Request, speaker: Speaker, limits: Limits, total: UnfinishedTotal
) -> UnfinishedFrames:
    """Count from now on the bytes of unfinished frames; before a login fewer are allowed."""
    if request.transport is None:
        raise ConnectionResetError("the client has gone")

    def most() -> int:
        return limits.stranger_bytes + (limits.frame_cap_bytes if speaker.is_known else 0)

    return UnfinishedFrames(request.transport, total, most)


async def _read(
    socket: web.WebSocketResponse,
    connection: Connection,
    session: Session,
    limits: Limits,
    unfinished: UnfinishedFrames,
) -> None:
    while not socket.closed:
        try:
            message = await socket.receive(timeout=limits.idle_seconds)
        except asyncio.TimeoutError:
            connection.close(GOING_AWAY, "idle for too long")
            return
        if message.type is WSMsgType.PING or message.type is WSMsgType.PONG:
            unfinished.control_frame_taken(len(message.data))
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            continue
        unfinished.message_taken()
        if message.type is WSMsgType.TEXT:
            size = _size_of(message.data)
            if size > limits.frame_bytes:
                connection.close(TOO_BIG, f"a message may have {limits.frame_bytes} bytes")
                return
            await session.receive(message.data, size)
        elif message.type is WSMsgType.BINARY:
            session.unreadable("binary", len(message.data))
        else:  # closing, closed or broken
            return


def _size_of(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
