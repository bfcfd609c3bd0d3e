"""`MoobiusWand.attach()`: a wand for services that other programs have started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from moobius.core.control import protocol, records
from moobius.core.control.calls import ANSWER_WITHIN_S, Unreachable, ask, check_address, open_link
from moobius.core.control.protocol import ServiceInfo
from moobius.core.control.records import Record
from moobius.core.control.roads import Roads
from moobius.errors import ConfigError, WandError
from moobius.private_files import process_lives

if TYPE_CHECKING:
    import ssl

    from moobius.messaging.auth import SharedKey

T = TypeVar("T")


class RemoteWand:
    """Reaches services of this user that run in other programs, by their names.

    Made by `MoobiusWand.attach()`. Its methods work in any thread, inside and outside an event
    loop; those that are not coroutines block until they are answered. Who it finds is looked up
    each time, so services may come and go.
    """

    def __init__(self, folder: Path, only: Record | None = None, tls: Any = None) -> None:
        """Prepare.

        Args:
            folder: Where the connection files are.
            only: The one wand to ask, instead of those that the files name.
            tls: How to trust that one.
        """
        self._folder = folder
        self._only = only
        self._tls: ssl.SSLContext | None = tls
        self._roads: dict[int, Roads] = {}  # by process

    @classmethod
    def attach(
        cls,
        *,
        runtime: str | os.PathLike[str] | None = None,
        address: str = "",
        key: str | SharedKey = "",
        ca_file: str | os.PathLike[str] | None = None,
    ) -> RemoteWand:
        """Do what `MoobiusWand.attach` says.

        Raises:
            ConfigError: If an address is given and the rest does not go with it.
        """
        folder = records.services_folder(Path(runtime) if runtime else None)
        if not address:
            if key or ca_file:
                raise ConfigError("attach: a key and certificates go with an address")
            return cls(folder)
        if not key:
            raise ConfigError(f"attach: {address} needs the key of the wand over there")
        tls = None
        if ca_file is not None:
            from moobius.messaging.tls import tls_for_client

            tls = tls_for_client(ca_file)
        digits = key if isinstance(key, str) else key.hex()
        check_address(address, digits.strip(), tls)
        only = Record("", "", 0, "", "", 0.0, address=address, key=digits.strip())
        return cls(folder, only, tls)

    def __enter__(self) -> RemoteWand:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def services(self) -> dict[str, ServiceInfo]:
        """Return what runs, and what there is to know of it, by name."""
        return self._wait(self._services())

    def status(self, name: str) -> ServiceInfo:
        """Return what there is to know of a service.

        Raises:
            WandError: If there is none of that name.
        """
        return protocol.info_from_json(self._wait(self._ask_quickly(name, protocol.STATUS)))

    def spell(self, name: str, obj: Any) -> None:
        """Hand an object to a service, whose `on_spell` is called with it.

        Returns when its wand has put the spell on its way. Spells of one attached wand arrive in
        the order in which they were cast. What may travel is what JSON can hold, with tuples, sets,
        bytes, and dataclasses that are registered (`types.add_str_method`) in both programs.

        Raises:
            WandError: If there is no such service, which then lists those that run; or if `obj`
                cannot travel.
        """
        self._wait(self._cast(name, obj))

    async def aspell(self, name: str, obj: Any) -> None:
        """Do what `spell` does without blocking the event loop.

        Raises:
            WandError: As `spell` does.
        """
        await asyncio.wrap_future(self._here.begin(self._cast(name, obj)))

    def stop(self, name: str) -> None:
        """Stop a service: politely first, after a while firmly; return when it has ended.

        Raises:
            WandError: If there is no such service, or it does not stop.
        """
        self._wait(self._ask_patiently(name, protocol.STOP))

    def restart(self, name: str) -> None:
        """Stop a service and start it again; return when it runs.

        Raises:
            WandError: If there is no such service, or it does not come back.
        """
        self._wait(self._ask_patiently(name, protocol.RESTART))

    def close(self) -> None:
        """Close what is open; it is opened again when needed."""
        self._here.close()

    # ---- One thread with a loop does all of it, so that it works in any other --------------------

    @property
    def _here(self) -> Roads:
        # Of what the parent of a forked child has open, only that may use anything.
        return self._roads.setdefault(os.getpid(), Roads())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._here.begin(work).result()

    # ---- In that thread --------------------------------------------------------------------------

    async def _cast(self, name: str, obj: Any) -> None:
        await self._ask_quickly(name, protocol.SPELL, protocol.pack_spell(obj))

    async def _ask_quickly(self, name: str, request: str, *args: Any) -> Any:
        """Ask over a connection that is kept: one at a time, so order is kept too."""
        road = self._here.to["" if self._only else records.check_name(name)]
        async with road.turn:
            record = await self._find(name)
            try:
                link = await road.link_to(record, self._tls)
                return await ask(link, record, request, name, *args, timeout=ANSWER_WITHIN_S)
            except Unreachable as error:
                raise await self._explained(name, record, error) from error

    async def _ask_patiently(self, name: str, request: str) -> Any:
        """Ask over a connection of its own: nobody waits behind what takes time."""
        record = await self._find(name)
        try:
            async with await open_link(record, self._tls) as link:
                return await ask(link, record, request, name)
        except Unreachable as error:
            raise await self._explained(name, record, error) from error

    async def _find(self, name: str) -> Record:
        if self._only is not None:
            return self._only
        records.check_name(name)
        record = records.read(records.file_of(self._folder, name))
        if record is None:
            raise WandError(await self._nobody(name))
        if not record.address and process_lives(record.pid):
            raise WandError(
                f"{name} is being started, and not ready yet; what can be ended is the process "
                f"that starts it, {record.pid}"
            )
        if not record.address:
            records.bury(self._folder, record)
            raise WandError(await self._nobody(name))
        return record

    async def _explained(self, name: str, record: Record, error: Unreachable) -> WandError:
        """Return what to raise when nobody answers; a connection file of the dead is removed."""
        if not error.is_gone or self._only is not None:
            return error
        records.bury(self._folder, record)
        return WandError(await self._nobody(name))

    async def _nobody(self, name: str) -> str:
        infos = (await self._services()).values()
        return protocol.nobody(name, [info.name for info in infos if info.state != "starting"])

    async def _services(self) -> dict[str, ServiceInfo]:
        if self._only is not None:
            return await self._services_of(self._only)
        by_wand: dict[tuple[str, str], list[Record]] = {}
        for record in records.read_all(self._folder):
            by_wand.setdefault((record.address, record.key), []).append(record)
        # All at once: one that is silent lets nobody wait for the others.
        told = await asyncio.gather(*map(self._told_of, by_wand.values()))
        return dict(sorted(item for each in told for item in each.items()))

    async def _told_of(self, those: list[Record]) -> dict[str, ServiceInfo]:
        """Return what there is to know of the services of one wand."""
        if not those[0].address:
            return _without_answer(those, "starting")
        try:
            return await self._services_of(those[0])
        except WandError as error:
            logger.debug("{}", error)
            if not (isinstance(error, Unreachable) and error.is_gone):
                return _without_answer(those, "silent")
        for record in those:
            records.bury(self._folder, record)
        return {}

    async def _services_of(self, record: Record) -> dict[str, ServiceInfo]:
        async with await open_link(record, self._tls) as link:
            said = await ask(link, record, protocol.SERVICES, timeout=ANSWER_WITHIN_S)
        infos = map(protocol.info_from_json, said)
        return {info.name: info for info in infos}


def _without_answer(those: list[Record], state: str) -> dict[str, ServiceInfo]:
    return {
        record.name: ServiceInfo(
            record.name,
            record.cls,
            state,
            record.pid,
            0,
            record.started_at,
            record.project,
            record.log_file,
        )
        for record in those
    }
