"""Two ways to wait: with a limit, and for the first of several tasks to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def time_out_wrap(co_routine: Awaitable[T], timeout: float = 16) -> T:
    """Await something, but not for longer than `timeout` seconds.

    Raises:
        asyncio.TimeoutError: If it takes longer; it is cancelled then.
    """
    return await asyncio.wait_for(co_routine, timeout)


async def until_one_fails(tasks: list[asyncio.Task[None]]) -> None:
    """Wait until the newest task is done or any has failed; raise what it raised."""
    newest = tasks[-1]
    pending = set(tasks)
    while not newest.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    newest.result()
