"""`AsyncLink`, a peer in asyncio: sending, asking, answering and closing."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from loguru import logger

from moobius.errors import MessagingError, PeerLost
from moobius.messaging.aio_connection import AsyncConnection
from moobius.messaging.callbacks import CallbackT
from moobius.messaging.requests import Pending
from moobius.messaging.waiting import within

QUEUE_HIGH = 1024 * 1024
"""Bytes that may wait to be sent before `send` waits too."""
FILES_HIGH = 32
"""Files that may wait to be sent before `send_file` waits too."""
FLUSH_ON_CLOSE_S = 15.0
"""Seconds without progress after which `close` gives up sending what is queued. To a slow peer the
system sends many bytes at a time, with long pauses."""
GOODBYE_S = 1.0
"""Seconds that the peer may take to end TLS properly."""


class AsyncLink(AsyncConnection):
    """A peer, and all that can be done with it. Made by `connect` or `serve`.

    Callbacks are called as `callback(link, *args, **kwargs)`, as functions or coroutines, one after
    the other in the order of arrival. One that awaits a `request` of its own does not keep the
    answer from coming.

    Its attributes are those of an `AsyncConnection`.
    """

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
            Unsendable: If the arguments are too long, or nest too deep.
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
            RequestFailed: If the peer says why there is none (with `error_replies`), or its answer
                is one that cannot be taken.
            PeerLost: If the connection ends, and the request is not one that is sent again.
            TypeError: If JSON cannot hold an argument.
            Unsendable: If the arguments are too long, or nest too deep.
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
            RequestFailed: If the peer says why it does not come (with `error_replies`), or it is
                larger than the limits allow.
            PeerLost: If the connection ends, and the request is not one that is sent again.
        """
        self._check_open(can_wait=self.link.resend_requests)
        now = self._loop.time()
        await self._answer_to(
            self.link.get_file(remote_path, destination, now=now, timeout=timeout)
        )

    # Closing, and waiting for changes of the connection.

    async def close(self) -> None:
        """Send what is queued, as long as the peer takes it, and close the connection for good.

        A callback that runs is cancelled, unless it is the one that closes.
        """
        try:
            await self.hang_up()
        finally:
            await self.stop_callbacks()

    async def hang_up(self) -> None:
        """Do what `close` does, but do not cancel callbacks."""
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
        """Cancel the running callback, unless it is the caller, and drop the messages that wait."""
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
            raise PeerLost(f"{self.link.name}: {self.link.why_lost(self.error)}")

    async def over_within(self, seconds: float) -> bool:
        """Wait that long, or until it is over; tell whether it is."""
        await within(seconds, self._changes.until(lambda: self._is_over))
        return self._is_over

    async def __aenter__(self) -> AsyncLink:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    # Inside.

    def _check_open(self, *, can_wait: bool) -> None:
        if not self.link.is_connected and (self._is_over or not can_wait):
            reason = self.link.why_lost(self.error)
            raise PeerLost(f"{self.link.name}: not connected: {reason}") from self.error

    async def _queued(self) -> None:
        self._flush_soon()
        if self.link.outbox.memory > QUEUE_HIGH and self.link.is_connected:
            await self._changes.until(self._has_room)

    async def _answer_to(self, pending: Pending) -> Any:
        pending.owner = self._loop.create_future()
        self._flush_soon()
        self._wake_at(pending.deadline)
        try:
            return await pending.owner
        except BaseException:
            self.link.forget(pending)  # nobody waits for it any more
            raise

    def _has_room(self) -> bool:
        return self.link.outbox.memory <= QUEUE_HIGH // 2 or not self.link.is_connected

    def _has_room_for_file(self) -> bool:
        return self.link.outbox.files < FILES_HIGH or not self.link.is_connected
