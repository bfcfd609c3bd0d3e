"""Handles what other programs request of a wand's services: one method each, no sockets."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Protocol

from loguru import logger

from moobius.core.control import protocol
from moobius.core.control.blocking_threads import BlockingThreads
from moobius.core.control.connection_files import Record
from moobius.core.control.protocol import ServiceInfo
from moobius.core.running.plan import ServiceStatus
from moobius.errors import MoobiusError, WandError


class Service(Protocol):
    """What the handler needs to know of a service."""

    @property
    def takes_spells(self) -> bool:
        """Whether a spell would be taken."""

    @property
    def status(self) -> ServiceStatus:
        """Its state, process and so on."""

    def put(self, spell: Any) -> None:
        """Send a spell; does not block."""


@dataclass(frozen=True)
class Entry:
    """A service, and what its connection file says."""

    service: Service
    record: Record


class RequestHandler:
    """Handles requests for the services of one wand.

    Attributes:
        idle: Set while no request is being handled.
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
            instance: The id of this wand.
            stop: Stops the service with a handle, and returns when it has ended.
            restart: Restarts it, and returns when it runs.
            entries: Name -> service; other threads add and remove them.
        """
        self._entries = entries
        self.idle = asyncio.Event()
        self.idle.set()
        self._busy = 0
        self._threads = BlockingThreads()
        self._instance = instance
        self._stop = stop
        self._restart = restart

    def close(self) -> None:
        """End the threads that stop and restart services."""
        self._threads.close()

    async def answer(self, request: str, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Handle a request, and return the answer; an error is an answer too."""
        method = REQUESTS[request]
        try:
            inspect.signature(method).bind(self, *args, **kwargs)
        except TypeError as error:
            return protocol.error_answer(f"{request!r} takes other arguments: {error}")
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
        """Return the id of this wand."""
        return self._instance

    def services(self) -> list[dict[str, Any]]:
        """Describe every service."""
        entries = list(self._entries.values())  # a copy: other threads add and remove some
        return sorted(map(_description, entries), key=itemgetter("name"))

    def status(self, name: str) -> dict[str, Any]:
        """Describe one service."""
        return _description(self._entry(name))

    def spell(self, name: str, text: str) -> None:
        """Hand a spell to a service."""
        entry = self._entry(name)
        if not entry.service.takes_spells:
            raise self._no_service(name)
        entry.service.put(protocol.unpack_spell(text))

    async def stop(self, name: str) -> None:
        """Stop a service, whatever state it is in."""
        handle = self._entry(name).service.status.handle
        logger.info("{} is stopped by another program", name)
        await self._threads.run(lambda: self._stop(handle))

    async def restart(self, name: str) -> None:
        """Restart a service."""
        handle = self._entry(name).service.status.handle
        logger.info("{} is started again by another program", name)
        await self._threads.run(lambda: self._restart(handle))

    def _entry(self, name: str) -> Entry:
        entry = self._entries.get(name) if isinstance(name, str) else None
        if entry is None:
            raise self._no_service(name)
        return entry

    def _no_service(self, name: str) -> WandError:
        running = [
            each for each, entry in list(self._entries.items()) if entry.service.takes_spells
        ]
        return WandError(protocol.no_service(f"{name}"[:80], sorted(running)))


def _description(entry: Entry) -> dict[str, Any]:
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


# Request -> the method that handles it.
REQUESTS: Mapping[str, Callable[..., Any]] = {
    protocol.PING: RequestHandler.ping,
    protocol.SERVICES: RequestHandler.services,
    protocol.STATUS: RequestHandler.status,
    protocol.SPELL: RequestHandler.spell,
    protocol.STOP: RequestHandler.stop,
    protocol.RESTART: RequestHandler.restart,
}
