"""The callbacks that all connections of the process share, and their decorators (2.1)."""

from __future__ import annotations

from collections.abc import Callable

from moobius.messaging.callbacks import Callbacks, CallbackT

SHARED = Callbacks()


def message_callback(action_string: str) -> Callable[[CallbackT], CallbackT]:
    """Call the decorated function for an action message, as `f(connection, *args, **kwargs)`.

    A later function of the same name takes the place of the first.

    Raises:
        ValueError: If the name is `filetransfer`, which is reserved.
    """
    return SHARED.on(action_string)


def request_callback(string_command: str) -> Callable[[CallbackT], CallbackT]:
    """Answer a request with what the decorated function returns: `f(connection, *args, **kwargs)`.

    A later function of the same name takes the place of the first. One that raises answers nothing,
    unless both sides have agreed on error replies.

    Raises:
        ValueError: If the name is `filetransfer`, which is reserved.
    """
    return SHARED.on_request(string_command)
