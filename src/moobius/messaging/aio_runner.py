"""Runs the callbacks of one link, one after the other, in the order in which messages came."""

from __future__ import annotations

import asyncio
import inspect
import marshal
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from moobius.messaging import callbacks
from moobius.messaging.callbacks import Callbacks
from moobius.messaging.link import Link
from moobius.messaging.messages import Action, Request

BACKLOG_HIGH = 256
"""Messages that may wait for their callback before we read no more of them."""
BACKLOG_BYTES = 4 * 1024 * 1024
"""Bytes of their contents, likewise."""
PARSED_BYTES = 256 * 1024
"""Bytes of contents that may wait as they are; what comes beyond that is packed."""


class Packed(NamedTuple):
    """A message that waits, in one or two times as much memory as it took on the wire.

    A parsed message takes up to fifty times as much.
    """

    kind: type[Action] | type[Request]
    values: bytes

    @classmethod
    def of(cls, arrival: Action | Request) -> Packed | Action | Request:
        """Pack a message; one that nests too deep for that stays as it is."""
        try:
            return cls(type(arrival), marshal.dumps(tuple(arrival)))
        except ValueError:
            return arrival

    def unpacked(self) -> Action | Request:
        """Return the message."""
        return self.kind(*marshal.loads(self.values))


class Runner:
    """Calls a function at once; while a coroutine runs, what comes waits behind it.

    Attributes:
        waiting: How many messages wait for their callback.
        waiting_bytes: How many bytes their contents had on the wire.
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
        self._backlog: deque[tuple[Action | Request | Packed, int]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self._is_stopped = False
        self.waiting_bytes = 0

    @property
    def waiting(self) -> int:
        """How many messages wait for their callback."""
        return len(self._backlog)

    @property
    def has_room(self) -> bool:
        """Tell whether more messages may come, or the peer has to wait."""
        most: tuple[int | None, int | None] = (BACKLOG_HIGH, BACKLOG_BYTES)
        if len(self._link.pending) > 0:
            # A callback may wait for an answer, which would not be read.
            most = (self._link.limits.queue_messages, self._link.limits.queue_bytes)
        counts = (self.waiting, self.waiting_bytes)
        return all(
            limit is None or count < limit for count, limit in zip(counts, most, strict=True)
        )

    def take(self, arrival: Action | Request, size: int = 0) -> None:
        """Run the callback for a message, or keep the message until its turn.

        Args:
            arrival: The message.
            size: Bytes of its content.

        Raises:
            QueueFull: If the answer does not fit into the queue.
        """
        if self._worker is not None:
            self.waiting_bytes += size
            is_much = self.waiting_bytes > PARSED_BYTES
            self._backlog.append((Packed.of(arrival) if is_much else arrival, size))
            return
        value = self._call(arrival)
        if inspect.isawaitable(value):
            self._start((arrival, value))
        else:
            callbacks.finish(self._link, arrival, value)

    async def stop(self) -> None:
        """Cancel the running callback, unless it is the caller, and drop the messages that wait."""
        self._is_stopped = True
        self._backlog.clear()
        self.waiting_bytes = 0
        worker = self._worker
        if worker is not None and worker is not asyncio.current_task():
            worker.cancel()
            # Not `gather`: where two callbacks stop each other, it would cancel in a circle.
            await asyncio.wait({worker})

    def _call(self, arrival: Action | Request) -> Any:
        """Call a callback; what has none counts as failed."""
        known = self._registered
        callback = callbacks.find(self._link, arrival, known.actions, known.requests)
        if callback is None:
            return callbacks.FAILED
        return callbacks.call(self._link, arrival, callback, self._connection)

    def _start(self, begun: tuple[Action | Request, Any] | None = None) -> None:
        self._worker = asyncio.get_running_loop().create_task(self._work(begun))
        if begun is not None and inspect.iscoroutine(coroutine := begun[1]):
            # A worker that is cancelled before its first step never awaits it.
            self._worker.add_done_callback(lambda _: coroutine.close())
        self._worker.add_done_callback(self._ended)

    async def _work(self, begun: tuple[Action | Request, Any] | None) -> None:
        """Await a callback, then run those whose messages have come in the meantime."""
        if begun is not None:
            await self._finish(*begun)
        while self._backlog:
            waited, size = self._backlog.popleft()
            self.waiting_bytes -= size
            arrival = waited.unpacked() if isinstance(waited, Packed) else waited
            del waited
            await self._finish(arrival, self._call(arrival))

    def _ended(self, worker: asyncio.Task[None]) -> None:
        """Go on with the messages that wait, even if the worker was cancelled or failed."""
        self._worker = None
        if not worker.cancelled() and (error := worker.exception()) is not None:
            if not isinstance(error, Exception):
                return  # `KeyboardInterrupt` or `SystemExit`: the loop is ending
            self._failed(error)
        if self._backlog:
            self._start()
        self._progressed()

    async def _finish(self, arrival: Action | Request, value: Any) -> None:
        if inspect.isawaitable(value):
            try:
                value = await value
            except asyncio.CancelledError as error:
                # Either the callback awaited a task that was cancelled, and has failed; or somebody
                # cancelled this worker, and the next one goes on.
                if not self._is_stopped:
                    callbacks.fail(self._link, arrival, error)
                raise
            except Exception as error:
                value = callbacks.fail(self._link, arrival, error)
        callbacks.finish(self._link, arrival, value)
        self._progressed()
