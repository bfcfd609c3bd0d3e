"""The client's WebSocket: connects, logs in, sends and receives frames in order, reconnects.

One `WSClient` has at most one connection. Each connection has four tasks: one reads, one writes,
one gives up frames that are never answered, one notices that the other side is dead. Another task
hands frames to the app, over all connections. Outgoing frames are in `delivery.py`, incoming ones
that wait in `intake.py`; `transport.py` opens connections, and `ws_verbs.py` builds frames.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from loguru import logger

from moobius import types
from moobius.errors import FrameTooLarge, LoginRefused, PayloadError, TransportError
from moobius.network import ws_payload_builder as builder
from moobius.network.backoff import STABLE_AFTER, backoff
from moobius.network.delivery import Delivery, not_running
from moobius.network.frame_check import as_frame, label_of
from moobius.network.frame_reader import Inbound, read_frame
from moobius.network.intake import Intake
from moobius.network.outbox import Outbox, Outgoing
from moobius.network.transport import Connection, Connector, encode, open_socket
from moobius.network.waiting import time_out_wrap, until_one_fails
from moobius.network.ws_payload_builder import Frame, asserted_dataclass_asdict
from moobius.network.ws_verbs import FrameVerbs

__all__ = ["WSClient", "asserted_dataclass_asdict", "time_out_wrap"]

FRAME_LIMIT = 32 * 1024  # bytes; larger ones the hosted Platform may drop (platform.md 3.13)
QUEUE_SIZE = 1000  # frames waiting or unanswered; then senders wait
READ_AHEAD = 100  # frames read but not yet handed over; then the socket is not read
UNANSWERED_AFTER = 60.0  # seconds on a live connection
PING_EVERY = 20.0  # seconds; and as long for the answer
FIRST_ATTEMPTS = 3  # then `connect` fails: a wrong address must not look like a long outage

# The documents show received frames as logged by the function `receive`, and users look for it.
_received = logger.patch(lambda record: record.__setitem__("function", "receive"))

_secretless = {"access_token": "****"}


class WSClient(FrameVerbs):
    """A connection to the Platform that reconnects by itself.

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
        log_frames: `full` or `summary` (type, subtype and ids only).
        ca_file: Certificates to trust, as for `transport.tls_context`.
    """

    timeout = 16.0
    """Seconds the Platform may take to answer a login."""
    _intake: Intake  # this and the next are made by `connect`, in its event loop
    _first: asyncio.Future[None]

    def __init__(
        self,
        ws_server_uri: str,
        on_connect: Callable[[], Awaitable[Any]] | None = None,
        handle: Callable[[str], Awaitable[Any]] | None = None,
        report_str: str | None = None,
        *,
        on_frame: Callable[[Inbound], Awaitable[Any]] | None = None,
        connector: Connector | None = None,
        resend: bool = True,
        log_frames: str = "full",
        ca_file: str | None = None,
    ) -> None:
        self.ws_server_uri = ws_server_uri
        self.on_connect = on_connect
        self.handle = handle
        self.report_str = report_str
        self.on_frame = on_frame
        self.is_connected = False
        self._connector = connector or partial(open_socket, ca_file=ca_file)
        self._resend = resend
        self._log_frames = log_frames
        self._connection: Connection | None = None
        self._delivery: Delivery | None = None
        self._tasks: list[asyncio.Task[Any]] = []

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
        return {**self.__dict__, "_delivery": None, "_intake": None, "_first": None}

    def trust(self, ca_file: str) -> None:
        """Trust the authorities in this file from the next connection on; see `ca_file` above."""
        self._connector = partial(open_socket, ca_file=ca_file)

    @property
    def websocket(self) -> Connection | None:
        """The connection, while there is one; frames sent on it directly are never repeated."""
        return self._connection

    @property
    def features(self) -> tuple[str, ...]:
        """What the Platform can do beyond 1.8.0, as it said at the latest login."""
        return self._delivery.features if self._delivery else ()

    @property
    def outbound_queue(self) -> Outbox:
        """The frames that are not yet acknowledged: `qsize()` of them, in order."""
        return self._delivery.outbox if self._delivery else Outbox(QUEUE_SIZE)

    @property
    def outbound_queue_running(self) -> bool:
        """Whether frames can be sent: from `connect` to `close`."""
        return bool(self._tasks) and self._delivery is not None and not self._delivery.is_closing

    # ---- Life -----------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect and log in; from then on stay connected until `close`.

        Raises:
            TransportError: If the Platform cannot be reached.
            LoginRefused: If `on_connect` says so.
        """
        if not self._tasks:
            outbox, endpoint = Outbox(QUEUE_SIZE), self.ws_server_uri
            self._intake = intake = Intake(READ_AHEAD, lambda: self._running().is_awaited)
            self._delivery = Delivery(outbox, endpoint, self._resend, intake.decide)
            self._first = asyncio.get_running_loop().create_future()
            self._tasks = [
                asyncio.create_task(self._stay_connected(), name="moobius socket"),
                asyncio.create_task(intake.hand_over(self.safe_handle), name="moobius inbound"),
            ]
        await asyncio.shield(self._first)

    async def receive(self) -> None:
        """Serve the connection, and those that follow it, until the client is closed.

        Cancelling this only ends the waiting: the connection stays until `close`.
        """
        await self.connect()
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        if self.outbound_queue_running:
            for task in done:
                task.result()

    async def catch_up(self) -> None:
        """Return when the app has received all frames that the Platform had sent until now.

        Raises:
            TransportError: If the Platform does not answer.
        """
        await self.ask(builder.heartbeat())  # what was on its way arrives before the answer
        await self._intake.handed_over()

    async def close(self, flush: float = 5.0) -> None:
        """Send what is queued, wait for the answers, then close.

        Args:
            flush: Seconds this may take; frames that are left then are dropped with one warning.
        """
        if self._delivery is None or not self._tasks:
            return
        try:
            if not self._tasks[0].done():
                await self._delivery.flush(flush)
        finally:
            for task in self._tasks:
                task.cancel()
            self._delivery.dismiss()
            self._first.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks = []

    # ---- Sending --------------------------------------------------------------------------

    async def send(self, message: Frame | str) -> None:
        """Queue a frame; waits while the queue is full. A login is sent first, see `log_in`.

        Args:
            message: The frame, as an object or as its JSON text.

        Raises:
            PayloadError: If it is not a frame.
            FrameTooLarge: If it is above the Platform's limit; nothing is sent.
            TransportError: If the client is not running.
        """
        frame = as_frame(message)
        if frame["type"] in builder.LOGINS:
            await self.log_in(frame)
            return
        text = self.dumps(frame)
        label = label_of(frame)
        size = len(text.encode("utf-8"))
        if size > FRAME_LIMIT:
            raise FrameTooLarge(size, FRAME_LIMIT, label)
        kept = Outgoing(frame["request_id"], text, label, frame["type"] in builder.MESSAGES)
        await self._running().put(kept)

    async def ask(self, message: Frame) -> types.CopyBody:
        """Queue a frame like `send`, and wait for the Platform's answer, whatever it is.

        Raises:
            TransportError: If no answer can come any more.
        """
        frame = as_frame(message)
        delivery = self._running()
        delivery.check_open()
        with delivery.answer_to(frame) as answer:
            await self.send(frame)
            return await answer

    async def log_in(self, frame: Frame) -> types.CopyBody:
        """Send a login ahead of all other frames and wait for the answer.

        Raises:
            TransportError: If there is no connection.
            LoginRefused: If the Platform says no.
        """
        connection, delivery = self._connection, self._running()
        if connection is None:
            raise TransportError("not connected", endpoint=self.ws_server_uri)
        with delivery.answer_to(frame) as answer:
            logger.debug("> {}", encode({**frame, **_secretless}))
            await connection.send(encode(frame))
            try:
                copy = await asyncio.wait_for(answer, self.timeout)
            except asyncio.TimeoutError:
                raise TransportError(
                    f"the login was not answered within {self.timeout:g} s",
                    endpoint=self.ws_server_uri,
                ) from None
        delivery.logged_in(copy, frame["type"])
        return copy

    async def heartbeat(self, *, dry_run: bool = False) -> Frame:
        """Send a heartbeat if there is a connection; otherwise it is left out."""
        frame = builder.heartbeat()
        if self._connection is not None and self.is_connected and not dry_run:
            try:
                await self._connection.send(encode(frame))
            except TransportError as error:
                logger.debug("x heartbeat: {}", error)  # the reader sees the same and reconnects
        return frame

    @staticmethod
    def dumps(data: Any) -> str:
        """Return anything as JSON text; dataclasses become objects.

        Raises:
            PayloadError: If something in it cannot be written as JSON.
        """
        try:
            return encode(data)
        except (TypeError, ValueError, RecursionError) as error:
            raise PayloadError(f"this cannot be sent as JSON: {error}") from None

    def _running(self) -> Delivery:
        if self._delivery is None:
            raise not_running("it has not started", self.ws_server_uri)
        return self._delivery

    # ---- One connection after another --------------------------------------------------------

    async def _stay_connected(self) -> None:
        attempts, delays = 0, backoff()
        while True:
            attempts += 1
            started = time.monotonic()
            try:
                async with self._connector(self.ws_server_uri) as connection:
                    await self._serve(connection, self._running())
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

    async def _serve(self, connection: Connection, delivery: Delivery) -> None:
        """Log in and carry frames both ways until the connection breaks."""
        self._connection = connection
        tasks = [asyncio.create_task(self._read(connection, delivery))]
        try:
            tasks.append(asyncio.create_task(self._connected()))
            await until_one_fails(tasks)
            self.is_connected = True
            if not self._first.done():
                self._first.set_result(None)
            tasks.append(asyncio.create_task(delivery.carry(partial(self._write, connection))))
            tasks.append(asyncio.create_task(self._let_go(delivery)))
            tasks.append(asyncio.create_task(self._keep_alive(connection)))
            await until_one_fails(tasks)
        finally:
            self.is_connected = False
            self._connection = None
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            delivery.connection_lost()

    async def _connected(self) -> None:
        logger.debug("= {}connected to {}", self._who(), self.ws_server_uri)
        if self.on_connect is not None:
            await self.on_connect()

    async def _write(self, connection: Connection, frame: Outgoing) -> None:
        logger.debug("> {}", frame.text if self._log_frames == "full" else frame.label)
        await connection.send(frame.text)

    async def _let_go(self, delivery: Delivery) -> None:
        while True:
            await asyncio.sleep(UNANSWERED_AFTER / 4)
            if self._intake.may_read.is_set():  # otherwise the answers may be there, but unread
                sent_before = time.monotonic() - UNANSWERED_AFTER
                delivery.let_go(sent_before, f"unanswered for {UNANSWERED_AFTER:g} s")

    async def _keep_alive(self, connection: Connection) -> None:
        intake = self._intake
        while True:
            await asyncio.sleep(PING_EVERY)
            intake.was_paused = not intake.may_read.is_set()
            # While reading is paused, the answer to a ping stays unread behind other frames.
            if not await connection.ping(PING_EVERY) and not intake.was_paused:
                raise TransportError(
                    f"no answer to a ping within {PING_EVERY:g} s", endpoint=self.ws_server_uri
                )

    # ---- Receiving --------------------------------------------------------------------------

    async def _read(self, connection: Connection, delivery: Delivery) -> None:
        while True:
            await self._intake.may_read.wait()
            text = await connection.receive()
            try:
                frame = read_frame(text)
            except PayloadError as error:
                logger.error("< cannot read {}: {}", types.limit_len(text, 200), error)
                continue
            except Exception as error:  # a bug here must not end the connection
                logger.opt(exception=error).error("< cannot read {}", types.limit_len(text, 200))
                continue
            # There are thousands of acknowledgements; a refusal is logged as an error elsewhere.
            level = "DEBUG" if frame.type == types.COPY else "INFO"
            _received.log(level, "{}", text if self._log_frames == "full" else frame.summary)
            if frame.type == types.COPY:
                delivery.answered(frame.event, self._who())
            self._intake.put(text, frame)

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
