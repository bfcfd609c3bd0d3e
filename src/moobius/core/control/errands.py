"""Threads for what blocks, started early and kept: later it may be too late to start any.

A program whose script has ended, and which only waits for its services, cannot start threads any
more from Python 3.12 on.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable

AT_ONCE = 4
"""Services that can be stopped at the same time; who asks for more waits."""

Errand = Callable[[], None]


class Errands:
    """A few threads that keep no program from ending."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Errand | None] = queue.SimpleQueue()
        for _ in range(AT_ONCE):
            threading.Thread(target=self._run, name="moobius errands", daemon=True).start()

    async def run(self, work: Errand) -> None:
        """Run something in one of them, and wait for it; raises what that raises."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def tell(error: BaseException | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def errand() -> None:
            error: BaseException | None = None
            try:
                work()
            except BaseException as raised:
                error = raised
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits
                loop.call_soon_threadsafe(tell, error)

        self._waiting.put(errand)
        await done

    def close(self) -> None:
        """Let the threads end, when they have done what they are doing."""
        for _ in range(AT_ONCE):
            self._waiting.put(None)

    def _run(self) -> None:
        while (errand := self._waiting.get()) is not None:
            errand()
