"""`serve`: the side that listens, in asyncio."""

from __future__ import annotations

import asyncio
import inspect
import os
import socket
import ssl as ssl_module
import stat
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.errors import MessagingError
from moobius.messaging.aio_link import AsyncLink
from moobius.messaging.aio_wire import Wire
from moobius.messaging.auth import SharedKey
from moobius.messaging.callbacks import Callbacks, CallbackT
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.link import Link
from moobius.messaging.policy import FilePolicy

HANDSHAKE_WITHIN_S = 5.0
FOR_ITS_USER_ONLY = 0o177
"""The mask for a Unix socket: who may not read the key file need not knock either."""

Welcome = Callable[[AsyncLink], Awaitable[None] | None]


def serve(
    callbacks: Callbacks | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    path: str | os.PathLike[str] | None = None,
    on_connect: Welcome | None = None,
    identify: Callable[[Any], Hashable] | None = None,
    # Who may connect.
    ssl: ssl_module.SSLContext | None = None,
    key: SharedKey | None = None,
    # What peers may do.
    limits: Limits = DEFAULT_LIMITS,
    files: FilePolicy | None = None,
    error_replies: bool = False,
    # What a lost connection means, for peers that are identified.
    resume_queue: bool = False,
    resend_requests: bool = True,
) -> AsyncServer:
    """Listen for peers over TCP or on a Unix socket.

    Await the result, or better use it as a context manager, which closes everything:

        server = serve(host="127.0.0.1", port=25000)

        @server.on_request("time")
        def tell_time(link):
            return time.time()

        async with server:
            await asyncio.Event().wait()

    Args:
        callbacks: What is called for the peers' actions and requests; `server.on` adds to it.
        host: The address to listen on.
        port: The port; 0 lets the system choose, and `server.port` tells.
        path: A Unix socket that only this user can use, instead of both.
        on_connect: Called with each peer when it is connected, and its keys are proved.
        identify: Says who an address belongs to. A peer that comes back is then the same
            `AsyncLink`, with its queue and its pending requests. Without it each connection is one
            of its own. `lambda address: address[0]` knows one peer a computer.
        ssl: A context (`tls_for_server` makes one); connections are inside TLS then.
        key: The key that both sides have to prove; every message is signed with it.
        limits: How much a peer may ask of us.
        files: Which files peers may read and write; in the working directory if not said.
        error_replies: Tell peers that ask to be told why their request fails.
        resume_queue: Send what was still queued when an identified peer comes back.
        resend_requests: Send it the unanswered requests again.
    """

    def new_link(name: str) -> AsyncLink:
        link = Link(
            name=name,
            limits=limits,
            files=files,
            key=key,
            error_replies=error_replies,
            resume_queue=resume_queue,
            resend_requests=resend_requests,
        )
        return AsyncLink(link, server.callbacks)

    async def listen(new_wire: Callable[[], Wire]) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        tls: dict[str, Any] = {}
        if ssl is not None:
            tls = {"ssl": ssl, "ssl_handshake_timeout": HANDSHAKE_WITHIN_S}
        if own_path is not None:
            return await loop.create_unix_server(new_wire, sock=unix_socket(own_path), **tls)
        return await loop.create_server(new_wire, host, port, **tls)

    own_path = None if path is None else Path(path)
    server = AsyncServer(new_link, listen, callbacks or Callbacks(), on_connect, identify, own_path)
    return server


class AsyncServer:
    """Listens, from `start` or `async with` to `close`. Made by `serve`.

    Attributes:
        callbacks: What is called for the peers' actions and requests, as
            `callback(link, *args, **kwargs)`.
    """

    def __init__(
        self,
        new_link: Callable[[str], AsyncLink],
        listen: Callable[[Callable[[], Wire]], Awaitable[asyncio.Server]],
        callbacks: Callbacks,
        on_connect: Welcome | None,
        identify: Callable[[Any], Hashable] | None,
        path: Path | None,
    ) -> None:
        self.callbacks = callbacks
        self._new_link = new_link
        self._listen = listen
        self._on_connect = on_connect
        self._identify = identify
        self._path = path
        self._server: asyncio.Server | None = None
        self._links: list[AsyncLink] = []
        self._known: dict[Hashable, AsyncLink] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def on(self, action: str) -> Callable[[CallbackT], CallbackT]:
        """Register the decorated function for an action of every peer."""
        return self.callbacks.on(action)

    def on_request(self, name: str) -> Callable[[CallbackT], CallbackT]:
        """Register the decorated function for a request; what it returns is the answer."""
        return self.callbacks.on_request(name)

    @property
    def links(self) -> list[AsyncLink]:
        """The peers that are connected, or may come back."""
        self._links = [link for link in self._links if not link.is_over]
        return list(self._links)

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None or self._path is not None:
            raise RuntimeError("the server does not listen on a port")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> AsyncServer:
        """Begin to listen.

        Raises:
            OSError: If the address or the path is taken.
        """
        self._server = await self._listen(lambda: Wire(self._accepted))
        return self

    async def close(self) -> None:
        """Stop listening, and hang up on everybody after what is queued for them."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        await asyncio.gather(*(link.close() for link in self.links))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    def __await__(self) -> Generator[None, None, AsyncServer]:
        return self.start().__await__()

    async def __aenter__(self) -> AsyncServer:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _accepted(self, wire: Wire) -> AsyncLink:
        address = wire.transport.get_extra_info("peername")
        link = self._link_for(address)
        link.attach(wire, "server")
        if self._on_connect is not None:
            self._hold(self._welcome(link, self._on_connect))
        return link

    def _link_for(self, address: Any) -> AsyncLink:
        identity = self._identify(address) if self._identify else None
        if self._identify and identity in self._known:
            return self._known[identity]
        link = self._new_link(str(identity or address or "local peer"))
        self._links = [*self.links, link]
        if self._identify:
            self._known[identity] = link
            link.expect_return(lambda: None)  # it is the peer who connects again
        return link

    async def _welcome(self, link: AsyncLink, on_connect: Welcome) -> None:
        try:
            await link.settled()
        except MessagingError:
            return  # logged by the link, and nobody to welcome
        try:
            welcomed = on_connect(link)
            if inspect.isawaitable(welcomed):
                await welcomed
        except Exception as error:
            logger.opt(exception=error).error("{}: on_connect raised", link.link.name)

    def _hold(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def unix_socket(path: Path) -> socket.socket:
    """Return a socket bound to a path that only this user can use.

    Raises:
        OSError: If somebody listens there, or something else than a socket is in the way.
    """
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(FOR_ITS_USER_ONLY)
    try:
        sock.bind(os.fspath(path))
    except BaseException:
        sock.close()
        raise
    finally:
        os.umask(before)
    return sock


def _remove_stale(path: Path) -> None:
    """Remove the socket of a process that has gone; one that answers is left alone."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return  # binding says what is wrong
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
