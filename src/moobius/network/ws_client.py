"""The client's socket: connect, log in first, keep order, acknowledge, connect again.

One `WSClient` has at most one connection. Three tasks serve it: one reads, one writes, one lets
go of frames that nobody answers. A fourth, which outlives connections, hands frames to the app.
Which frame goes when is decided in `outbox.py`; how bytes travel, in `transport.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from loguru import logger

from moobius import types
from moobius.errors import FrameTooLarge, LoginRefused, PayloadError, TransportError
from moobius.network import ws_payload_builder as builder
from moobius.network.backoff import STABLE_AFTER, backoff
from moobius.network.frame_reader import Inbound, read_frame
from moobius.network.outbox import Outbox, Outgoing
from moobius.network.transport import Connection, Connector, encode, open_socket

FRAME_LIMIT = 32 * 1024  # bytes; larger ones the hosted Platform may drop (platform.md 3.13)
QUEUE_SIZE = 1000  # frames waiting or unanswered; then senders wait
READ_AHEAD = 100  # frames read but not yet handed over; then the socket is not read
UNANSWERED_AFTER = 60.0  # seconds on a live connection
FIRST_ATTEMPTS = 3  # a wrong address must not look like a long outage

_LOGINS = (types.SERVICE_LOGIN, types.USER_LOGIN)
_MESSAGES = (types.MESSAGE_UP, types.MESSAGE_DOWN)
_LOGIN_TROUBLE = ("not login", "access_token")  # how the Platform words it (platform.md 3.3)

# The documents show received frames as logged by the function `receive`, and users look for it.
_received = logger.patch(lambda record: record.__setitem__("function", "receive"))

_secretless = {"access_token": "****"}


class WSClient:
    """A connection to the Platform that mends itself.

    Frames handed to `send` leave in order and are kept until the Platform acknowledges them;
    after a lost connection the unacknowledged ones are sent again (architecture 4.3).

    Args:
        ws_server_uri: Address of the Platform's socket, `ws://` or `wss://`.
        on_connect: Awaited on every new connection before anything else is sent; logs in.
        handle: Awaited with the text of every received frame, in order.
        report_str: Put into log lines, to tell several clients apart.
        on_frame: Like `handle`, with the frame already read; takes its place.
        connector: Opens a connection; real sockets by default.
        resend: Whether unacknowledged messages are sent again after a reconnect to a Platform
            that does not announce that it recognises repeats.
        log_frames: `full` or `summary` (type, subtype and ids only) at INFO.
    """

    timeout = 16.0
    """Seconds the Platform may take to answer a login."""

    def __init__(
        self,
        ws_server_uri: str,
        on_connect: Callable[[], Awaitable[Any]] | None = None,
        handle: Callable[[str], Awaitable[Any]] | None = None,
        report_str: str | None = None,
        *,
        on_frame: Callable[[Inbound], Awaitable[Any]] | None = None,
        connector: Connector = open_socket,
        resend: bool = True,
        log_frames: str = "full",
    ) -> None:
        self.ws_server_uri = ws_server_uri
        self.on_connect = on_connect
        self.handle = handle
        self.report_str = report_str
        self.on_frame = on_frame
        self.is_connected = False
        self._connector = connector
        self._resend = resend
        self._log_frames = log_frames
        self._outbox = Outbox(QUEUE_SIZE)
        self._features: frozenset[str] = frozenset()
        self._answers: dict[str, asyncio.Future[types.CopyBody]] = {}
        self._connection: Connection | None = None
        self._inbound: deque[tuple[str, Inbound]] = deque()
        self._unhandled = 0
        self._waiting_senders = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._closed = False

    def __str__(self) -> str:
        return (
            f"moobius.WSClient(ws_server_uri={self.ws_server_uri}, "
            f"on_connect={self.on_connect}, handle={self.handle})"
        )

    __repr__ = __str__

    def __getstate__(self) -> dict[str, Any]:
        # What is bound to an event loop is made in connect(), so that a service can be built
        # before its loop, or in another process.
        if self._tasks:
            raise TypeError("a connected WSClient cannot be pickled")
        return self.__dict__

    # ---- Life -----------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect and log in; from then on stay connected until `close`.

        Raises:
            TransportError: If the Platform cannot be reached.
            LoginRefused: If `on_connect` says so.
        """
        if not self._tasks:
            self._room = asyncio.Semaphore(QUEUE_SIZE)
            self._to_write = asyncio.Event()
            self._to_hand_over = asyncio.Event()
            self._may_read = asyncio.Event()
            self._may_read.set()
            self._idle = asyncio.Event()
            self._idle.set()
            self._first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._tasks = [
                asyncio.create_task(self._stay_connected(), name="moobius socket"),
                asyncio.create_task(self._hand_over(), name="moobius inbound"),
            ]
        await asyncio.shield(self._first)

    async def receive(self) -> None:
        """Serve the connection, and those that follow it, until the client is closed."""
        await self.connect()
        await asyncio.gather(*self._tasks)

    async def close(self, flush: float = 5.0) -> None:
        """Send what is queued, wait for the answers, then close.

        Args:
            flush: Seconds this may take; what is left then is given up with one warning.
        """
        self._closed = True
        if self._tasks and self.is_connected:
            try:
                await asyncio.wait_for(self._idle.wait(), flush)
            except asyncio.TimeoutError:
                logger.warning(
                    "{} frames were not acknowledged in {:g} s", len(self._outbox), flush
                )
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    # ---- Sending --------------------------------------------------------------------------

    async def send(self, message: dict[str, Any] | str) -> None:
        """Queue a frame; waits while the queue is full.

        Args:
            message: The frame, as an object or as its JSON text.

        Raises:
            PayloadError: If it is not a frame.
            FrameTooLarge: If the Platform would not take it; nothing is sent.
        """
        frame = _as_frame(message)
        if frame["type"] in _LOGINS:
            await self.log_in(frame)
            return
        text = encode(frame)
        label = _label(frame)
        size = len(text.encode("utf-8"))
        if size > FRAME_LIMIT:
            raise FrameTooLarge(size, FRAME_LIMIT, label)
        if self._closed or not self._tasks:
            raise TransportError(
                "not connected; frames can be sent once the client has started",
                endpoint=self.ws_server_uri,
            )
        await self._wait_for_room()
        self._idle.clear()
        is_message = frame["type"] in _MESSAGES
        self._outbox.put(Outgoing(frame["request_id"], text, label, is_message))
        self._to_write.set()

    async def ask(self, message: dict[str, Any]) -> types.CopyBody:
        """Queue a frame like `send`, and wait for the Platform's answer, whatever it is."""
        frame = _as_frame(message)
        answer = self._expect(frame["request_id"])
        try:
            await self.send(frame)
            return await answer
        finally:
            del self._answers[frame["request_id"]]

    async def log_in(self, frame: dict[str, Any]) -> types.CopyBody:
        """Send a login ahead of all other frames and wait for the answer.

        Raises:
            TransportError: If there is no connection.
            LoginRefused: If the Platform says no.
        """
        connection = self._connection
        if connection is None:
            raise TransportError("not connected", endpoint=self.ws_server_uri)
        answer = self._expect(frame["request_id"])
        try:
            logger.debug("> {}", encode({**frame, **_secretless}))
            await connection.send(encode(frame))
            copy = await asyncio.wait_for(answer, self.timeout)
        except asyncio.TimeoutError:
            raise TransportError(
                f"the login was not answered within {self.timeout:g} s", endpoint=self.ws_server_uri
            ) from None
        finally:
            del self._answers[frame["request_id"]]
        if not copy.status:
            raise LoginRefused(_reason(copy), endpoint=f"{frame['type']} at {self.ws_server_uri}")
        self._features = frozenset((copy.context or {}).get("features") or ())
        return copy

    async def heartbeat(self) -> dict[str, Any]:
        """Send a heartbeat if there is a connection; a missed one is not made up for."""
        frame = builder.heartbeat()
        if self._connection is not None and self.is_connected:
            try:
                await self._connection.send(encode(frame))
            except TransportError as error:
                logger.debug("x heartbeat: {}", error)  # the reader sees the same and reconnects
        return frame

    def _expect(self, request_id: str) -> asyncio.Future[types.CopyBody]:
        answer: asyncio.Future[types.CopyBody] = asyncio.get_running_loop().create_future()
        self._answers[request_id] = answer
        return answer

    async def _wait_for_room(self) -> None:
        self._waiting_senders += 1
        self._set_may_read()
        try:
            await self._room.acquire()
        finally:
            self._waiting_senders -= 1
            self._set_may_read()

    # ---- One connection after another --------------------------------------------------------

    async def _stay_connected(self) -> None:
        attempts, delays = 0, backoff()
        while True:
            attempts += 1
            started = time.monotonic()
            try:
                async with self._connector(self.ws_server_uri) as connection:
                    await self._serve(connection)
            except (TransportError, LoginRefused) as error:
                reason = error
            except Exception as error:
                # on_connect is the app's code too; its failure must not end the connection loop.
                if not self._first.done():
                    self._first.set_exception(error)
                    return
                logger.opt(exception=error).error("logging in failed")
                reason = TransportError(str(error), endpoint=self.ws_server_uri)
            if not self._first.done() and (
                isinstance(reason, LoginRefused) or attempts >= FIRST_ATTEMPTS
            ):
                self._first.set_exception(reason)
                return
            if time.monotonic() - started > STABLE_AFTER:
                delays = backoff()
            delay = next(delays)
            logger.warning(
                "{}disconnected ({}); connecting again in {:.1f} s", self._who(), reason, delay
            )
            await asyncio.sleep(delay)

    async def _serve(self, connection: Connection) -> None:
        """Log in and carry frames both ways until the connection breaks."""
        self._connection = connection
        tasks = [asyncio.create_task(self._read(connection))]
        try:
            tasks.append(asyncio.create_task(self._connected()))
            await _until_one_fails(tasks)
            self.is_connected = True
            if not self._first.done():
                self._first.set_result(None)
            tasks.append(asyncio.create_task(self._write(connection)))
            tasks.append(asyncio.create_task(self._let_go()))
            await _until_one_fails(tasks)
        finally:
            self.is_connected = False
            self._connection = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._settle(self._outbox.connection_lost(self._may_repeat), "lost with the connection")
            if self._outbox.has_queued:
                self._to_write.set()

    async def _connected(self) -> None:
        logger.debug("= {}connected to {}", self._who(), self.ws_server_uri)
        if self.on_connect is not None:
            await self.on_connect()

    def _may_repeat(self, frame: Outgoing) -> bool:
        return self._resend or not frame.is_message or "deduplicate" in self._features

    async def _write(self, connection: Connection) -> None:
        while True:
            await self._to_write.wait()
            while self._outbox.has_queued:
                frame = self._outbox.take(time.monotonic())
                logger.debug("> {}", frame.text)
                await connection.send(frame.text)
            self._to_write.clear()

    async def _let_go(self) -> None:
        while True:
            await asyncio.sleep(UNANSWERED_AFTER / 4)
            if self._may_read.is_set():  # answers nobody reads are not missing
                old = self._outbox.let_go(time.monotonic() - UNANSWERED_AFTER)
                self._settle(old, f"unanswered for {UNANSWERED_AFTER:g} s")

    def _settle(self, frames: list[Outgoing], fate: str) -> None:
        """Give back the room of frames that are no longer waited for."""
        for _ in frames:
            self._room.release()
        if frames:
            logger.warning("{} frames {}, the first: {}", len(frames), fate, frames[0].label)
        if not self._outbox:
            self._idle.set()

    # ---- Receiving --------------------------------------------------------------------------

    async def _read(self, connection: Connection) -> None:
        while True:
            await self._may_read.wait()
            text = await connection.receive()
            if self._log_frames == "full":
                _received.info("{}", text)
            try:
                frame = read_frame(text)
            except PayloadError as error:
                logger.error("< cannot read {}: {}", types.limit_len(text, 200), error)
                continue
            if self._log_frames != "full":
                # Acknowledgements say nothing to a reader who is spared the contents.
                level = "DEBUG" if frame.type == types.COPY else "INFO"
                _received.log(level, "{}", _summary(frame))
            if frame.type == types.COPY:
                self._answered(frame.event)
            else:
                self._unhandled += 1
            self._inbound.append((text, frame))
            self._to_hand_over.set()
            self._set_may_read()

    def _answered(self, copy: types.CopyBody) -> None:
        """Match an acknowledgement to what it answers."""
        is_login = copy.origin_type in _LOGINS
        if not copy.status and not is_login and any(w in _reason(copy) for w in _LOGIN_TROUBLE):
            # Kept unacknowledged: it goes out again on the next connection, behind the login.
            raise TransportError(_reason(copy), endpoint=self.ws_server_uri)
        waiting = self._answers.get(copy.request_id)
        if waiting is not None and not waiting.done():
            waiting.set_result(copy)
        frame = self._outbox.acknowledge(copy.request_id)
        if frame is None:
            return
        if not copy.status:
            logger.error("{}the Platform refused {}: {}", self._who(), frame.label, _reason(copy))
        self._room.release()
        if not self._outbox:
            self._idle.set()

    def _set_may_read(self) -> None:
        """Stop reading while the app is behind, unless a sender waits for answers still unread."""
        if self._unhandled < READ_AHEAD or self._waiting_senders:
            self._may_read.set()
        else:
            self._may_read.clear()

    async def _hand_over(self) -> None:
        while True:
            await self._to_hand_over.wait()
            while self._inbound:
                text, frame = self._inbound.popleft()
                if frame.type != types.COPY:
                    self._unhandled -= 1
                    self._set_may_read()
                await self.safe_handle(text, frame)
            self._to_hand_over.clear()

    async def safe_handle(self, message: str, frame: Inbound | None = None) -> None:
        """Hand a frame to the app; an error is logged and goes no further."""
        try:
            if self.on_frame is not None and frame is not None:
                await self.on_frame(frame)
            elif self.handle is not None:
                await self.handle(message)
        except Exception as error:
            logger.opt(exception=error).error(
                "handling a frame failed: {}", types.limit_len(message, 200)
            )

    def _who(self) -> str:
        return f"{self.report_str}: " if self.report_str else ""


async def _until_one_fails(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until the newest task is done or any has failed; raise what it raised."""
    newest = tasks[-1]
    pending = {task for task in tasks if not task.done()} | {newest}
    while not newest.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    newest.result()


def _as_frame(message: dict[str, Any] | str) -> dict[str, Any]:
    try:
        frame = msgspec.json.decode(message) if isinstance(message, str) else message
    except msgspec.DecodeError as error:
        raise PayloadError(f"not JSON: {error}") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise PayloadError(f"a frame is an object with a `type`, not {message!r}")
    return frame if "request_id" in frame else {**frame, "request_id": builder.new_request_id()}


def _label(frame: dict[str, Any]) -> str:
    body = frame.get("body")
    body = body if isinstance(body, dict) else {}
    subtype = f"/{body['subtype']}" if body.get("subtype") else ""
    channel = f" to channel {body['channel_id']}" if body.get("channel_id") else ""
    return f"{frame['type']}{subtype}{channel}"


def _summary(frame: Inbound) -> str:
    """Say what a received frame is without saying what is in it."""
    if isinstance(frame.event, types.CopyBody):
        return f"copy of {frame.event.origin_type}: {frame.event.status}"
    parts = (frame.type, frame.subtype, frame.channel_id, frame.sender and f"from {frame.sender}")
    return " ".join(part for part in parts if part)


def _reason(copy: types.CopyBody) -> str:
    context = copy.context if isinstance(copy.context, dict) else {}
    return str(context.get("message") or context.get("msg") or "no reason given")
