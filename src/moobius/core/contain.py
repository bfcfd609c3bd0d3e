"""Runs the user's code so that nothing else stops when it raises an error or does not end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from loguru import logger

from moobius.errors import MoobiusError

IN_FULL = "moobius in full"
"""The name of tasks that are never cancelled; see `in_full`."""

STUBBORN_S = 2.0
"""Seconds to wait for the end of tasks that were cancelled; they may ignore it."""


async def contain(name: str, work: Callable[..., Any], *args: Any) -> None:
    """Await `work(*args)`; log what it raises, with a traceback unless it is a `MoobiusError`.

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


async def finish_within(tasks: Iterable[asyncio.Task[Any]], seconds: float) -> bool:
    """Wait for tasks, and cancel those that take too long; or all, if this is cancelled.

    Returns:
        Whether all of them ended in time.
    """
    tasks = set(tasks)
    try:
        _, late = await asyncio.wait(tasks, timeout=seconds) if tasks else (tasks, set())
    finally:
        await end_tasks(tasks)
    return not late


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Cancel tasks and wait shortly for their end; return those that have not ended."""
    left = {task for task in tasks if not task.done()}
    for task in left:
        task.cancel()
    if not left:
        return left
    ended, stubborn = await asyncio.wait(left, timeout=STUBBORN_S)
    for task in ended:
        if not task.cancelled():
            task.exception()  # or asyncio would log that it was never retrieved
    return stubborn


async def in_full(work: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Await `work(*args)` to its end; a cancellation meanwhile is raised only afterwards."""
    task = asyncio.create_task(_awaited(work(*args)), name=IN_FULL)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    with contextlib.suppress(asyncio.CancelledError):
        task.result()
    if cancelled is not None:
        raise cancelled


async def _awaited(work: Awaitable[None]) -> None:
    await work
