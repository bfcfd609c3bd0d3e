"""Finding, calling and containing the callbacks for messages, for both shells.

A shell asks `find` for the callback, runs it with `call` (an asyncio shell awaits what that
returns, with `fail` for what is raised meanwhile), and ends with `finish`; `dispatch` is all of it.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from loguru import logger

from moobius.messaging.link import Link
from moobius.messaging.messages import FILETRANSFER, Action, Request

Callback = Callable[..., Any]
CallbackT = TypeVar("CallbackT", bound=Callback)

_UNGUARDED = nullcontext()

FAILED: Any = object()
"""What `call` returns for a callback that raised."""


def check_name(name: str) -> None:
    """Refuse the reserved name.

    Raises:
        ValueError: If it is `filetransfer`, whose messages never reach a callback.
    """
    if name == FILETRANSFER:
        raise ValueError(
            f"{FILETRANSFER!r} is reserved: files are received and sent as the file policy allows"
        )


class Callbacks:
    """The callbacks of a server or a connection, by name.

    Each is called as `callback(peer, *args, **kwargs)`.
    """

    def __init__(self) -> None:
        self.actions: dict[str, Callback] = {}
        self.requests: dict[str, Callback] = {}

    def on(self, action: str) -> Callable[[CallbackT], CallbackT]:
        """Register the decorated function for an action; what it returns is ignored.

        Raises:
            ValueError: If the name is reserved.
        """
        return _registering(self.actions, action)

    def on_request(self, name: str) -> Callable[[CallbackT], CallbackT]:
        """Register the decorated function for a request; what it returns is the answer.

        Raises:
            ValueError: If the name is reserved.
        """
        return _registering(self.requests, name)


def _registering(registry: dict[str, Callback], name: str) -> Callable[[CallbackT], CallbackT]:
    check_name(name)

    def register(callback: CallbackT) -> CallbackT:
        registry[name] = callback
        return callback

    return register


def find(
    link: Link,
    arrival: Action | Request,
    actions: Mapping[str, Callback],
    requests: Mapping[str, Callback],
) -> Callback | None:
    """Return the callback for a message; where there is none, that is logged and answered."""
    if isinstance(arrival, Action):
        callback = actions.get(arrival.action)
        if callback is None:
            logger.warning("{}: no callback for the action {!r:.60}", link.name, arrival.action)
        return callback
    callback = requests.get(arrival.name)
    if callback is None:
        logger.warning("{}: no callback for the request {!r:.60}", link.name, arrival.name)
        link.refuse(arrival, "unknown", "no such request")
    return callback


def call(
    link: Link,
    arrival: Action | Request,
    callback: Callback,
    connection: Any,
    *,
    guard: AbstractContextManager[Any] = _UNGUARDED,
) -> Any:
    """Return what a callback returns, or `FAILED`: one that raises harms nobody else."""
    try:
        return callback(connection, *arrival.args, **arrival.kwargs)
    except (Exception, CancelledError) as error:  # it asked for the result of a cancelled task
        with guard:
            return fail(link, arrival, error)


def fail(link: Link, arrival: Action | Request, error: BaseException) -> Any:
    """Log that a callback raised, tell the peer if it asked to be told, and return `FAILED`."""
    name = arrival.action if isinstance(arrival, Action) else arrival.name
    logger.opt(exception=error).error("{}: the callback for {!r:.60} raised", link.name, name)
    if isinstance(arrival, Request):
        link.refuse(arrival, "exception", f"the callback raised {type(error).__name__}")
    return FAILED


def finish(link: Link, arrival: Action | Request, value: Any) -> None:
    """Send what a request's callback returned, unless it failed.

    Raises:
        QueueFull: If the answer does not fit into the queue: the connection is to be closed.
    """
    if isinstance(arrival, Request) and value is not FAILED:
        link.answer(arrival, value)


def dispatch(
    link: Link,
    arrival: Action | Request,
    connection: Any,
    actions: Mapping[str, Callback],
    requests: Mapping[str, Callback],
    *,
    guard: AbstractContextManager[Any] = _UNGUARDED,
) -> None:
    """Do all of it, for a shell whose callbacks are ordinary functions.

    Args:
        link: Whose message it is.
        arrival: The message.
        connection: The callback's first argument.
        actions: The callbacks for actions.
        requests: The callbacks for requests.
        guard: A lock that is held while the link is used, and not while the callback runs.

    Raises:
        QueueFull: If the answer does not fit into the queue: the connection is to be closed.
    """
    with guard:
        callback = find(link, arrival, actions, requests)
    if callback is None:
        return
    value = call(link, arrival, callback, connection, guard=guard)
    with guard:
        finish(link, arrival, value)
