"""`serve`: the side that listens, in asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import socket
import ssl as ssl_module
from collections.abc import Awaitable, Callable, Coroutine, Generator, Hashable
from pathlib import Path
from typing import Any

from loguru import logger

from moobius.errors import MessagingError
from moobius.messaging.aio_applicant import Applicant
from moobius.messaging.aio_link import AsyncLink
from moobius.messaging.aio_tls import TlsAcceptor
from moobius.messaging.aio_wire import Wire
from moobius.messaging.auth import SharedKey
from moobius.messaging.callbacks import Callbacks, CallbackT
from moobius.messaging.limits import DEFAULT_LIMITS, Limits
from moobius.messaging.link import Link
from moobius.messaging.policy import FilePolicy
from moobius.messaging.sockets import address_text
from moobius.messaging.strangers import Strangers
from moobius.messaging.unix_socket import UnixSocket
from moobius.messaging.waiting import Changes

BACKLOG = 100
AWAY_AT_MOST = 1000
"""Peers without a connection that are remembered; beyond that, those first met are forgotten."""
Welcome = Callable[[AsyncLink], Awaitable[None] | None]
Greeter = Callable[[], asyncio.BaseProtocol]
"""Makes what takes a connection that was accepted."""


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
    strangers: int = 512,
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
            of its own. With a key that is required, a connection counts as its peer's once the key
            is proved; without, whoever connects from its address takes its place.
            `lambda address: address[0]` knows one peer a computer.
        ssl: A context (`tls_for_server` makes one); connections are inside TLS then.
        key: The key that both sides have to prove; every message is signed with it.
        strangers: How many connections there may be whose peers have not proved the key, or not
            ended the TLS handshake, yet. The oldest is hung up on for a new one.
        limits: How much a peer may ask of us.
        files: Which files peers may read and write; in the working directory if not said.
        error_replies: Tell peers that ask to be told why their request fails.
        resume_queue: Send what was still queued when an identified peer comes back.
        resend_requests: Send it the unanswered requests again.

    Raises:
        ValueError: If there is no room for a stranger.
    """

    def new_link(name: str) -> Link:
        return Link(
            name=name,
            limits=limits,
            files=files,
            key=key,
            error_replies=error_replies,
            resume_queue=resume_queue,
            resend_requests=resend_requests,
        )

    async def listen(greeter: Greeter, sock: socket.socket | None) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        if sock is not None:
            return await loop.create_unix_server(greeter, sock=sock)
        # The system accepts so many connections before the first of them is served or closed.
        return await loop.create_server(greeter, host, port, backlog=min(BACKLOG, strangers))

    own_path = None if path is None else Path(path)
    registered = callbacks or Callbacks()
    return AsyncServer(
        new_link, listen, registered, on_connect, identify, own_path, ssl, Strangers(strangers)
    )


class AsyncServer:
    """Listens, from `start` or `async with` to `close`. Made by `serve`.

    Attributes:
        callbacks: What is called for the peers' actions and requests, as
            `callback(link, *args, **kwargs)`.
    """

    def __init__(
        self,
        new_link: Callable[[str], Link],
        listen: Callable[[Greeter, socket.socket | None], Awaitable[asyncio.Server]],
        callbacks: Callbacks,
        on_connect: Welcome | None,
        identify: Callable[[Any], Hashable] | None,
        path: Path | None,
        tls: ssl_module.SSLContext | None,
        strangers: Strangers,
    ) -> None:
        self.callbacks = callbacks
        self._new_link = new_link
        self._listen = listen
        self._on_connect = on_connect
        self._identify = identify
        self._path = path
        self._tls = tls
        self._strangers = strangers
        self._socket: UnixSocket | None = None
        self._server: asyncio.Server | None = None
        self._is_open = False
        self._is_starting = False
        self._changes = Changes()
        self._links: list[AsyncLink] = []
        self._known: dict[Hashable, AsyncLink] = {}
        self._applicants: set[Applicant] = set()
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
            RuntimeError: If it listens already.
        """
        if self._is_open:
            raise RuntimeError("the server listens already; close it before it is started again")
        self._is_open = self._is_starting = True
        try:
            self._server = await self._begin()
        except BaseException:
            self._is_open = False
            raise
        finally:
            self._is_starting = False
            self._changes.happened()
        return self

    async def _begin(self) -> asyncio.Server:
        if self._path is None:
            return await self._listen(self._greet, None)
        own = self._socket = await UnixSocket.listen(self._path)
        try:
            return await self._listen(self._greet, own.sock)
        except BaseException:
            own.sock.close()
            own.remove()
            raise

    async def close(self) -> None:
        """Stop listening, and hang up on everybody after what is queued for them.

        A `start` that has not ended yet is waited for.
        """
        await self._changes.until(lambda: not self._is_starting)
        server, self._server = self._server, None
        if server is None:
            return
        self._is_open = False
        server.close()
        if self._socket is not None:
            self._socket.remove()
        for applicant in self._applicants:
            applicant.wire.transport.abort()
        links = self.links
        try:
            await asyncio.gather(*(link.hang_up() for link in links))
        finally:
            await self._stop_tasks(links)
        await server.wait_closed()

    async def _stop_tasks(self, links: list[AsyncLink]) -> None:
        # Not in tasks of their own: a callback that closes the server must not stop itself.
        for link in links:
            await link.stop_callbacks()
        self._known.clear()
        if tasks := self._tasks - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        self._strangers.tell()

    def __await__(self) -> Generator[None, None, AsyncServer]:
        return self.start().__await__()

    async def __aenter__(self) -> AsyncServer:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def _new_wire(self) -> Wire:
        return Wire(self._accepted)

    def _greet(self) -> asyncio.BaseProtocol:
        return (
            TlsAcceptor(self._tls, self._wire_inside, self._shake_hands)
            if self._tls
            else self._new_wire()
        )

    def _wire_inside(self) -> Wire:
        handshake = asyncio.current_task()

        def made(wire: Wire) -> AsyncLink | Applicant | None:
            self._strangers.leave(handshake)  # which has been successful
            return self._accepted(wire)

        return Wire(made)

    def _accepted(self, wire: Wire) -> AsyncLink | Applicant | None:
        if not self._is_open:  # it was on its way when the server closed
            return None
        address = wire.transport.get_extra_info("peername")
        if self._identify is not None:
            rules = self._new_link(address_text(address))
            if _has_to_prove(rules):
                return self._apply(rules, wire)
        link = self._link_for(address)
        if link is None:
            return None
        link.attach(wire, "server")
        if _has_to_prove(link.link):
            self._strangers.enter(link, wire.transport.abort)
            self._hold(self._get_to_know(link))
        self._begin_welcome(link)
        return link

    def _apply(self, rules: Link, wire: Wire) -> Applicant:
        applicant = Applicant(rules, wire, proved=self._proved, lost=self._dismiss)
        self._applicants.add(applicant)
        self._strangers.enter(applicant, wire.transport.abort)
        return applicant

    def _dismiss(self, applicant: Applicant) -> None:
        self._applicants.discard(applicant)
        self._strangers.leave(applicant)

    def _proved(self, applicant: Applicant) -> None:
        self._dismiss(applicant)
        wire = applicant.wire
        link = self._link_for(wire.transport.get_extra_info("peername"))
        if link is None:
            wire.transport.abort()
            return
        link.take_over(wire, applicant.link)
        self._begin_welcome(link)

    def _begin_welcome(self, link: AsyncLink) -> None:
        if self._on_connect is not None:
            self._hold(self._welcome(link, self._on_connect))

    def _link_for(self, address: Any) -> AsyncLink | None:
        """Return the link of a peer, a new one if it is not known; `None` if `identify` fails."""
        try:
            identity = self._identify(address) if self._identify else None
            known = self._known.get(identity) if self._identify else None
        except (
            Exception
        ) as error:  # a callback raises what it likes, or what it returns has no hash
            logger.opt(exception=error).error("{}: identify failed", address_text(address))
            return None
        if known is not None and not known.is_over:
            return known
        self._known.pop(identity, None)  # one that was closed does not come back
        name = str(identity) if identity else address_text(address)
        link = AsyncLink(self._new_link(name), self.callbacks)
        self._links = [*self.links, link]
        if self._identify:
            self._make_room()
            self._known[identity] = link
            link.expect_return(lambda: None)  # it is the peer who connects again
        return link

    def _make_room(self) -> None:
        """If too many peers without a connection are remembered, forget those first met."""
        away = [who for who, link in self._known.items() if not link.link.is_connected]
        for who in away[: max(0, len(away) - AWAY_AT_MOST)]:
            self._known.pop(who).give_up()

    async def _get_to_know(self, link: AsyncLink) -> None:
        with contextlib.suppress(MessagingError):  # logged by the link
            await link.settled()
        self._strangers.leave(link)

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

    def _shake_hands(self, handshake: Coroutine[Any, Any, None]) -> None:
        task = self._hold(handshake)
        self._strangers.enter(task, task.cancel)
        task.add_done_callback(self._strangers.leave)

    def _hold(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _has_to_prove(link: Link) -> bool:
    return link.key is not None and link.key.required
