"""Does what other programs ask of a wand's services. One method a request; no sockets."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from loguru import logger

from moobius.core.control import protocol
from moobius.core.control.errands import Errands
from moobius.core.control.protocol import ServiceInfo
from moobius.core.control.records import Record
from moobius.core.running.plan import ServiceStatus
from moobius.errors import MoobiusError, WandError


class Service(Protocol):
    """A supervised service, as far as this is concerned."""

    @property
    def takes_spells(self) -> bool:
        """Whether there is somebody to take a spell."""

    @property
    def status(self) -> ServiceStatus:
        """What there is to know."""

    def put(self, spell: Any) -> None:
        """Send a spell; does not block."""


@dataclass(frozen=True)
class Entry:
    """A service that can be asked for, and what its connection file says."""

    service: Service
    record: Record


class Desk:
    """Answers for the services of one wand.

    Attributes:
        idle: Set while nothing is being done.
    """

    def __init__(
        self,
        instance: str,
        stop: Callable[[int], None],
        restart: Callable[[int], None],
        entries: Mapping[str, Entry],
    ) -> None:
        """Prepare.

        Args:
            instance: Which wand this is.
            stop: Stops the service with a handle, and returns when that is done.
            restart: Starts it anew, and returns when it runs.
            entries: Name -> service. Other threads put them in and take them out.
        """
        self._entries = entries
        self.idle = asyncio.Event()
        self.idle.set()
        self._busy = 0
        self._errands = Errands()
        self._instance = instance
        self._stop = stop
        self._restart = restart

    def close(self) -> None:
        """Let go of the threads that stop and restart services."""
        self._errands.close()

    async def answer(self, request: str, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Do what is asked, and return the answer; what goes wrong is an answer too."""
        method = REQUESTS[request]
        try:
            inspect.signature(method).bind(self, *args, **kwargs)
        except TypeError as error:
            return protocol.error_answer(f"{request!r} is asked for in another way: {error}")
        self._busy += 1
        self.idle.clear()
        try:
            value = method(self, *args, **kwargs)
            return protocol.value_answer(await value if inspect.isawaitable(value) else value)
        except MoobiusError as error:
            return protocol.error_answer(str(error))
        finally:
            self._busy -= 1
            if not self._busy:
                self.idle.set()

    def ping(self) -> str:
        """Say which wand this is."""
        return self._instance

    def services(self) -> list[dict[str, Any]]:
        """Tell of every service."""
        entries = list(self._entries.values())  # at once: others come and go meanwhile
        return sorted(map(_told, entries), key=itemgetter("name"))

    def status(self, name: str) -> dict[str, Any]:
        """Tell of a service."""
        return _told(self._entry(name))

    def spell(self, name: str, text: str) -> None:
        """Hand a spell to a service."""
        entry = self._entry(name)
        if not entry.service.takes_spells:
            raise self._nobody(name)
        entry.service.put(protocol.unpack_spell(text))

    async def stop(self, name: str) -> None:
        """Stop a service, whatever state it is in."""
        handle = self._entry(name).service.status.handle
        logger.info("{} is stopped by another program", name)
        await self._errands.run(lambda: self._stop(handle))

    async def restart(self, name: str) -> None:
        """Start a service anew."""
        handle = self._entry(name).service.status.handle
        logger.info("{} is started again by another program", name)
        await self._errands.run(lambda: self._restart(handle))

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(name) if isinstance(name, str) else None
        if entry is None:
            raise self._nobody(name)
        return entry

    def _nobody(self, name: str) -> WandError:
        living = [each for each, entry in list(self._entries.items()) if entry.service.takes_spells]
        return WandError(protocol.nobody(f"{name}"[:80], sorted(living)))


def _told(entry: Entry) -> dict[str, Any]:
    status, record = entry.service.status, entry.record
    return protocol.info_to_json(
        ServiceInfo(
            name=record.name,
            cls=record.cls,
            state=status.state,
            pid=status.pid,
            restarts=status.restarts,
            started_at=record.started_at,
            project=record.project,
            log_file=record.log_file,
        )
    )


# What can be asked for -> who does it.
REQUESTS: Mapping[str, Callable[..., Any]] = {
    protocol.PING: Desk.ping,
    protocol.SERVICES: Desk.services,
    protocol.STATUS: Desk.status,
    protocol.SPELL: Desk.spell,
    protocol.STOP: Desk.stop,
    protocol.RESTART: Desk.restart,
}
