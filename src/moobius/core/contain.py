"""Run the user's code so that what it raises, or that it does not end, stops nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from loguru import logger

from moobius.errors import MoobiusError

IN_FULL = "moobius in full"
"""The name of a task that is not cancelled."""

STUBBORN_S = 2.0
"""Seconds that a task which was cancelled may take to end; it may also ignore that."""


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


async def finish_within(tasks: Iterable[asyncio.Task[Any]], seconds: float) -> bool:
    """Wait for tasks, and cancel those that take too long, or all when cancelled meanwhile.

    Returns:
        Whether all of them came to their end.
    """
    tasks = set(tasks)
    try:
        _, late = await asyncio.wait(tasks, timeout=seconds) if tasks else (tasks, set())
    finally:
        await end_tasks(tasks)
    return not late


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> set[asyncio.Task[Any]]:
    """Cancel tasks and wait for their end, for a moment; return those that ignore it."""
    left = {task for task in tasks if not task.done()}
    for task in left:
        task.cancel()
    if not left:
        return left
    ended, stubborn = await asyncio.wait(left, timeout=STUBBORN_S)
    for task in ended:
        if not task.cancelled():
            task.exception()  # nobody else asks, and asyncio complains of what nobody asked for
    return stubborn


async def in_full(work: Callable[..., Awaitable[None]], *args: Any) -> None:
    """Await `work(*args)` to its end; one who is cancelled meanwhile hears of it afterwards."""
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
