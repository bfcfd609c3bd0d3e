"""The selector loop of `Client` and `Server`; an error in one connection does not end it."""

from __future__ import annotations

import selectors
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from loguru import logger

from moobius.errors import MoobiusError
from moobius.messaging.connection_manager import ConnectionManager

LONGEST_WAIT_S = 1.0


class Loop:
    """The turns of one selector's loop.

    All connections are checked when the earliest of their time limits is reached, and once in
    `LONGEST_WAIT_S`; in between only those to which something happens. So the cost of a turn does
    not depend on how many connections are silent.
    """

    def __init__(
        self,
        selector: selectors.BaseSelector,
        unconnected: Callable[[], Iterable[ConnectionManager]] = tuple,
    ) -> None:
        """Prepare.

        Args:
            selector: What is registered with it has a `process_events`.
            unconnected: Returns those whose requests may run out of time, besides those with a
                connection.
        """
        self._selector = selector
        self._unconnected = unconnected
        self._look_at = 0.0

    def turn(self) -> None:
        """Wait for events, and have the objects that are registered for them handle them."""
        for key, mask in self._selector.select(max(self._look_at - time.monotonic(), 0)):
            if isinstance(key.data, ConnectionManager):
                contain(key.data, partial(key.data.process_events, mask))
                self._note_deadline(key.data)
            else:
                _contain_other(key.data, mask)
        if time.monotonic() >= self._look_at:
            self._look_at_all()

    def _look_at_all(self) -> None:
        self._look_at = time.monotonic() + LONGEST_WAIT_S
        for connection in {*connections_of(self._selector), *self._unconnected()}:
            contain(connection, connection.expire)
            self._note_deadline(connection)

    def _note_deadline(self, connection: ConnectionManager) -> None:
        deadline = connection.next_deadline
        if deadline is not None and deadline < self._look_at:
            self._look_at = deadline


def contain(connection: ConnectionManager, do: Callable[[], None]) -> None:
    """Call `do`; if it raises, log that and close the connection."""
    try:
        do()
    except Exception as error:
        # Our own errors say everything; of any other, the traceback is needed.
        is_ours = isinstance(error, MoobiusError | OSError)
        logger.opt(exception=None if is_ours else error).warning(
            "{}: connection ended: {}", connection.peer_name, error
        )
        connection._close()


def _contain_other(watched: Any, mask: int) -> None:
    """Let a notifier, or a server that listens, do its work; these have no peer to close."""
    try:
        watched.process_events(mask)
    except Exception as error:
        logger.opt(exception=error).error("{} failed in the loop", type(watched).__name__)


def connections_of(selector: selectors.BaseSelector) -> list[ConnectionManager]:
    """Return the connections that a selector watches."""
    found = [key.data for key in selector.get_map().values()]
    return [data for data in found if isinstance(data, ConnectionManager)]
