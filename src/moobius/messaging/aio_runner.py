"""Runs the callbacks of one link, one after the other, in the order in which messages came."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable
from typing import Any

from moobius.messaging import callbacks
from moobius.messaging.callbacks import Callbacks
from moobius.messaging.link import Link
from moobius.messaging.messages import Action, Request


class Runner:
    """Calls a function at once; while a coroutine runs, what comes waits behind it.

    Attributes:
        waiting: How many messages wait for their callback.
    """

    def __init__(
        self,
        link: Link,
        registered: Callbacks,
        connection: Any,
        *,
        progressed: Callable[[], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Prepare.

        Args:
            link: Where answers go.
            registered: The callbacks.
            connection: Their first argument.
            progressed: Called whenever one has ended, or fewer wait.
            failed: Called when an answer cannot be queued.
        """
        self._link = link
        self._registered = registered
        self._connection = connection
        self._progressed = progressed
        self._failed = failed
        self._backlog: deque[Action | Request] = deque()
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many messages wait for their callback."""
        return len(self._backlog)

    def take(self, arrival: Action | Request) -> None:
        """Run the callback for a message, or keep the message until its turn.

        Raises:
            QueueFull: If the answer does not fit into the queue.
        """
        if self._worker is not None:
            self._backlog.append(arrival)
            return
        value = self._call(arrival)
        if inspect.isawaitable(value):
            self._worker = asyncio.get_running_loop().create_task(self._work(arrival, value))
        else:
            callbacks.finish(self._link, arrival, value)

    async def stop(self) -> None:
        """Cancel the callback that runs, unless it is the one that asks, and forget the others."""
        self._backlog.clear()
        worker = self._worker
        if worker is not None and worker is not asyncio.current_task():
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)

    def _call(self, arrival: Action | Request) -> Any:
        """Call a callback; what has none counts as failed."""
        known = self._registered
        callback = callbacks.find(self._link, arrival, known.actions, known.requests)
        if callback is None:
            return callbacks.FAILED
        return callbacks.call(self._link, arrival, callback, self._connection)

    async def _work(self, arrival: Action | Request, value: Any) -> None:
        """Await a callback, then run those whose messages have come in the meantime."""
        try:
            await self._finish(arrival, value)
            while self._backlog:
                arrival = self._backlog.popleft()
                await self._finish(arrival, self._call(arrival))
        except OSError as error:
            self._failed(error)
        finally:
            self._worker = None

    async def _finish(self, arrival: Action | Request, value: Any) -> None:
        if inspect.isawaitable(value):
            try:
                value = await value
            except Exception as error:
                value = callbacks.fail(self._link, arrival, error)
        callbacks.finish(self._link, arrival, value)
        self._progressed()
