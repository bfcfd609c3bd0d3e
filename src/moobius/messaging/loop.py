"""One turn of a selector's loop, for `Client` and `Server`: whatever happens, it goes on."""

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


def turn(selector: selectors.BaseSelector, unconnected: Iterable[ConnectionManager] = ()) -> None:
    """Wait for something to happen, and let whoever it concerns handle it.

    Args:
        selector: What is registered with it has a `process_events`.
        unconnected: Those whose requests may run out of time, besides those with a connection.
    """
    watched = {*connections_of(selector), *unconnected}
    deadlines = [d for connection in watched if (d := connection.next_deadline) is not None]
    wait = min([LONGEST_WAIT_S, *(deadline - time.monotonic() for deadline in deadlines)])
    for key, mask in selector.select(max(wait, 0)):
        if isinstance(key.data, ConnectionManager):
            contain(key.data, partial(key.data.process_events, mask))
        else:
            _contain_other(key.data, mask)
    for connection in watched:
        contain(connection, connection.expire)


def contain(connection: ConnectionManager, do: Callable[[], None]) -> None:
    """Do something with a connection; whatever that raises ends the connection and nothing else."""
    try:
        do()
    except Exception as error:
        # Ours are for people and complete; of any other, the place matters.
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
