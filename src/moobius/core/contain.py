"""Run the user's code so that what it raises is told and stops nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from loguru import logger

from moobius.errors import MoobiusError


async def contain(name: str, work: Callable[..., Any], *args: Any) -> None:
    """Await `work(*args)`; log what it raises, with its traceback if it is no error of ours.

    Args:
        name: What to call it in the log.
        work: Returns an awaitable.
        *args: Its arguments.
    """
    try:
        await work(*args)
    except MoobiusError as error:
        logger.error("{}: {}", name, error)
    except Exception as error:
        logger.opt(exception=error).error("{} raised in {}: {}", type(error).__name__, name, error)
