"""`MoobiusWand`: start services, here or in processes of their own, and cast spells on them."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moobius.config import load_config
from moobius.config_keywords import KEYWORDS, keywords_to_parts
from moobius.core import child
from moobius.core.checks import check_class
from moobius.core.lifecycle import announce
from moobius.core.logs import log_fatal, log_sinks
from moobius.core.runner import Runner, exit_on_signals, interrupted
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from moobius.core.sdk import Moobius

READY_TIMEOUT = 60.0  # seconds a background service may take to get ready
STOP_TIMEOUT = 20.0  # seconds it may take to stop; callbacks get 10 of them, last frames 5


class MoobiusWand:
    """Starts services and reaches them while they run.

        wand = MoobiusWand()
        handle = wand.run(WeatherRoom, config="config/config.json", background=True)
        wand.spell(handle, "it rains")

    A foreground service ends the program when it ends; background ones run in processes of
    their own, and the program waits for them at its end. One Ctrl+C stops everything in order.

    Attributes:
        services: Handle -> foreground service.
        processes: Handle -> process of a background service.
        current_service_handle: The newest handle; the first is 1.
    """

    def __init__(self) -> None:
        self.services: dict[int, Moobius] = {}
        self.processes: dict[int, BaseProcess] = {}
        self.current_service_handle = 0
        self._names: dict[int, str] = {}
        self._queues: dict[int, Any] = {}
        self._runners: dict[int, Runner] = {}
        self._platform: Any = None
        self._waits_at_exit = False

    def __str__(self) -> str:
        return (
            f"moobius.MoobiusWand(services={list(self.services)}, processes={list(self.processes)})"
        )

    __repr__ = __str__

    def run(
        self,
        cls: type[Moobius],
        background: bool = False,
        *,
        ready_timeout: float = READY_TIMEOUT,
        **kwargs: Any,
    ) -> int | None:
        """Start a service.

        Args:
            cls: The class, not an instance.
            background: Run it in a process of its own and return as soon as it is ready.
            ready_timeout: Seconds a background service may take to get ready.
            **kwargs: What the class is called with.

        Returns:
            The handle of a background service. For a foreground service the call blocks until
            the service ends, and returns `None` if it was stopped by `stop_all`.

        Raises:
            SystemExit: When a foreground service ends: status 130 after Ctrl+C, 143 after
                SIGTERM, 1 with one line on standard error when it cannot run.
            MoobiusError: When a background service cannot run: its own error.
            WandError: When it does not get ready in time.
        """
        check_class(cls)
        self.current_service_handle += 1
        handle = self.current_service_handle
        self._names[handle] = cls.__name__
        if background:
            self._run_in_background(handle, cls, kwargs, ready_timeout)
            return handle
        self._run_here(handle, cls, kwargs)
        return None

    def spell(self, handle: int, obj: Any) -> None:
        """Hand an object to a running service, whose `on_spell` is called with it.

        Raises:
            WandError: If there is no such service, it has ended, or `obj` cannot be pickled.
        """
        self._queue_for(handle, obj).put(obj)

    async def aspell(self, handle: int, obj: Any) -> None:
        """Hand an object to a running service without blocking the event loop.

        Raises:
            WandError: If there is no such service, it has ended, or `obj` cannot be pickled.
        """
        await self._queue_for(handle, obj).coro_put(obj)

    def join(self) -> None:
        """Wait until all background services have ended; Ctrl+C stops them."""
        try:
            for process in list(self.processes.values()):
                process.join()
        except KeyboardInterrupt:
            self.stop_all()
            raise SystemExit(128 + signal.SIGINT) from None
        except SystemExit:
            self.stop_all()
            raise

    def stop_all(self, force_exit: bool = False) -> None:
        """Stop every service: politely first, after a while firmly.

        Args:
            force_exit: End the program too, with status 1.
        """
        for runner in list(self._runners.values()):
            runner.stop()
        processes = dict(self.processes)
        for process in processes.values():
            if process.is_alive():
                process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for handle, process in processes.items():
            _end(process, deadline - time.monotonic())
            # Spells that nobody took would keep us from ending.
            self._queues[handle].cancel_join_thread()
        if self._platform is not None:
            self._platform.close()
            self._platform = None
        if force_exit:
            raise SystemExit(1)

    # ---- In this process ------------------------------------------------------------------

    def _run_here(self, handle: int, cls: type[Moobius], kwargs: dict[str, Any]) -> None:
        runner = self._runners[handle] = Runner()
        exit_on_signals()
        try:
            service = cls(**kwargs)
            self._queues[handle] = service.queue  # first: who sees the service may cast a spell
            self.services[handle] = service
            with log_sinks(service.settings):
                try:
                    runner.run(service.start)
                except MoobiusError as error:
                    log_fatal(f"{cls.__name__}: {error}")
                    raise
        except MoobiusError as error:
            raise SystemExit(f"{cls.__name__}: {error}") from error
        finally:
            del self._runners[handle]
            self.services.pop(handle, None)
        if runner.stopped_by:
            raise SystemExit(128 + runner.stopped_by)

    # ---- In a process of its own --------------------------------------------------------------

    def _run_in_background(
        self, handle: int, cls: type[Moobius], kwargs: dict[str, Any], ready_timeout: float
    ) -> None:
        from aioprocessing import AioQueue

        exit_on_signals()
        if not self._waits_at_exit:
            self._waits_at_exit = True
            atexit.register(self._at_exit)
        self._share_local_platform(cls, kwargs)
        context = multiprocessing.get_context()
        queue = AioQueue(context=context)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=child.main,
            args=(cls, kwargs, queue, sender),
            name=f"{cls.__name__}<handle={handle}>",
        )
        process.start()
        sender.close()
        self.processes[handle], self._queues[handle] = process, queue
        try:
            with receiver:
                _wait_until_ready(cls.__name__, process, receiver, ready_timeout)
        except Exception:
            # The caller is told, and may go on without this one.
            del self.processes[handle], self._queues[handle]
            raise

    def _share_local_platform(self, cls: type[Moobius], kwargs: Mapping[str, Any]) -> None:
        """Start the local Platform here if it is wanted, so that it outlives each single child."""
        given = {key: kwargs[key] for key in KEYWORDS if key in kwargs}
        from moobius.core.sdk import Moobius

        own_constructor = cls.__init__ is not Moobius.__init__
        if self._platform is not None or (own_constructor and not given):
            return
        if load_config(**keywords_to_parts(given)).settings.is_local:
            from moobius.local.embedded import find_or_start

            self._platform = find_or_start(Path.cwd(), announce=announce)

    def _at_exit(self) -> None:
        """Wait for the children, as a script expects that only starts services."""
        status = 0
        crashed = getattr(sys, "last_value", None) is not None
        try:
            if not interrupted.is_set() and not crashed:
                self.join()
                status = int(any(process.exitcode for process in self.processes.values()))
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        finally:
            self.stop_all()
        if status:
            # Too late for an ordinary exit status: the interpreter is already on its way out.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _queue_for(self, handle: int, obj: Any) -> Any:
        """Return the queue of a service that runs, for an object that can travel."""
        if not self._is_running(handle):
            ended = " has ended" if handle in self._queues else ""
            living = [
                f"{number} ({self._names[number]})"
                for number in list(self._queues)
                if self._is_running(number)
            ]
            raise WandError(f"no service {handle}{ended}; running: {', '.join(living) or 'none'}")
        try:
            ForkingPickler.dumps(obj)  # the queue itself would find out too late to tell us
        except Exception as error:
            raise WandError(f"this spell cannot travel: {error}") from error
        return self._queues[handle]

    def _is_running(self, handle: int) -> bool:
        process = self.processes.get(handle)
        return handle in self.services or (process is not None and process.is_alive())


def _wait_until_ready(
    name: str, process: BaseProcess, receiver: Connection, ready_timeout: float
) -> None:
    """Wait for the report of a child; whatever else happens, the child ends."""
    try:
        report = receiver.recv() if receiver.poll(ready_timeout) else None
    except EOFError:
        _end(process, STOP_TIMEOUT)
        raise WandError(
            f"{name} ended before it was ready, with status {process.exitcode}"
        ) from None
    if report is None:
        _end(process, 0)
        raise WandError(f"{name} was not ready within {ready_timeout:g} s; stopped")
    if isinstance(report, child.Failed):
        _end(process, STOP_TIMEOUT)
        raise report.error from _ChildTraceback(report.traceback)


def _end(process: BaseProcess, seconds: float) -> None:
    """Wait for the end of a process; kill it if that takes too long."""
    process.join(max(0.0, seconds))
    if process.is_alive():
        process.kill()
        process.join()


class _ChildTraceback(Exception):
    """Shows where in the child an error was raised."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'
