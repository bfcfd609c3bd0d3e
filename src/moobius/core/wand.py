"""`MoobiusWand`: start services, here or in processes of their own, and cast spells on them."""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moobius.config import load_config
from moobius.core import child
from moobius.core.lifecycle import announce
from moobius.core.logs import log_fatal, log_sinks
from moobius.core.runner import Runner, exit_on_interrupt, interrupted
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from moobius.core.sdk import Moobius

READY_TIMEOUT = 60.0  # seconds a background service may take to get ready
STOP_TIMEOUT = 15.0  # seconds it may take to stop; its own callbacks get 10 of them

_CONFIG_KEYWORDS = ("config", "account_config", "service_config", "db_config", "log_config")


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
            WandError: If there is no such service, or it has ended.
        """
        self._queue_of(handle).put(obj)

    async def aspell(self, handle: int, obj: Any) -> None:
        """Hand an object to a running service without blocking the event loop.

        Raises:
            WandError: If there is no such service, or it has ended.
        """
        await self._queue_of(handle).coro_put(obj)

    def join(self) -> None:
        """Wait until all background services have ended; Ctrl+C stops them."""
        try:
            for process in self.processes.values():
                process.join()
        except (KeyboardInterrupt, SystemExit):
            self.stop_all()
            raise SystemExit(128 + signal.SIGINT) from None

    def stop_all(self, force_exit: bool = False) -> None:
        """Stop every service: politely first, after a while firmly.

        Args:
            force_exit: End the program too, with status 1.
        """
        for runner in self._runners.values():
            runner.stop()
        for process in self.processes.values():
            if process.is_alive():
                process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT
        for process in self.processes.values():
            process.join(max(0.0, deadline - time.monotonic()))
            if process.is_alive():
                process.kill()
                process.join()
        if self._platform is not None:
            self._platform.close()
            self._platform = None
        if force_exit:
            raise SystemExit(1)

    # ---- In this process ------------------------------------------------------------------

    def _run_here(self, handle: int, cls: type[Moobius], kwargs: dict[str, Any]) -> None:
        runner = self._runners[handle] = Runner()
        exit_on_interrupt()
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

        self._share_local_platform(cls, kwargs)
        context = multiprocessing.get_context()
        queue = AioQueue(context=context)
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=child.main,
            args=(cls, kwargs, queue, sender),
            name=f"{cls.__name__}<handle={handle}>",
        )
        if not self.processes:
            atexit.register(self._at_exit)
        exit_on_interrupt()
        process.start()
        sender.close()
        self.processes[handle], self._queues[handle] = process, queue
        try:
            report = receiver.recv() if receiver.poll(ready_timeout) else None
        except EOFError:
            process.join()
            raise WandError(
                f"{cls.__name__} ended before it was ready, with status {process.exitcode}"
            ) from None
        if report is None:
            process.kill()
            process.join()
            raise WandError(f"{cls.__name__} was not ready within {ready_timeout:g} s; stopped")
        if isinstance(report, child.Failed):
            process.join()
            raise report.error from _ChildTraceback(report.traceback)

    def _share_local_platform(self, cls: type[Moobius], kwargs: Mapping[str, Any]) -> None:
        """Start the local Platform here if it is wanted, so that it outlives each single child."""
        given = {key: kwargs[key] for key in _CONFIG_KEYWORDS if key in kwargs}
        own_constructor = "__init__" in vars(cls)
        if self._platform is not None or (own_constructor and not given):
            return
        if load_config(**given).settings.is_local:
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

    def _queue_of(self, handle: int) -> Any:
        process = self.processes.get(handle)
        if handle not in self._queues or (process is not None and not process.is_alive()):
            ended = " has ended" if handle in self._queues else ""
            living = [
                f"{number} ({self._names[number]})"
                for number in self._queues
                if number in self.services
                or (number in self.processes and self.processes[number].is_alive())
            ]
            raise WandError(f"no service {handle}{ended}; running: {', '.join(living) or 'none'}")
        return self._queues[handle]


class _ChildTraceback(Exception):
    """Shows where in the child an error was raised."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'
