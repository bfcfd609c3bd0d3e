"""`MoobiusWand`: start services, here or in processes of their own, and cast spells on them."""

from __future__ import annotations

import atexit
import concurrent.futures.thread  # noqa: F401 - must be closed later than us
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moobius.core.control.front import Front
from moobius.core.plan import STOP_SLACK_S, Plan, ServiceStatus, split_keywords
from moobius.core.runner import KEYBOARDEXIT, exit_on_signals, interrupted, sigint_handler
from moobius.core.supervision import Restarts, check_policy
from moobius.errors import MoobiusError, WandError

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess
    from types import TracebackType

    from moobius.core.control.opening import Opening
    from moobius.core.foreground import Foreground
    from moobius.core.remote import RemoteWand
    from moobius.core.sdk import Moobius
    from moobius.core.worker import Worker
    from moobius.messaging import SharedKey

__all__ = ["KEYBOARDEXIT", "MoobiusWand", "sigint_handler"]

# Here and below, what only `run` needs is imported by it: a script that attaches to a wand, and
# casts one spell, does not wait for it.

# The standard library's own way to be called at the end of the main thread, while threads and
# processes can still be started (threads up to Python 3.11); what `atexit` calls comes too late.
_register_at_exit = getattr(threading, "_register_atexit", atexit.register)

STOP_TIMEOUT = 20.0  # seconds for all services together; callbacks get 10 of them, last frames 5


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
            openings: Where programs on other machines can reach this wand's services, each a
                `moobius.core.control.opening.Opening`. Those of its own user on this machine can
                anyway, by `MoobiusWand.attach()`.
        """
        self.services: dict[int, Moobius] = {}
        self.processes: dict[int, BaseProcess] = {}
        self.current_service_handle = 0
        self._running: dict[int, Foreground | Worker] = {}
        self._platform: Any = None
        self._waits_at_exit = False
        self._owner = os.getpid()
        self._main_file: str | None = None
        self._front = Front(self.stop, self.restart, openings)

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
            runtime: The directory in which those programs leave word, if not the usual one.
            address: `tls://HOST:PORT` or `tcp://HOST:PORT` of a wand that was opened for other
                machines, instead.
            key: Its key, or the 64 hexadecimal digits of that.
            ca_file: The certificates to trust, for `tls://`.

        Raises:
            ConfigError: If an address is given and the rest does not go with it.
        """
        from moobius.core.remote import RemoteWand

        return RemoteWand.attach(runtime=runtime, address=address, key=key, ca_file=ca_file)

    def run(self, cls: type[Moobius], background: bool = False, **kwargs: Any) -> int | None:
        """Start a service.

        Args:
            cls: The class, not an instance.
            background: Run it in a process of its own and return as soon as it is ready.
            **kwargs: What the class is called with; and, unless its constructor declares them
                itself, these of ours:

                - `name`: what the service is called from outside; the name of its class, with a
                  number when there are several, if not given;
                - `restart`: whether it is started again when it ends: `"never"`, `"on-failure"` or
                  `"always"`; and `restart_limit`, how often in a row (5), with growing pauses;
                - `ready_timeout`: seconds a background service may take to get ready (60);
                - `stop_timeout`: seconds its callbacks get to end when it stops (10);
                - `hang_timeout`: seconds its event loop may stand still (30) before a background
                  service counts as hanging, which is logged, and ends it if it is to be restarted.

        Returns:
            The handle of a background service. For a foreground service the call blocks until
            the service ends, and returns `None` if it was stopped by `stop` or `stop_all`.

        Raises:
            SystemExit: When a foreground service ends: status 130 after Ctrl+C, 143 after
                SIGTERM, 1 with one line on standard error when it cannot run.
            ConfigError: If a keyword of ours has no possible value.
            MoobiusError: When a background service cannot run: its own error.
            WandError: When it does not get ready in time, or one of its arguments cannot travel
                to its process.
        """
        handle, plan, restarts = self._plan(cls, kwargs, shares_platform=background)
        if not background:
            self._run_here(handle, plan, restarts)
            return None
        self._run_in_background(handle, plan, restarts)
        return handle

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
            ConfigError: If a keyword of ours has no possible value.
        """
        from moobius.core.together import Seat, run_together

        seats = []
        for each in services:
            cls, kwargs = each if isinstance(each, tuple) else (each, {})
            handle, plan, restarts = self._plan(cls, dict(kwargs), shares_platform=True)
            remember = partial(self.services.__setitem__, handle)
            seat = self._running[handle] = Seat(handle, plan, restarts, remember)
            self._front.watch(plan.name, seat)
            seats.append(seat)
        try:
            run_together(seats)
        finally:
            for seat in seats:
                self.services.pop(seat.handle, None)
            self._front.finish()

    def spell(self, handle: int, obj: Any) -> None:
        """Hand an object to a running service, whose `on_spell` is called with it.

        Spells arrive in the order in which they were cast. One that is cast while a service is
        being started again waits for it.

        Raises:
            WandError: If there is no such service, it has ended, or `obj` cannot be pickled.
        """
        found = self._running.get(handle)
        if found is None or not found.takes_spells:
            raise self._nobody(handle)
        found.put(obj)

    async def aspell(self, handle: int, obj: Any) -> None:
        """Do what `spell` does; casting never blocks, so neither does this.

        Raises:
            WandError: If there is no such service, it has ended, or `obj` cannot be pickled.
        """
        self.spell(handle, obj)

    def status(self) -> dict[int, ServiceStatus]:
        """Return what is known of every service that was started and not forgotten: by handle."""
        return {handle: found.status for handle, found in self._running.items()}

    def stop(self, handle: int) -> None:
        """Stop a service: politely first, after a while firmly; return when it has ended.

        Raises:
            WandError: If there is no such service.
        """
        found = self._known(handle)
        found.ask_to_stop()
        found.end()

    def restart(self, handle: int) -> None:
        """Stop a service and start it again; return when it runs.

        A background service is built anew in a fresh process, with the source as it is now. A
        foreground service is built anew in this one.

        Raises:
            WandError: If there is no such service, it has ended, it does not get ready, or an
                argument of its constructor cannot travel to a process.
        """
        found = self._known(handle)
        if found.life.is_over:
            raise self._nobody(handle)
        found.ask_to_restart()
        if not found.life.wait_running(found.plan.stop_timeout + STOP_SLACK_S):
            found.insist()
        if not found.life.wait_running(found.plan.ready_timeout):
            raise WandError(f"{found.plan.name} did not come back; it is {found.life.state}")

    def join(self) -> None:
        """Wait until all background services have ended; Ctrl+C stops them."""
        try:
            for found in list(self._running.values()):
                if found.is_background:
                    found.life.wait_over()
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
        running = [found for found in self._running.values() if not found.life.is_over]
        for found in running:
            found.ask_to_stop()
        deadline = time.monotonic() + STOP_TIMEOUT
        for found in running:
            if found.is_background:
                found.end(deadline - time.monotonic())
        if self._platform is not None:
            self._platform.close()
            self._platform = None
        self._front.finish()
        if force_exit:
            raise SystemExit(1)

    def _known(self, handle: int) -> Foreground | Worker:
        found = self._running.get(handle)
        if found is None:
            raise self._nobody(handle)
        return found

    def _nobody(self, handle: int) -> WandError:
        ended = " has ended" if handle in self._running else ""
        living = [
            f"{number} ({found.plan.name})"
            for number, found in self._running.items()
            if found.takes_spells
        ]
        return WandError(f"no service {handle}{ended}; running: {', '.join(living) or 'none'}")

    def _plan(
        self, cls: type[Moobius], kwargs: dict[str, Any], *, shares_platform: bool
    ) -> tuple[int, Plan, Restarts]:
        """Check what is to be run, and give it a handle and a name."""
        from moobius.core.checks import check_class

        check_class(cls)
        ours, rest = split_keywords(cls, kwargs)
        restarts = Restarts(
            check_policy(ours.pop("restart", "never")), ours.pop("restart_limit", Restarts.limit)
        )
        exit_on_signals()
        if shares_platform:
            self._prepare_to_share(cls, rest)
        name = self._front.claim(cls.__name__, ours.pop("name", None))
        plan = Plan(cls, rest, name, log_file=self._front.log_file_of(name), **ours)
        self.current_service_handle += 1
        return self.current_service_handle, plan, restarts

    # ---- In this process ------------------------------------------------------------------

    def _run_here(self, handle: int, plan: Plan, restarts: Restarts) -> None:
        def remember(service: Moobius) -> None:
            self.services[handle] = service

        from moobius.core.foreground import Foreground

        found = self._running[handle] = Foreground(handle, plan, restarts, remember)
        self._front.watch(plan.name, found)
        try:
            signal_number = found.run()
        except MoobiusError as error:
            raise SystemExit(f"{plan.cls.__name__}: {error}") from error
        finally:
            self.services.pop(handle, None)
            self._front.finish()
        if signal_number:
            raise SystemExit(128 + signal_number)

    # ---- In a process of its own --------------------------------------------------------------

    def _run_in_background(self, handle: int, plan: Plan, restarts: Restarts) -> None:
        def remember(process: BaseProcess) -> None:
            self.processes[handle] = process

        from moobius.core.worker import Worker

        found = self._running[handle] = Worker(handle, plan, restarts, remember)
        self._front.watch(plan.name, found)
        try:
            found.start()
        except Exception:
            # The caller is told, and may go on without this one.
            del self._running[handle]
            raise

    def _prepare_to_share(self, cls: type[Moobius], kwargs: Mapping[str, Any]) -> None:
        if not self._waits_at_exit:
            self._waits_at_exit = True
            self._main_file = getattr(sys.modules["__main__"], "__file__", None)
            _register_at_exit(self._at_exit)
        self._share_local_platform(cls, kwargs)

    def _share_local_platform(self, cls: type[Moobius], kwargs: Mapping[str, Any]) -> None:
        """Start the local Platform here if it is wanted, so that it outlives each single child."""
        from moobius.config import load_config
        from moobius.config_keywords import KEYWORDS, keywords_to_parts
        from moobius.core.lifecycle import announce
        from moobius.core.sdk import Moobius

        given = {key: kwargs[key] for key in KEYWORDS if key in kwargs}
        own_constructor = cls.__init__ is not Moobius.__init__
        if self._platform is not None or (own_constructor and not given):
            return
        if load_config(**keywords_to_parts(given)).settings.is_local:
            from moobius.local.embedded import find_or_start

            self._platform = find_or_start(Path.cwd(), announce=announce)

    def _at_exit(self) -> None:
        """Wait for the children, as a script expects that only starts services."""
        if os.getpid() != self._owner:
            return  # a forked child of ours, at its own end
        if self._main_file:
            # A script that has ended has no name any more; who is started again has to find it.
            vars(sys.modules["__main__"]).setdefault("__file__", self._main_file)
        status = 0
        crashed = getattr(sys, "last_value", None) is not None
        try:
            if not interrupted.is_set() and not crashed:
                self.join()
                status = int(any(each.life.state == "failed" for each in self._running.values()))
        except SystemExit as exit_:
            status = int(exit_.code or 0)
        finally:
            self.stop_all()
        if status:
            # Too late for an ordinary exit status: the interpreter is already on its way out.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
