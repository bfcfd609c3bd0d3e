"""Several services in one process and one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from moobius.core.logs import log_sinks
from moobius.core.running.foreground import Foreground
from moobius.core.running.plan import Plan
from moobius.core.running.supervision import Restarts
from moobius.core.stopping.runner import Runner
from moobius.core.stopping.time_limits import STOP_TIMEOUT
from moobius.errors import MoobiusError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius


class Seat(Foreground):
    """Runs one of several services that share an event loop; see `Foreground`."""

    def __init__(
        self, handle: int, plan: Plan, restarts: Restarts, on_service: Callable[[Moobius], None]
    ) -> None:
        super().__init__(handle, plan, restarts, on_service)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._skip_delay = asyncio.Event()

    def ask_to_stop(self) -> None:
        """Begin to stop it in order; returns at once."""
        self.life.ask_to_stop()
        self._cancel_soon()

    def ask_to_restart(self) -> None:
        """Begin to restart it; returns at once."""
        if self.life.ask_to_restart():
            self._cancel_soon()

    def close(self) -> None:
        """Mark it as ended, also if it never ran."""
        if not self.life.is_over:
            self.life.enter("stopped")

    async def live(self) -> None:
        """Run it until it ends for good.

        Raises:
            Exception: What ended it, if it is not started again.
        """
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        end = "failed"
        try:
            while self.life.is_wanted and await self._live_once():
                pass
            end = "stopped"
        except asyncio.CancelledError:
            end = "stopped"
            raise
        finally:
            self._spells.close()
            self.life.enter(end)

    async def _live_once(self) -> bool:
        """Run it, and return whether it is to be run again."""
        self.life.take_restart()
        self._skip_delay.clear()
        service = self._new_service()
        with log_sinks(service.settings, self.plan.log_file) as self.log_file:
            self._task = task = asyncio.create_task(service.start(), name=self.plan.name)
            try:
                await asyncio.wait({task})
            finally:
                if not task.done():  # we are cancelled ourselves, with all the others
                    task.cancel()
                    await asyncio.wait({task})
            error = None if task.cancelled() else task.exception()
            if not isinstance(error, Exception):
                return self.life.take_restart()
            delay = self._delay_after(error)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._skip_delay.wait(), delay)
        return True

    def _cancel_soon(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # it has just been closed
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        if self.life.is_wanted and not self.life.is_restart_asked:
            return  # the restart that was asked for has begun meanwhile
        self._skip_delay.set()
        if self._task is not None:
            self._task.cancel()


def run_together(seats: Sequence[Seat]) -> None:
    """Run services until all have ended; where one fails, stop the others in order.

    Raises:
        SystemExit: After a signal, with the status for it; or with a line that says which service
            cannot run, and why.
        Exception: Any other error that ended one of them.
    """
    runner = Runner(max((seat.plan.stop_timeout for seat in seats), default=STOP_TIMEOUT))
    try:
        runner.run(lambda: _live_all(seats))
    except MoobiusError as error:
        failed = next(seat.plan for seat in seats if seat.life.state == "failed")
        raise SystemExit(f"{failed.cls.__name__}: {error}") from error
    if runner.stopped_by:
        raise SystemExit(128 + runner.stopped_by)


async def _live_all(seats: Sequence[Seat]) -> None:
    tasks = [asyncio.create_task(seat.live(), name=f"life of {seat.plan.name}") for seat in seats]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()
