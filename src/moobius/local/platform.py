"""`LocalPlatform`: store, engine, hub and web application, put together and run."""

from __future__ import annotations

import contextlib
import errno
import secrets
import ssl
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from aiohttp import web
from loguru import logger

from moobius.errors import ConfigError
from moobius.local.data import DataDirectory
from moobius.local.engine import Engine
from moobius.local.faults import Faults
from moobius.local.hub import GOING_AWAY, Hub
from moobius.local.meters import Meters
from moobius.local.options import WILDCARDS, PlatformOptions, is_loopback, netloc
from moobius.local.seed import Seed, apply_seed, read_seed
from moobius.local.store.memory import MemoryStore
from moobius.local.store.protocol import Store
from moobius.local.store.sqlite import SqliteStore
from moobius.local.tls import authority_in, server_context
from moobius.local.web.app import WebApp
from moobius.local.web.developer import Developer, create_people
from moobius.local.web.files import Files
from moobius.local.web.guard import Guard
from moobius.local.web.operations import Operations
from moobius.local.web.request_log import request_log, server_log
from moobius.stamps import now_ms

SHUTDOWN_SECONDS = 2.0
NO_TLS_WARNING = (
    "listening on {} without TLS: whoever is on the way can read passwords and messages; "
    "use --tls-cert and --tls-key (`moobius platform cert DIR` makes them), or a proxy with TLS"
)


class LocalPlatform:
    """The Platform on this machine, running in the current event loop.

    An asynchronous context manager. Two of them share nothing, unless they are given the same
    data directory, which the second is refused.

    Args:
        options: How it runs; the defaults are loopback, a free port, and everything in memory.
        clock: Returns milliseconds since the epoch; handed in by tests.
        new_id: Returns a fresh id in plain lower-case UUID form (platform.md 1.3).
    """

    def __init__(
        self,
        options: PlatformOptions = PlatformOptions(),  # noqa: B008 - frozen, so safe to share
        *,
        clock: Callable[[], int] = now_ms,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.options = options
        self.instance = secrets.token_hex(8)
        self.port = options.port
        self.developer_key = ""
        self._clock = clock
        self._new_id = new_id
        self._hub = Hub()
        self.faults = Faults(self._hub)
        self._meters = Meters()
        self._open = contextlib.AsyncExitStack()

    @property
    def url(self) -> str:
        """Where clients on this machine reach it, as in `http://127.0.0.1:8484`, or `https`."""
        host = WILDCARDS.get(self.options.host, self.options.host)
        return f"{self.options.scheme}://{netloc(host, self.port)}"

    @property
    def ws_url(self) -> str:
        """The same for WebSockets, as in `ws://127.0.0.1:8484/`, or `wss`."""
        return f"ws{self.url.removeprefix('http')}/"

    @property
    def ca_file(self) -> str:
        """The file that makes clients trust it; empty where none is needed."""
        return authority_in(self.options.tls_cert, self.options.tls_key)

    async def __aenter__(self) -> LocalPlatform:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Open the data and accept connections.

        Raises:
            ConfigError: If the port is taken, or the data directory, the certificate, the seed or
                a name to be allowed cannot be used.
            StorageError: If the journal cannot be read.
        """
        tls = server_context(self.options.tls_cert, self.options.tls_key)
        guard = Guard(self.options)
        seed = self._read_seed()
        async with contextlib.AsyncExitStack() as stack:
            store, files = self._open_data(stack)
            engine = Engine(
                store,
                self._hub.deliver,
                clock=self._clock,
                new_id=self._new_id,
                limits=self.options.limits,
                on_batch=self._meters.batch,
            )
            await engine.start()
            stack.push_async_callback(engine.stop)
            if seed is not None:
                await apply_seed(engine, seed)
            if self.options.developer_mode:
                await create_people(engine)
            await self._listen(engine, files, guard, tls, stack)
            self._open = stack.pop_all()
        if self.options.faults is not None:
            self.faults.begin(self.options.faults)
        if not is_loopback(self.options.host) and tls is None:
            logger.warning(NO_TLS_WARNING, self.options.host)

    async def stop(self) -> None:
        """Close the clients' connections, finish what was begun, release port and data."""
        self._hub.holds.clear()
        for peer in self._hub:
            peer.close(GOING_AWAY, "the Platform stops")
        await self._open.aclose()

    def cut_connections(self) -> None:
        """Break all live sockets without a word, as a bad network would."""
        self.faults.cut_connections()

    def _read_seed(self) -> Seed | None:
        file = self.options.seed
        if file is None:
            return None
        return read_seed(file, developer_mode=self.options.developer_mode)

    def _open_data(self, stack: contextlib.AsyncExitStack) -> tuple[Store, Files]:
        limits = self.options.limits
        if self.options.data is None:
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="moobius-"))
            self.developer_key = secrets.token_urlsafe(32)
            return MemoryStore(limits.recent_requests), Files(Path(scratch), limits, self._new_id)
        data = stack.enter_context(DataDirectory(self.options.data))
        self.developer_key = data.developer_key()
        return SqliteStore(data.journal, limits.recent_requests), Files(
            data.files, limits, self._new_id
        )

    async def _listen(
        self,
        engine: Engine,
        files: Files,
        guard: Guard,
        tls: ssl.SSLContext | None,
        stack: contextlib.AsyncExitStack,
    ) -> None:
        developer = Developer(self.developer_key, self.instance, self._hub)
        operations = Operations(engine, self._hub, self._meters, self.options)
        web_app = WebApp(
            engine=engine,
            hub=self._hub,
            files=files,
            developer=developer,
            options=self.options,
            operations=operations,
            faults=self.faults,
            guard=guard,
        )
        limits = self.options.limits
        runner = web.AppRunner(
            web_app.application(),
            logger=server_log(),
            access_log_class=request_log(self._meters, web_app.route_of, web_app.account_of),
            shutdown_timeout=SHUTDOWN_SECONDS,
            handle_signals=False,
            keepalive_timeout=limits.keep_alive_seconds,
            max_line_size=limits.header_bytes,
            max_field_size=limits.header_bytes,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, self.options.host, self.options.port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(self._why_not_listening(error)) from error
        self.port = runner.addresses[0][1]

    def _why_not_listening(self, error: OSError) -> str:
        where = netloc(self.options.host, self.options.port)
        if error.errno == errno.EADDRINUSE:
            return (
                f"{where} is in use by another program, perhaps another Platform; "
                "stop that one, or choose another port with --port (0 takes any that is free)"
            )
        return f"cannot listen on {where}: {error.strerror or error}; check --host and --port"
