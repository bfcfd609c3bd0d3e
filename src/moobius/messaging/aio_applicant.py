"""A connection to an asyncio server while its peer has not proved the shared key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from loguru import logger

from moobius.errors import MessagingError
from moobius.messaging.aio_wire import Wire
from moobius.messaging.link import Link


class Applicant:
    """Owns a connection until its peer has proved the key; then an `AsyncLink` takes it over.

    So somebody without the key who connects from the address of a known peer does not replace it.
    """

    def __init__(
        self,
        link: Link,
        wire: Wire,
        *,
        proved: Callable[[Applicant], None],
        lost: Callable[[Applicant], None],
    ) -> None:
        """Begin with a connection that was made.

        Args:
            link: The rules, with a key that is required.
            wire: The connection.
            proved: Called when the key is proved.
            lost: Called instead if the connection ends before that.
        """
        self.link = link
        self.wire = wire
        self._proved = proved
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        link.connection_made("server", self._loop.time())
        self.flush()
        self._set_timer()

    def received(self, data: memoryview) -> None:
        """Take bytes from the connection; they are gone when this returns."""
        self.link.receive(data, self._loop.time())
        try:
            is_proved = self.link.prove()
        except MessagingError as error:
            self._hang_up(error)
            return
        if is_proved:
            self._stop_timer()
            self._proved(self)
        else:
            self.flush()

    def flush(self) -> None:
        """Send what waits: our side of the proof."""
        if not self.wire.transport.is_closing():
            self.wire.send(self.link)

    def detached(self, wire: Wire, error: Exception | None) -> None:
        """End with a connection that is gone."""
        self._stop_timer()
        self.link.connection_lost()
        self._lost(self)

    def _set_timer(self) -> None:
        due = self.link.next_deadline
        if due is not None:
            self._timer = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        try:
            self.link.expire(self._loop.time())
        except MessagingError as error:
            self._hang_up(error)
        else:
            self._set_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _hang_up(self, error: Exception) -> None:
        logger.warning("{}: closing the connection: {}", self.link.name, error)
        self.wire.transport.abort()
