"""Runs callbacks: they start in the order of arrival, and only so many run at a time.

A lane is a queue with a key (a channel, or a member of it). Work of one lane is started strictly
in order; how long the lane then waits depends on the work: preparing an event (resolving its
recipients) is always awaited, the callback itself only where one at a time is asked for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from typing import Any

from loguru import logger

from moobius.core.contain import end_tasks

Work = Callable[[], Awaitable[None]]


class Lanes:
    """Owns every task that runs user code for an event, from start to finish.

    Args:
        limit: How many pieces of work may be under way; above it, `put` waits.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lanes: dict[Hashable, deque[Work]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way = 0
        self._room = asyncio.Event()
        self._room.set()
        self._open = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._draining = False
        self._stopping = False

    def open(self) -> None:
        """Begin to run work; until then `put` waits."""
        self._open.set()

    async def put(self, key: Hashable, work: Work) -> None:
        """Queue work in its lane; waits before `open`, and while too much is under way.

        After a call of `drain`, new work is dropped.
        """
        await self._open.wait()
        while self._under_way >= self._limit and not self._draining:
            self._room.clear()
            await self._room.wait()
        if self._draining:
            return
        self._begin()
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = lane = deque()
            lane.append(work)
            self._hold(self._run(key, lane), "moobius lane")
        else:
            lane.append(work)

    def spawn(self, callback: Coroutine[Any, Any, None], name: str) -> None:
        """Run a callback on its own, beside its lane."""
        self._begin()

        def over(task: asyncio.Task[None]) -> None:
            self._end()
            if task.cancelled() and not self._stopping:
                logger.error("{} was cancelled: it waited for something that was", name)

        # Not a `finally` around it: a task that is cancelled before its first step runs nothing.
        self._hold(callback, name).add_done_callback(over)

    async def drain(self, seconds: float) -> None:
        """Accept no new work, wait for what is under way, and cancel what takes longer."""
        self._draining = True
        self._room.set()
        self._open.set()
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except asyncio.TimeoutError:
            names = sorted({task.get_name() for task in self._tasks})
            logger.warning(
                "{} callbacks did not finish within {:g} s and are cancelled: {}",
                len(self._tasks),
                seconds,
                ", ".join(names),
            )
        finally:  # also when this is cancelled
            self._stopping = True
            await end_tasks(self._tasks)

    async def _run(self, key: Hashable, lane: deque[Work]) -> None:
        while lane and not self._stopping:
            work = lane.popleft()
            try:
                await work()
            except asyncio.CancelledError as error:
                # The callback waited for a task that was cancelled: the lane continues.
                if self._stopping:
                    raise
                logger.opt(exception=error).error("an event was not handled to its end")
            except Exception as error:  # work contains its own errors; this is the safety net
                logger.opt(exception=error).error("an event was not handled")
            finally:
                self._end()
        del self._lanes[key]

    def _hold(self, coroutine: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        # The event loop itself keeps only weak references to tasks.
        task = asyncio.create_task(coroutine, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _begin(self) -> None:
        self._under_way += 1
        self._empty.clear()

    def _end(self) -> None:
        self._under_way -= 1
        self._room.set()
        if not self._under_way:
            self._empty.set()
