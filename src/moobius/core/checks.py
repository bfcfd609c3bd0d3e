"""Checks a service class for mistakes before it runs."""

from __future__ import annotations

import difflib
import inspect
import multiprocessing
from typing import Any

from loguru import logger

from moobius.core.callbacks import Callbacks
from moobius.core.client import Client
from moobius.errors import WandError

CALLBACKS = frozenset(name for name in vars(Callbacks) if not name.startswith("_"))

_ALIKE = 0.85  # on_mesage_up is meant, on_message_sent is the service's own


def check_class(cls: Any) -> None:
    """Refuse anything but a class, and warn about callbacks that are misspelled or not `async`.

    Raises:
        TypeError: If it is an instance, or anything else that is not a service class.
    """
    if not inspect.isclass(cls):
        name = type(cls).__name__
        raise TypeError(f"run() takes the class and makes the service itself: run({name}, ...)")
    if Client not in cls.__mro__:
        raise TypeError(f"{cls.__name__} is no service: write `class {cls.__name__}(Moobius):`")
    for base in cls.__mro__:
        if base.__module__.startswith("moobius."):
            continue
        for name, value in vars(base).items():
            _check_method(cls, name, value)


def check_main_guard() -> None:
    """Refuse to run anything in a process that imports the script of its parent.

    The process of a service that was not forked, or was restarted, imports the script to find the
    class. Whatever else the script does as it is imported, it would do a second time.

    Raises:
        WandError: If this is such a process.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise WandError(
            "this is a process for a service, and only reads its script to find the class; but the "
            "script runs a service as it is read: put what it does below a line "
            'if __name__ == "__main__":'
        )


def _check_method(cls: type, name: str, value: object) -> None:
    if name in CALLBACKS:
        if inspect.isfunction(value) and not inspect.iscoroutinefunction(value):
            logger.warning(
                "{}.{} is called with await: write `async def {}`", cls.__name__, name, name
            )
    elif name.startswith("on_") and (
        close := difflib.get_close_matches(name, CALLBACKS, n=1, cutoff=_ALIKE)
    ):
        logger.warning("nobody calls {}.{}; did you mean {}?", cls.__name__, name, close[0])
