"""`MoobiusWand`: start services, here or in processes of their own, and cast spells on them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from moobius.core.control.publisher import Publisher
from moobius.core.running.plan import Order, Plan, ServiceStatus, read_order
from moobius.core.running.roster import Roster
from moobius.core.running.shared_platform import SharedPlatform
from moobius.core.stopping.script_end import ScriptEnd
from moobius.core.stopping.signals import (
    KEYBOARDEXIT,
    exiting_on_signals,
    forget_interruption,
    sigint_handler,
)
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from moobius.core.control.opening import Opening
    from moobius.core.remote import RemoteWand
    from moobius.core.running.foreground import Foreground
    from moobius.core.running.worker import Worker
    from moobius.core.sdk import Moobius
    from moobius.messaging import SharedKey

__all__ = ["KEYBOARDEXIT", "MoobiusWand", "sigint_handler"]

# What only `run` needs is imported there, in this module and in others: a script that attaches to
# a wand to cast one spell should start fast.


class MoobiusWand:
    """Starts services and reaches them while they run.

        wand = MoobiusWand()
        handle = wand.run(WeatherRoom, config="config/config.json", background=True)
        wand.spell(handle, "it rains")

    A foreground service ends the program when it ends; background ones run in processes of
    their own, and the program waits for them at its end, or in a `with` block stops them at the end
    of that. One Ctrl+C stops everything in order.

    Attributes:
        services: Handle -> foreground service.
        processes: Handle -> process of a background service.
        current_service_handle: The newest handle; the first is 1.
    """

    def __init__(self, *, openings: Sequence[Opening] = ()) -> None:
        """Prepare; nothing runs or listens before there is a service.

        Args:
            openings: Addresses at which programs on other machines can reach this wand's services,
                each a `moobius.core.control.opening.Opening`. Programs of the same user on this
                machine can reach them anyway, by `MoobiusWand.attach()`.
        """
        self.services: dict[int, Moobius] = {}
        self.processes: dict[int, BaseProcess] = {}
        self.current_service_handle = 0
        self._planning = threading.Lock()
        self._roster = Roster()
        self._platform = SharedPlatform()
        self._script_end = ScriptEnd(self._roster, self.stop_all)
        self._publisher = Publisher(self.stop, self.restart, openings)

    def __str__(self) -> str:
        return (
            f"moobius.MoobiusWand(services={list(self.services)}, processes={list(self.processes)})"
        )

    __repr__ = __str__

    def __enter__(self) -> MoobiusWand:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_all()

    @staticmethod
    def attach(
        *,
        runtime: str | os.PathLike[str] | None = None,
        address: str = "",
        key: str | SharedKey = "",
        ca_file: str | os.PathLike[str] | None = None,
    ) -> RemoteWand:
        """Return a wand for services that other programs of this user have started.

            wand = MoobiusWand.attach()
            wand.spell("WeatherRoom", {"forecast": "rain"})

        Args:
            runtime: The directory of those programs' connection files, if not the usual one.
            address: Instead: `tls://HOST:PORT` or `tcp://HOST:PORT` of one wand that was opened for
                other machines.
            key: The key of that wand, also as 64 hexadecimal digits.
            ca_file: The certificates to trust, for `tls://`.

        Raises:
            ConfigError: If an argument that the address needs is missing, or one is not for it.
        """
        from moobius.core.remote import RemoteWand

        return RemoteWand.attach(runtime=runtime, address=address, key=key, ca_file=ca_file)

    def run(self, cls: type[Moobius], background: bool = False, **kwargs: Any) -> int | None:
        """Start a service; in a script, below `if __name__ == "__main__":`.

        A process that is not forked, such as that of a restarted service, imports the script to
        find the class; whatever else the script does, it would do a second time.

        Args:
            cls: The class, not an instance.
            background: Run it in a process of its own and return as soon as it is ready.
            **kwargs: What the class is called with; and, unless its constructor declares them
                itself, these of ours:

                - `name`: what the service is called from outside; the name of its class, with a
                  number when there are several, if not given;
                - `restart`: whether it is restarted when it ends: `"never"`, `"on-failure"` or
                  `"always"`; and `restart_limit`, how often in a row (5), with growing pauses;
                - `ready_timeout`: seconds a background service may take to get ready (60);
                - `stop_timeout`: seconds its callbacks and `on_stop` get to end when it stops (10);
                - `hang_timeout`: seconds its event loop may stand still (30) before a background
                  service counts as hanging, which is logged, and ends it if it is to be restarted.

        Returns:
            The handle of a background service. For a foreground service the call blocks until
            the service ends, and returns `None` if it was stopped by `stop` or `stop_all`.

        Raises:
            SystemExit: When a foreground service ends: status 130 after Ctrl+C, 143 after
                SIGTERM, 129 when its terminal was closed, 1 with one line on standard error
                when it cannot run.
            ConfigError: If a keyword of ours has an impossible value.
            MoobiusError: When a background service cannot run: its own error.
            WandError: When it does not get ready in time, or one of its arguments cannot be sent to
                its process; when it would block an event loop that runs in this thread, or the
                script is only being read.
        """
        if background:
            self._script_end.await_services()
        else:
            _check_no_loop()
        forget_interruption()
        with exiting_on_signals():
            order = _check(cls, kwargs)
            if not background:
                self._run_here(order)
                return None
            return self._run_in_background(order)

    def run_all(self, *services: type[Moobius] | tuple[type[Moobius], Mapping[str, Any]]) -> None:
        """Run several services in this process, in one event loop, until all of them have ended.

            wand.run_all(WeatherRoom, (TeaRoom, {"config": "tea.json", "name": "tea"}))

        Each has a handle, in this order, for spells, `stop` and `restart` from other threads.
        Where one fails, the others are stopped in order.

        Args:
            *services: Classes, each alone or with the keywords that `run` would be given.

        Raises:
            SystemExit: As for `run`: status 130 after Ctrl+C, 143 after SIGTERM, and 1 when one
                of them cannot run.
            ConfigError: If a keyword of ours has an impossible value.
            WandError: If no service is given, or it would block an event loop that runs in this
                thread.
        """
        if not services:
            raise WandError("run_all() was called without a service: name at least one class")
        self._script_end.await_services()
        _check_no_loop()
        forget_interruption()
        with exiting_on_signals():
            pairs = [each if isinstance(each, tuple) else (each, {}) for each in services]
            self._run_together([_check(cls, kwargs) for cls, kwargs in pairs])

    def spell(self, handle: int, obj: Any) -> None:
        """Hand an object to a running service, whose `on_spell` is called with it.

        Spells arrive in the order in which they were cast. One that is cast while a service is
        being restarted arrives afterwards.

        Raises:
            WandError: If there is no such service, it has ended, or `obj` cannot be pickled.
        """
        self._roster.taker(handle).put(obj)

    async def aspell(self, handle: int, obj: Any) -> None:
        """Do the same as `spell`, which never blocks.

        Raises:
            WandError: If there is no such service, it has ended, or `obj` cannot be pickled.
        """
        self.spell(handle, obj)

    def status(self) -> dict[int, ServiceStatus]:
        """Return the status of every service that this wand has started, by handle."""
        return self._roster.status()

    def stop(self, handle: int) -> None:
        """Stop a service, in order if it can in time, else by force; return when it has ended.

        Called by a callback of that service, in the foreground, it returns at once.

        Raises:
            WandError: If there is no such service.
        """
        self._roster.stop(handle)

    def restart(self, handle: int) -> None:
        """Stop a service and start it again; return when it runs.

        A background service is made again in a new process, with the source code as it is now; a
        foreground service is made again in this process.

        Raises:
            WandError: If there is no such service, it has ended, it does not get ready, or an
                argument of its constructor cannot be sent to a process.
        """
        self._roster.restart(handle)

    def join(self) -> None:
        """Wait until all background services have ended; Ctrl+C stops them."""
        with exiting_on_signals():
            try:
                self._roster.join()
            except SystemExit:
                self.stop_all()
                raise

    def stop_all(self, force_exit: bool = False) -> None:
        """Stop every service, in order if it can in time, else by force.

        Args:
            force_exit: End the program too, with status 1.
        """
        self._roster.stop_all()
        self._leave()
        if force_exit:
            raise SystemExit(1)

    def _plan(self, order: Order) -> tuple[int, Plan]:
        """Give a service that is about to run its handle and its name."""
        with self._planning:
            name = self._publisher.claim(order.cls.__name__, order.name)
            self.current_service_handle += 1
            plan = Plan(
                order.cls,
                order.kwargs,
                name,
                log_file=self._publisher.log_file_of(name),
                ensure_platform=self._platform.ensure,
                **order.limits,
            )
            return self.current_service_handle, plan

    def _enter(self, service: Foreground | Worker) -> None:
        """Add a service to those of this wand, and let other programs reach it once it is ready."""
        self._roster.add(service)
        self._publisher.watch(service.plan.name, service)

    def _run_here(self, order: Order) -> None:
        from moobius.core.running.foreground import Foreground

        handle, plan = self._plan(order)
        on_service = partial(self.services.__setitem__, handle)
        service = Foreground(handle, plan, order.restarts, on_service)
        self._enter(service)
        try:
            signal_number = service.run()
        except MoobiusError as error:
            raise SystemExit(f"{plan.cls.__name__}: {error}") from error
        finally:
            self._leave(handle)
        if signal_number:
            raise SystemExit(128 + signal_number)

    def _run_together(self, orders: Sequence[Order]) -> None:
        from moobius.core.running.same_process import Seat, run_together

        seats: list[Seat] = []
        try:
            for order in orders:
                handle, plan = self._plan(order)
                on_service = partial(self.services.__setitem__, handle)
                seats.append(Seat(handle, plan, order.restarts, on_service))
                self._enter(seats[-1])
            run_together(seats)
        finally:
            for seat in seats:
                seat.close()
            self._leave(*(seat.handle for seat in seats))

    def _leave(self, *handles: int) -> None:
        """Forget services of this process that have ended; after the last, stop the Platform."""
        for handle in handles:
            self.services.pop(handle, None)
        if self._roster.is_idle:
            self._platform.close()
        self._publisher.finish()

    def _run_in_background(self, order: Order) -> int:
        from moobius.core.running.worker import Worker

        handle, plan = self._plan(order)
        worker = Worker(handle, plan, order.restarts, partial(self.processes.__setitem__, handle))
        self._enter(worker)
        try:
            worker.start()
        except Exception:
            self._roster.forget(handle)  # the caller gets the error, and may go on without it
            raise
        return handle


def _check(cls: type[Moobius], kwargs: Mapping[str, Any]) -> Order:
    """Check what was asked for, before anything of it is started."""
    from moobius.core.checks import check_class, check_main_guard

    check_main_guard()
    check_class(cls)
    return read_order(cls, kwargs)


def _check_no_loop() -> None:
    from moobius.core.stopping.runner import check_no_loop

    check_no_loop("run(..., background=True) starts a process instead, or await start() of yours")
