"""Threads for calls that block, started early and kept.

From Python 3.12 on, a program whose script has ended, and which only waits for its services, cannot
start new threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

AT_ONCE = 4
"""Calls that can run at the same time; further ones wait."""

Work = Callable[[], None]


class BlockingThreads:
    """A few threads that do not keep the program from ending."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        for _ in range(AT_ONCE):
            threading.Thread(target=self._run, name="moobius blocking calls", daemon=True).start()

    async def run(self, work: Work) -> None:
        """Call `work` in one of the threads and wait for its end; raises what it raises."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def finish(error: BaseException | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def job() -> None:
            error: BaseException | None = None
            try:
                work()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(finish, error)

        self._waiting.put(job)
        await done

    def close(self) -> None:
        """End the threads, each after the call that it is making."""
        for _ in range(AT_ONCE):
            self._waiting.put(None)

    def _run(self) -> None:
        while (job := self._waiting.get()) is not None:
            job()
