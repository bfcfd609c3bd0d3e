"""The asyncio shell of a `Link`: it moves bytes, keeps the time, and runs callbacks."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from loguru import logger

from moobius.errors import MessagingError, PeerLost, ProtocolError
from moobius.messaging.aio_runner import Runner
from moobius.messaging.aio_wire import Wire
from moobius.messaging.callbacks import Callbacks, CallbackT
from moobius.messaging.events import Answered, Failed, LinkEvent
from moobius.messaging.link import Link
from moobius.messaging.messages import Action, Request
from moobius.messaging.requests import Pending
from moobius.messaging.waiting import Changes, within

QUEUE_HIGH = 1024 * 1024
"""Bytes that may wait to be sent before `send` waits too."""
FILES_HIGH = 32
"""Files that may wait to be sent before `send_file` waits too."""
FLUSH_ON_CLOSE_S = 15.0
"""How long the system may take no byte of what is queued before `close` gives up: it takes many at
a time, and from a slow peer's connection seldom."""
GOODBYE_S = 1.0
"""How long the peer may take to say goodbye, inside TLS."""


class AsyncLink:
    """A peer, and everything one can do with it. Made by `connect` or `serve`.

    Callbacks are called as `callback(link, *args, **kwargs)`, as functions or coroutines, one after
    the other in the order of arrival. One that awaits a `request` of its own does not keep the
    answer from coming.

    Attributes:
        callbacks: What is called for the peer's actions and requests.
        link: The rules, with the queue and the pending requests.
        address: The peer's address, as the socket knows it.
        error: Why the last connection ended, if anything was wrong.
        has_heard: Whether the peer has said anything on this connection, or did on the last one.
    """

    def __init__(self, link: Link, registered: Callbacks | None = None) -> None:
        self.callbacks = registered or Callbacks()
        self.link = link
        self.address: Any = None
        self.error: Exception | None = None
        self.has_heard = False
        self._loop = asyncio.get_running_loop()
        self._wire: Wire | None = None
        self._runner = Runner(
            link, self.callbacks, self, progressed=self._progressed, failed=self._hang_up
        )
        self._timer: asyncio.TimerHandle | None = None
        self._has_flushed = False
        self._flush_is_due = False
        self._changes = Changes()
        self._is_over = False
        self._on_loss: Callable[[], None] | None = None

    # What one can do with a peer.

    def on(self, action: str) -> Callable[[CallbackT], CallbackT]:
        """Register the decorated function for an action of this peer."""
        return self.callbacks.on(action)

    def on_request(self, name: str) -> Callable[[CallbackT], CallbackT]:
        """Register the decorated function for a request; what it returns is the answer."""
        return self.callbacks.on_request(name)

    async def send(self, action: str, /, *args: Any, **kwargs: Any) -> None:
        """Send an action; returns when it is queued and the queue is not long.

        Raises:
            PeerLost: If there is no connection, and the queue is not one that is resumed.
            TypeError: If JSON cannot hold an argument.
            QueueFull: If too much waits already.
        """
        self._check_open(can_wait=self.link.resume_queue)
        self.link.send_action(action, args, kwargs)
        await self._queued()

    async def send_file(self, source: str | os.PathLike[str], destination: str) -> None:
        """Send a file, to be written at a path that the peer's policy has to allow.

        Nothing tells whether it was: ask with a `request` if that matters.

        Raises:
            PeerLost: If there is no connection, and the queue is not one that is resumed.
            FileRefused: If it cannot be read, or is too large.
            QueueFull: If too much waits already.
        """
        self._check_open(can_wait=self.link.resume_queue)
        await self._changes.until(self._has_room_for_file)  # files that wait are open
        self._check_open(can_wait=self.link.resume_queue)
        self.link.send_file(source, destination)
        await self._queued()

    async def request(
        self, name: str, /, *args: Any, timeout: float | None = None, **kwargs: Any
    ) -> Any:
        """Ask the peer for something and return its answer.

        Args:
            name: What for.
            *args: Positional arguments.
            timeout: Seconds to wait; `None` is what the limits say.
            **kwargs: Keyword arguments.

        Raises:
            RequestTimeout: If there is no answer in time.
            RequestFailed: If the peer says why there is none (with `error_replies`).
            PeerLost: If the connection ends, and the request is not one that is sent again.
            TooManyRequests: If too many wait for their answer.
        """
        self._check_open(can_wait=self.link.resend_requests)
        return await self._answer_to(
            self.link.request(name, args, kwargs, now=self._loop.time(), timeout=timeout)
        )

    async def get_file(
        self,
        remote_path: str,
        destination: str | os.PathLike[str],
        *,
        timeout: float | None = None,
    ) -> None:
        """Fetch a file of the peer; when this returns, it is in its place and whole.

        Args:
            remote_path: Where it is over there.
            destination: Where it goes here.
            timeout: Seconds to wait for the whole file; `None` is what the limits say.

        Raises:
            FileRefused: If it cannot be written here.
            RequestTimeout: If it did not come in time.
            RequestFailed: If the peer says why it does not come (with `error_replies`).
            PeerLost: If the connection ends, and the request is not one that is sent again.
        """
        self._check_open(can_wait=self.link.resend_requests)
        now = self._loop.time()
        await self._answer_to(
            self.link.get_file(remote_path, destination, now=now, timeout=timeout)
        )

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection, with keys proved where they have to be."""
        return self.link.is_ready

    async def close(self) -> None:
        """Send what is queued, as long as the peer takes any of it, and hang up for good.

        A callback that runs is cancelled, unless it is the one that closes.
        """
        await self.hang_up()
        await self.stop_callbacks()

    async def hang_up(self) -> None:
        """Do what `close` does, and let callbacks be."""
        try:
            if self.link.is_ready and not self._is_over:
                await self._send_the_rest()
        finally:
            is_flushed = self._is_flushed()
            self.give_up()
            if self._wire is not None and not is_flushed:
                self._wire.transport.abort()
        if (wire := self._wire) is not None:
            wire.transport.close()
            await within(GOODBYE_S, self.wait_closed())
            wire.transport.abort()
        await self.wait_closed()

    async def stop_callbacks(self) -> None:
        """Cancel the callback that runs, unless it is the one that asks, and forget the others."""
        await self._runner.stop()

    async def _send_the_rest(self) -> None:
        """Wait until everything is sent, or the peer stops taking it; what is lost is logged."""
        while (wire := self._wire) is not None and not self._is_flushed():
            moved = wire.moved
            await within(FLUSH_ON_CLOSE_S, self._changes.until(self._is_flushed))
            if wire is self._wire and wire.moved == moved and not self._is_flushed():
                logger.warning(
                    "{}: the peer takes nothing any more; hanging up, and dropping what it did not "
                    "take: {} messages that wait, and the one under way",
                    *(self.link.name, len(self.link.outbox)),
                )
                return

    async def wait_closed(self) -> None:
        """Return when the last connection has ended, and none will follow."""
        await self._changes.until(lambda: self._is_over and self._wire is None)

    async def wait_connected(self) -> None:
        """Return when there is a connection, with keys proved where they have to be.

        Raises:
            PeerLost: If there is none, and none will follow.
        """
        await self._changes.until(
            lambda: self.link.is_ready or (self._is_over and self._wire is None)
        )
        self.check_connected()

    async def settled(self) -> None:
        """Return when the present connection is ready, or gone.

        Raises:
            MessagingError: If it is gone; the reason, if that is known.
        """
        await self._changes.until(lambda: self.link.is_ready or self._wire is None)
        self.check_connected()

    def check_connected(self) -> None:
        """Raise why there is no connection, if there is none."""
        if not self.link.is_ready:
            if isinstance(self.error, MessagingError):
                raise self.error
            reason = self.error or "the peer hung up; do both sides have the same key?"
            raise PeerLost(f"{self.link.name}: {reason}")

    @property
    def is_over(self) -> bool:
        """Tell whether no further connection will follow."""
        return self._is_over

    async def over_within(self, seconds: float) -> bool:
        """Wait that long, or until it is over; tell whether it is."""
        await within(seconds, self._changes.until(lambda: self._is_over))
        return self._is_over

    async def __aenter__(self) -> AsyncLink:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # Sending.

    def _check_open(self, *, can_wait: bool) -> None:
        if not self.link.is_connected and (self._is_over or not can_wait):
            raise PeerLost(f"{self.link.name}: not connected") from self.error

    async def _queued(self) -> None:
        self._flush_soon()
        if self.link.outbox.memory > QUEUE_HIGH and self.link.is_connected:
            await self._changes.until(self._has_room)

    async def _answer_to(self, pending: Pending) -> Any:
        pending.owner = self._loop.create_future()
        self._flush_soon()
        self._set_timer()
        try:
            return await pending.owner
        finally:
            self.link.forget(pending)  # for who was cancelled

    def _flush_soon(self) -> None:
        # The first message of a turn of the loop leaves at once, the others of that turn together.
        if self._has_flushed:
            self._flush_is_due = True
            return
        self._has_flushed = True
        self._loop.call_soon(self._turn_over)
        self.flush()

    def _turn_over(self) -> None:
        self._has_flushed = False
        if self._flush_is_due:
            self.flush()

    def flush(self) -> None:
        """Send what waits, as far as the system takes it."""
        self._flush_is_due = False
        if self._wire is None or self._wire.transport.is_closing():
            return
        try:
            self._wire.send(self.link)
        except (MessagingError, OSError) as error:
            self._hang_up(error)
        self._changes.happened()

    def _has_room(self) -> bool:
        return self.link.outbox.memory <= QUEUE_HIGH // 2 or not self.link.is_connected

    def _has_room_for_file(self) -> bool:
        return self.link.outbox.files < FILES_HIGH or not self.link.is_connected

    def _is_flushed(self) -> bool:
        wire = self._wire
        return wire is None or not (self.link.wants_to_send or wire.has_unsent)

    # Receiving.

    def received(self, data: bytes) -> None:
        """Take bytes from the connection."""
        self.has_heard = True
        self.link.receive(data, self._loop.time())
        self._take_events()

    def _take_events(self) -> None:
        try:
            while (event := self.link.next_event()) is not None:
                self._take(event)
        except (MessagingError, OSError) as error:
            self._hang_up(error)
            return
        self.flush()
        self._set_timer()

    def _take(self, event: LinkEvent) -> None:
        if isinstance(event, (Action, Request)):
            self._runner.take(event, self.link.arrival_size)
            if self._runner.waiting:
                self._regulate_reading()
        elif isinstance(event, Answered):
            if not event.pending.owner.done():
                event.pending.owner.set_result(event.value)
        elif isinstance(event, Failed):
            self._fail(event.pending, event.error)

    def _progressed(self) -> None:
        self._regulate_reading()
        self._flush_soon()

    def _regulate_reading(self) -> None:
        if self._wire is not None:
            self._wire.set_reading(self._runner.has_room)

    # Time.

    def _set_timer(self) -> None:
        due = self.link.next_deadline
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return  # one that is too early looks again when it rings
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        try:
            self.link.expire(self._loop.time())
        except ProtocolError as error:
            self._hang_up(error)
        self._take_events()
        self._changes.happened()

    # The connection.

    def attach(self, wire: Wire, role: str) -> None:
        """Begin with a connection that was made; one that is still there is replaced."""
        self._adopt(wire)
        self.link.connection_made(role, self._loop.time())
        self.flush()
        self._set_timer()

    def take_over(self, wire: Wire, link: Link) -> None:
        """Begin with a connection on which another link has proved that its peer is ours."""
        self._adopt(wire)
        self.has_heard = True
        self.link.take_over(link)
        wire.hand_over(self)
        self._take_events()
        self._changes.happened()

    def _adopt(self, wire: Wire) -> None:
        if self._wire is not None:
            self._wire.abandon()
            self.link.connection_lost()
        self._wire = wire
        self.error = None
        self.has_heard = False
        self.address = wire.transport.get_extra_info("peername")

    def detached(self, wire: Wire, error: Exception | None) -> None:
        """End with a connection that is gone."""
        if self._wire is not wire:
            return
        self._wire = None
        self.error = self.error or error
        self.link.connection_lost()
        if self._on_loss is not None and not self._is_over:
            self._on_loss()
        else:
            self._end()
        if self._is_over or not self.link.resend_requests:
            self._fail_pending()
        self._changes.happened()

    def expect_return(self, on_loss: Callable[[], None]) -> None:
        """Keep what waits when a connection is lost, because another will follow.

        Args:
            on_loss: Called after each loss.
        """
        self._on_loss = on_loss

    def give_up(self, error: Exception | None = None) -> None:
        """Expect no further connection."""
        self.error = self.error or error
        self._end()
        self._fail_pending()
        self._changes.happened()

    def _end(self) -> None:
        self._is_over = True
        if self._timer is not None and self._wire is None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self, error: Exception) -> None:
        logger.warning("{}: closing the connection: {}", self.link.name, error)
        self.error = self.error or error
        if self._wire is not None:
            self._wire.transport.abort()

    def _fail_pending(self) -> None:
        for pending in self.link.pending:
            self.link.forget(pending)
            what = f"{self.link.name}: no answer to {pending.name!r:.60}"
            self._fail(pending, PeerLost(f"{what}: {self.error or 'the connection is gone'}"))
        if not self.link.is_connected:
            self.link.outbox.clear()

    @staticmethod
    def _fail(pending: Pending, error: Exception) -> None:
        if not pending.owner.done():
            pending.owner.set_exception(error)
