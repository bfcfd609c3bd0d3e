"""`connect`: the side that calls, in asyncio."""

from __future__ import annotations

import asyncio
import os
import random
import ssl as ssl_module
from collections.abc import Awaitable, Callable, Generator
from typing import Any

from loguru import logger

from moobius.errors import ConnectTimeout, MessagingError, ProtocolError
from moobius.messaging.aio_link import AsyncLink
from moobius.messaging.aio_wire import Wire
from moobius.messaging.auth import CONFIRM_WITHIN_S, SharedKey
from moobius.messaging.callbacks import Callbacks
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.link import Link
from moobius.messaging.policy import FilePolicy

CONNECT_WITHIN_S = 5.0
FIRST_DELAY_S, LONGEST_DELAY_S = 0.1, 2.0

Opener = Callable[[Callable[[], Wire]], Awaitable[object]]
"""Opens one connection with a new wire."""


def connect(
    host: str | None = None,
    port: int | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
    callbacks: Callbacks | None = None,
    # Encryption and authentication.
    ssl: ssl_module.SSLContext | None = None,
    server_hostname: str | None = None,
    key: SharedKey | None = None,
    # What the peer may do.
    limits: Limits = DEFAULT_LIMITS,
    files: FilePolicy | None = None,
    error_replies: bool = False,
    # What a lost connection means.
    reconnect: bool = False,
    resume_queue: bool = False,
    resend_requests: bool = True,
    timeout: float = CONNECT_WITHIN_S,
) -> Connecting:
    """Connect to a server over TCP or a Unix socket.

    Await the result, or better use it as a context manager, which closes the connection:

        async with connect("127.0.0.1", 25000) as link:
            print(await link.request("time", timeout=5.0))

    Args:
        host: The server's address, with `port`.
        port: The server's port.
        path: A Unix socket, instead of both.
        callbacks: What is called for the peer's actions and requests.
        ssl: A context (`tls_for_client` makes one); the whole connection is inside TLS then.
        server_hostname: The name in the server's certificate, if it is not `host`.
        key: The key that both sides have to prove; every message is signed with it.
        limits: How much the peer may ask of us.
        files: Which files it may read and write; in the working directory if not said.
        error_replies: Ask for the reason when a request fails; the peer has to agree to that.
        reconnect: Connect again whenever the connection is lost, until `close`.
        resume_queue: Then send what was still queued.
        resend_requests: Then send the unanswered requests again.
        timeout: Seconds until the connection has to stand.

    Returns:
        What gives an `AsyncLink` when it is awaited or entered. That raises `OSError` when the
        server cannot be reached, `NotAuthentic` or `PeerLost` when the keys differ, and
        `ConnectTimeout` (a `TimeoutError`) when it takes too long.
    """
    if (path is None) == (host is None or port is None):
        raise ValueError("connect needs either host and port, or path")
    name = str(path) if path is not None else f"{host}:{port}"

    def new_link() -> AsyncLink:
        link = Link(
            name=name,
            limits=limits,
            files=files,
            key=key,
            error_replies=error_replies,
            resume_queue=resume_queue,
            resend_requests=resend_requests,
        )
        return AsyncLink(link, callbacks)

    async def open_wire(new_wire: Callable[[], Wire]) -> object:
        loop = asyncio.get_running_loop()
        tls: dict[str, Any] = {}
        if ssl is not None:
            tls = {"ssl": ssl, "ssl_handshake_timeout": CONNECT_WITHIN_S}
            tls["server_hostname"] = server_hostname or host
        if path is not None:
            return await loop.create_unix_connection(new_wire, os.fspath(path), **tls)
        assert host is not None and port is not None
        return await loop.create_connection(new_wire, host, port, **tls)

    return Connecting(new_link, open_wire, reconnect=reconnect, timeout=timeout)


class Connecting:
    """A connection about to be made."""

    def __init__(
        self,
        new_link: Callable[[], AsyncLink],
        open_wire: Opener,
        *,
        reconnect: bool,
        timeout: float,
    ) -> None:
        self._new_link = new_link
        self._open_wire = open_wire
        self._reconnect = reconnect
        self._timeout = timeout
        self._link: AsyncLink | None = None

    def __await__(self) -> Generator[None, None, AsyncLink]:
        return self._connect().__await__()

    async def __aenter__(self) -> AsyncLink:
        self._link = await self._connect()
        return self._link

    async def __aexit__(self, *exc_info: object) -> None:
        if self._link is not None:
            await self._link.close()

    async def _connect(self) -> AsyncLink:
        link = self._new_link()
        try:
            await asyncio.wait_for(self._open(link), self._timeout)
        except asyncio.TimeoutError:
            error = ConnectTimeout(
                f"{link.link.name}: not connected in {self._timeout:g} s: {_why_not_ready(link)}"
            )
            await link.close()
            raise error from None
        except BaseException:
            await link.close()
            raise
        if self._reconnect:
            link.expect_return(Reconnector(link, self._open).start)
        return link

    async def _open(self, link: AsyncLink) -> None:
        def new_wire() -> Wire:
            return Wire(made)

        def made(wire: Wire) -> AsyncLink | None:
            if link.is_over:  # it was closed while the connection was on its way
                return None
            link.attach(wire, "client")
            return link

        await self._open_wire(new_wire)
        await link.settled()


def _why_not_ready(link: AsyncLink) -> str:
    if link.error is not None:
        return str(link.error)
    if link.link.is_connected:
        return "the peer did not prove its key; has it one?"
    return "nobody answers; does it listen, and do both sides use TLS, or neither?"


class Reconnector:
    """Connects again after each loss: at once, but with growing pauses after failed attempts.

    An attempt has failed if there is no connection, if no message of the peer came on it, or if we
    had to close it because of an error.
    """

    def __init__(self, link: AsyncLink, open_again: Callable[[AsyncLink], Awaitable[None]]) -> None:
        self._link = link
        self._open = open_again
        self._failures = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, unless it has begun."""
        self._count()
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        # A new connection can be lost again before this coroutine goes on.
        while not (self._link.is_over or self._link.is_connected):
            await self._link.over_within(pause(self._failures))
            if self._link.is_over:
                return
            try:
                await asyncio.wait_for(self._open(self._link), CONNECT_WITHIN_S + CONFIRM_WITHIN_S)
            except (OSError, MessagingError, asyncio.TimeoutError) as error:
                logger.info("{}: not connected, trying again: {}", self._link.link.name, error)
                self._failures += 1

    def _count(self) -> None:
        has_failed = not self._link.has_heard or isinstance(self._link.error, ProtocolError)
        self._failures = self._failures + 1 if has_failed else 0


def pause(failures: int) -> float:
    """Return the seconds before the next attempt, partly random so that clients spread out."""
    if not failures:
        return 0.0
    doublings = min(failures - 1, 30)
    longest: float = min(FIRST_DELAY_S * 2.0**doublings, LONGEST_DELAY_S)
    return longest * random.uniform(0.5, 1.0)
