"""The only module that opens connections: HTTP requests and WebSockets, with our own errors.

`HttpTransport` owns the one HTTP session. `open_socket` opens one WebSocket. A test, or another
network stack, brings its own by passing something of the same shape.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from moobius.errors import TransportError
from moobius.network.tls import tls_context

# aiohttp and websockets take longer to import than all the rest of the package, and a program
# that only looks at a configuration or a store needs neither: they come with the first use.
if TYPE_CHECKING:
    import aiohttp

HTTP_TIMEOUT = 30.0  # seconds for a whole JSON request; and for the next piece of a file
CONNECT_TIMEOUT = 16.0  # seconds to open a socket (sdk.md 1.7)
CHUNK = 256 * 1024  # bytes of a file at a time, at most
MAX_INBOUND_FRAME = 1024 * 1024  # bytes; the Platform's own limit is an eighth of this
_DOUBLE_SLASH = re.compile(r"(?<!:)//+")


@dataclass(frozen=True)
class Reply:
    """What came back for a request: the status, the text, and its JSON if it is JSON."""

    status: int
    text: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Stream(Protocol):
    """A reply whose content is read in pieces."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The HTTP headers."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content; raises `TransportError` when it breaks off."""


class Transport(Protocol):
    """Carries one request to the Platform and brings back the reply."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
    ) -> Reply:
        """Carry one request; raises `TransportError` when no reply came."""

    def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        """Ask for a file; raises `TransportError` when no reply came."""

    async def close(self) -> None:
        """Close what the transport has opened."""


class Connection(Protocol):
    """One open WebSocket, seen as whole texts."""

    async def send(self, text: str) -> None:
        """Write one frame; raises `TransportError` when the connection is gone."""

    async def receive(self) -> str:
        """Wait for one frame; raises `TransportError` when the connection is gone."""

    async def ping(self, seconds: float) -> bool:
        """Tell whether the other side answers in time; the answer is read after earlier frames."""


Connector = Callable[[str], AbstractAsyncContextManager[Connection]]


def clean_url(url: str) -> str:
    """Collapse double slashes in the path, so that a base address may or may not end in one."""
    path, mark, query = url.partition("?")
    return _DOUBLE_SLASH.sub("/", path) + mark + query


def without_query(url: str) -> str:
    """Return an address without its query, which may hold a signature, for logs and errors."""
    return url.partition("?")[0]


class HttpTransport:
    """The one HTTP session of a client, opened at the first request."""

    def __init__(self, timeout: float = HTTP_TIMEOUT, *, ca_file: str | None = None) -> None:
        self._timeout = timeout
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
    ) -> Reply:
        """Carry one request.

        Raises:
            TransportError: If no reply came: no connection, broken connection, or too late.
        """
        # An upload has no time limit here: `files.py` watches that it makes progress.
        timeout = self._limits(whole=self._timeout) if data is None else self._limits(piece=None)
        with self._translated_errors(f"{method} {without_query(url)}"):
            async with self._open().request(
                method, url, json=json, params=params, headers=headers, data=data, timeout=timeout
            ) as response:
                text = await response.text(errors="replace")
                return Reply(response.status, text, _as_json(text), response.headers)

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Stream]:
        """Ask for a file, whose content is then read in pieces.

        Raises:
            TransportError: If no reply came, or, while reading, if no further piece did.
        """
        endpoint = f"GET {without_query(url)}"
        with self._translated_errors(endpoint):
            response = await self._open().get(
                url, headers=headers, timeout=self._limits(piece=self._timeout)
            )
        try:
            yield _Stream(response, lambda: self._translated_errors(endpoint))
        finally:
            response.close()

    async def close(self) -> None:
        """Close the session; a later request opens a new one."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        loop = asyncio.get_running_loop()
        if self._session is not None and self._loop is not loop:
            self._session.detach()  # a program that calls `asyncio.run` more than once
            self._session = None
        if self._session is None:
            tls = tls_context(self._ca_file)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls))
            self._loop = loop
        return self._session

    def _limits(
        self, *, whole: float | None = None, piece: float | None = None
    ) -> aiohttp.ClientTimeout:
        import aiohttp

        return aiohttp.ClientTimeout(
            total=whole, sock_read=piece, sock_connect=min(self._timeout, CONNECT_TIMEOUT)
        )

    @contextmanager
    def _translated_errors(self, endpoint: str) -> Iterator[None]:
        """Turn errors of aiohttp, in the block, into a `TransportError` that people understand."""
        import aiohttp

        try:
            yield
        except asyncio.TimeoutError:
            reason = f"no answer within {self._timeout:g} s"
        except aiohttp.ClientConnectorCertificateError as error:
            reason = f"its certificate is not trusted: {error.certificate_error}; is ca_file right?"
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or error.os_error
            reason = f"cannot be reached ({why}); is the address right and the Platform running?"
        except aiohttp.InvalidURL:
            reason = "not an address; it has to begin with http:// or https://"
        except (aiohttp.ClientError, OSError) as error:
            reason = f"{type(error).__name__}: {error}"
        else:
            return
        raise TransportError(reason, endpoint=endpoint) from None


class _Stream:
    """A reply of `aiohttp` with our errors."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        translated: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._response = response
        self._translated = translated

    @property
    def status(self) -> int:
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        with self._translated():
            async for chunk in self._response.content.iter_chunked(CHUNK):
                yield chunk


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class _Socket:
    """A `websockets` connection with our errors."""

    def __init__(self, connection: Any, uri: str) -> None:
        self._connection = connection
        self._uri = uri

    async def send(self, text: str) -> None:
        from websockets.exceptions import ConnectionClosed

        try:
            await self._connection.send(text)
        except (ConnectionClosed, OSError) as error:
            raise TransportError(_reason(error), endpoint=self._uri) from None

    async def receive(self) -> str:
        from websockets.exceptions import ConnectionClosed

        try:
            text = await self._connection.recv()
        except (ConnectionClosed, OSError) as error:
            raise TransportError(_reason(error), endpoint=self._uri) from None
        # The protocol has no binary frames (platform.md 3.1); text in one is still text.
        return text if isinstance(text, str) else text.decode("utf-8", "replace")

    async def ping(self, seconds: float) -> bool:
        from websockets.exceptions import ConnectionClosed

        try:
            pong = await self._connection.ping()
            answered, _ = await asyncio.wait({pong}, timeout=seconds)
            for future in answered:
                future.result()
        except (ConnectionClosed, OSError) as error:
            raise TransportError(_reason(error), endpoint=self._uri) from None
        return bool(answered)


@asynccontextmanager
async def open_socket(uri: str, *, ca_file: str | None = None) -> AsyncIterator[Connection]:
    """Open a WebSocket, encrypted exactly when the address says `wss://`.

    Args:
        uri: Its address.
        ca_file: As for `tls_context`.

    Raises:
        TransportError: If it cannot be opened.
    """
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidHandshake, InvalidURI

    try:
        connection = await connect(
            uri,
            ssl=tls_context(ca_file) if uri.startswith("wss:") else None,
            open_timeout=CONNECT_TIMEOUT,
            close_timeout=1.0,
            max_size=MAX_INBOUND_FRAME,
            ping_interval=None,  # it would close a connection that is only not being read
            compression=None,  # frames are small, and compressing them takes most of the time
            proxy=None,
        )
    except (OSError, InvalidHandshake, InvalidURI, asyncio.TimeoutError) as error:
        raise TransportError(f"cannot be reached: {_reason(error)}", endpoint=uri) from None
    try:
        yield _Socket(connection, uri)
    finally:
        await connection.close()


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def encode(frame: Any) -> str:
    """Turn a frame into the text that travels; dataclasses become objects."""
    return msgspec.json.encode(frame).decode("utf-8")
