"""The connection of an `AsyncLink`: it moves bytes, keeps the time, and runs callbacks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from loguru import logger

from moobius.errors import MessagingError, PeerLost, ProtocolError
from moobius.messaging.aio_runner import Runner
from moobius.messaging.aio_wire import Wire
from moobius.messaging.callbacks import Callbacks
from moobius.messaging.events import Answered, Failed, LinkEvent
from moobius.messaging.link import Link
from moobius.messaging.messages import Action, Request
from moobius.messaging.requests import Pending
from moobius.messaging.waiting import Changes


class AsyncConnection:
    """A `Link` on asyncio, across any number of connections, each of which is a `Wire`.

    Attributes:
        callbacks: What is called for the peer's actions and requests.
        link: The rules, with the queue and the pending requests.
        address: The peer's address, as the socket knows it.
        error: Why the last connection ended, if anything was wrong.
        has_heard: Whether a message of the peer has arrived on this connection, or on the last one
            if there is none; the messages that prove its key do not count.
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

    @property
    def is_connected(self) -> bool:
        """Tell whether there is a connection, with keys proved where they have to be."""
        return self.link.is_ready

    @property
    def is_over(self) -> bool:
        """Tell whether no further connection will follow."""
        return self._is_over

    # Sending.

    def _flush_soon(self) -> None:
        # In one iteration of the loop, the first message is sent at once, all others together.
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

    def _is_flushed(self) -> bool:
        wire = self._wire
        return wire is None or not (self.link.wants_to_send or wire.has_unsent)

    # Receiving.

    def received(self, data: memoryview) -> None:
        """Take bytes from the connection; they are gone when this returns."""
        self.link.receive(data, self._loop.time())
        self._take_events()

    def _take_events(self) -> None:
        try:
            while (event := self.link.next_event()) is not None:
                self.has_heard = True
                self._take(event)
        except (MessagingError, OSError) as error:
            self._hang_up(error)
            return
        self.flush()
        if (due := self.link.connection_deadline) is not None:
            self._wake_at(due)  # the timer for requests was set when they were made

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

    def _wake_at(self, due: float | None) -> None:
        if due is None or (self._timer is not None and self._timer.when() <= due):
            return  # a timer that is too early is set again when it ends
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._timer = None
        try:
            self.link.expire(self._loop.time())
        except ProtocolError as error:
            self._hang_up(error)
        self._take_events()
        self._wake_at(self.link.next_deadline)
        self._changes.happened()

    # The connection.

    def attach(self, wire: Wire, role: str) -> None:
        """Begin with a connection that was made; one that is still there is replaced."""
        self._adopt(wire)
        self.link.connection_made(role, self._loop.time())
        self.flush()
        self._wake_at(self.link.next_deadline)

    def take_over(self, wire: Wire, link: Link) -> None:
        """Begin with a connection that another link has, whose peer proved to be this one."""
        self._adopt(wire)
        self.has_heard = True
        self.link.take_over(link)
        wire.hand_over(self)
        self._take_events()
        self._wake_at(self.link.next_deadline)
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
        """When a connection is lost, keep what waits to be sent, because another will follow.

        Args:
            on_loss: Called after each loss.
        """
        self._on_loss = on_loss

    def give_up(self, error: Exception | None = None) -> None:
        """Expect no further connection; what waits for one is lost, and logged."""
        if not self.link.is_connected and (waiting := len(self.link.outbox)):
            logger.warning(
                "{}: closed without a connection; {} messages that waited for one are lost",
                *(self.link.name, waiting),
            )
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
            self._fail(pending, PeerLost(f"{what}: {self.link.why_lost(self.error)}"))
        if not self.link.is_connected:
            self.link.outbox.clear()

    @staticmethod
    def _fail(pending: Pending, error: Exception) -> None:
        if not pending.owner.done():
            pending.owner.set_exception(error)
