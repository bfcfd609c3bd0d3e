"""`MoobiusWand.attach()`: a wand for services that other programs have started."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from loguru import logger

from moobius.core.control import connection_files, protocol
from moobius.core.control.calls import ANSWER_WITHIN_S, Unreachable, ask, check_address, open_link
from moobius.core.control.connection_files import Record
from moobius.core.control.kept_links import LinkThread
from moobius.core.control.protocol import ServiceInfo
from moobius.errors import ConfigError, WandError
from moobius.private_files import process_lives

if TYPE_CHECKING:
    import ssl

    from moobius.messaging.auth import SharedKey

T = TypeVar("T")


class RemoteWand:
    """Reaches services of this user that run in other programs, by their names.

    Made by `MoobiusWand.attach()`. Its methods work in any thread, inside and outside an event
    loop; those that are not coroutines block until the answer is there. Names are looked up at each
    call, so services may start and end at any time.
    """

    def __init__(self, folder: Path, only: Record | None = None, tls: Any = None) -> None:
        """Prepare.

        Args:
            folder: The directory of the connection files.
            only: The one wand to ask, instead of those that the files name.
            tls: The TLS context for that wand.
        """
        self._folder = folder
        self._only = only
        self._tls: ssl.SSLContext | None = tls
        self._threads: dict[int, LinkThread] = {}  # by process

    @classmethod
    def attach(
        cls,
        *,
        runtime: str | os.PathLike[str] | None = None,
        address: str = "",
        key: str | SharedKey = "",
        ca_file: str | os.PathLike[str] | None = None,
    ) -> RemoteWand:
        """Make one; see `MoobiusWand.attach`.

        Raises:
            ConfigError: If an argument that the address needs is missing, or one is not for it.
        """
        folder = connection_files.services_folder(Path(runtime) if runtime else None)
        if not address:
            if key or ca_file:
                raise ConfigError("attach: key and ca_file are only for use with an address")
            return cls(folder)
        if not key:
            raise ConfigError(f"attach: {address} needs a key: that of the wand at this address")
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
        """Return a description of every service, by name."""
        return self._wait(self._services())

    def status(self, name: str) -> ServiceInfo:
        """Return a description of a service.

        Raises:
            WandError: If there is none of that name.
        """
        return protocol.info_from_json(self._wait(self._ask_quickly(name, protocol.STATUS)))

    def spell(self, name: str, obj: Any) -> None:
        """Hand an object to a service, whose `on_spell` is called with it.

        Returns when its wand has accepted the spell. Spells of one attached wand arrive in the
        order in which they were cast. A spell may be anything that JSON can hold, and tuples, sets,
        bytes, and dataclasses that are registered (`types.add_str_method`) in both programs.

        Raises:
            WandError: If there is no such service (the error lists those that run), or `obj` is
                nothing that can be sent.
        """
        self._wait(self._cast(name, obj))

    async def aspell(self, name: str, obj: Any) -> None:
        """Do the same as `spell`, without blocking the event loop.

        Raises:
            WandError: As `spell` does.
        """
        await asyncio.wrap_future(self._thread.submit(self._cast(name, obj)))

    def stop(self, name: str) -> None:
        """Stop a service, in order if it can in time, else by force; return when it has ended.

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
        """Close all connections; they are opened again when they are needed."""
        self._thread.close()

    # ---- All requests are made in one thread with an event loop, whatever thread asks ------------

    @property
    def _thread(self) -> LinkThread:
        # One for each process: a forked child must not use the connections of its parent.
        return self._threads.setdefault(os.getpid(), LinkThread())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(work).result()

    # ---- What runs in that thread ----------------------------------------------------------------

    async def _cast(self, name: str, obj: Any) -> None:
        await self._ask_quickly(name, protocol.SPELL, protocol.pack_spell(obj))

    async def _ask_quickly(self, name: str, request: str, *args: Any) -> Any:
        """Send a request over the connection that is kept: one at a time, so in order."""
        kept = self._thread.links["" if self._only else connection_files.check_name(name)]
        async with kept.lock:
            record = await self._find(name)
            try:
                link = await kept.get(record, self._tls)
                return await ask(link, record, request, name, *args, timeout=ANSWER_WITHIN_S)
            except Unreachable as error:
                raise await self._explained(name, record, error) from error

    async def _ask_patiently(self, name: str, request: str) -> Any:
        """Send a request that may take long over its own connection: no other waits for it."""
        record = await self._find(name)
        try:
            async with await open_link(record, self._tls) as link:
                return await ask(link, record, request, name)
        except Unreachable as error:
            raise await self._explained(name, record, error) from error

    async def _find(self, name: str) -> Record:
        if self._only is not None:
            return self._only
        connection_files.check_name(name)
        record = connection_files.read(connection_files.file_of(self._folder, name))
        if record is None:
            raise WandError(await self._no_service(name))
        if not record.address and process_lives(record.pid):
            raise WandError(
                f"{name} is being started, and not ready yet; what can be ended is the process "
                f"that starts it, {record.pid}"
            )
        if not record.address:
            connection_files.bury(self._folder, record)
            raise WandError(await self._no_service(name))
        return record

    async def _explained(self, name: str, record: Record, error: Unreachable) -> WandError:
        """Return the error for a service that does not answer; remove its file if it has ended."""
        if not error.is_gone or self._only is not None:
            return error
        connection_files.bury(self._folder, record)
        return WandError(await self._no_service(name))

    async def _no_service(self, name: str) -> str:
        infos = (await self._services()).values()
        return protocol.no_service(name, [info.name for info in infos if info.state != "starting"])

    async def _services(self) -> dict[str, ServiceInfo]:
        if self._only is not None:
            return await self._services_of(self._only)
        by_wand: dict[tuple[str, str], list[Record]] = {}
        for record in connection_files.read_all(self._folder):
            by_wand.setdefault((record.address, record.key), []).append(record)
        # All at once: a wand that does not answer must not delay the others.
        infos = await asyncio.gather(*map(self._services_in, by_wand.values()))
        return dict(sorted(item for each in infos for item in each.items()))

    async def _services_in(self, wand_records: list[Record]) -> dict[str, ServiceInfo]:
        """Describe the services of one wand, from whose connection files these are."""
        if not wand_records[0].address:
            return _without_answer(wand_records, "starting")
        try:
            return await self._services_of(wand_records[0])
        except WandError as error:
            logger.debug("{}", error)
            if not (isinstance(error, Unreachable) and error.is_gone):
                return _without_answer(wand_records, "silent")
        for record in wand_records:
            connection_files.bury(self._folder, record)
        return {}

    async def _services_of(self, record: Record) -> dict[str, ServiceInfo]:
        async with await open_link(record, self._tls) as link:
            answer = await ask(link, record, protocol.SERVICES, timeout=ANSWER_WITHIN_S)
        infos = map(protocol.info_from_json, answer)
        return {info.name: info for info in infos}


def _without_answer(wand_records: list[Record], state: str) -> dict[str, ServiceInfo]:
    """Describe services by their connection files alone."""
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
        for record in wand_records
    }
