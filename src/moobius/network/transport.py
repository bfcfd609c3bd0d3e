"""The seam to the outside: how a request and a socket travel. Everything above is told the result.

`HttpTransport` owns the one HTTP session. `open_socket` opens one WebSocket. A test, or another
network stack, brings its own by passing something of the same shape.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
import certifi
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from moobius.errors import TransportError

HTTP_TIMEOUT = 30.0  # seconds for a whole JSON request; these are small
CONNECT_TIMEOUT = 16.0  # seconds to open a socket (sdk.md 1.7)
MAX_INBOUND_FRAME = 1024 * 1024  # bytes; the Platform's own limit is an eighth of this
_DOUBLE_SLASH = re.compile(r"(?<!:)//+")


@dataclass(frozen=True)
class Reply:
    """What came back for a request: the status, the text, and its JSON if it is JSON."""

    status: int
    text: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


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

    async def close(self) -> None:
        """Give back what the transport holds."""


class Connection(Protocol):
    """One open WebSocket, seen as whole texts."""

    async def send(self, text: str) -> None:
        """Write one frame; raises `TransportError` when the connection is gone."""

    async def receive(self) -> str:
        """Wait for one frame; raises `TransportError` when the connection is gone."""


Connector = Callable[[str], AbstractAsyncContextManager[Connection]]


def clean_url(url: str) -> str:
    """Collapse double slashes in the path, so that a base address may or may not end in one."""
    return _DOUBLE_SLASH.sub("/", url)


def tls_context() -> ssl.SSLContext:
    """Make the context for `https://` and `wss://`, which verifies certificates, always.

    `SSL_CERT_FILE` in the environment is honoured, as by every OpenSSL program.
    """
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


class HttpTransport:
    """The one HTTP session of a client, opened at the first request."""

    def __init__(self, timeout: float = HTTP_TIMEOUT) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

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
        session, url = self._open(), clean_url(url)
        endpoint = f"{method} {url}"
        # An upload may take as long as it takes, as long as it moves.
        whole = None if data is not None else self._timeout
        try:
            async with session.request(
                method,
                url,
                json=json,
                params=params,
                headers=headers,
                data=data,
                timeout=aiohttp.ClientTimeout(total=whole, sock_read=self._timeout),
            ) as response:
                text = await response.text()
                return Reply(response.status, text, _as_json(text), response.headers)
        except asyncio.TimeoutError:
            reason = f"no answer within {self._timeout:g} s"
            raise TransportError(reason, endpoint=endpoint) from None
        except aiohttp.ClientConnectorError as error:
            why = error.os_error.strerror or error.os_error
            reason = f"cannot be reached ({why}); is the address right and the Platform running?"
            raise TransportError(reason, endpoint=endpoint) from None
        except (aiohttp.ClientError, OSError) as error:
            raise TransportError(f"{type(error).__name__}: {error}", endpoint=endpoint) from None

    async def close(self) -> None:
        """Close the session; a later request opens a new one."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls_context()))
        return self._session


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


class _Socket:
    """A `websockets` connection with our errors; its keep-alive notices a dead peer within 40 s."""

    def __init__(self, connection: Any, uri: str) -> None:
        self._connection = connection
        self._uri = uri

    async def send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except (ConnectionClosed, OSError) as error:
            raise TransportError(_reason(error), endpoint=self._uri) from None

    async def receive(self) -> str:
        try:
            text = await self._connection.recv()
        except (ConnectionClosed, OSError) as error:
            raise TransportError(_reason(error), endpoint=self._uri) from None
        # The protocol has no binary frames (platform.md 3.1); text in one is still text.
        return text if isinstance(text, str) else text.decode("utf-8", "replace")


@asynccontextmanager
async def open_socket(uri: str) -> AsyncIterator[Connection]:
    """Open a WebSocket, encrypted exactly when the address says `wss://`.

    Raises:
        TransportError: If it cannot be opened.
    """
    try:
        connection = await connect(
            uri,
            ssl=tls_context() if uri.startswith("wss:") else None,
            open_timeout=CONNECT_TIMEOUT,
            close_timeout=1.0,
            max_size=MAX_INBOUND_FRAME,
            compression=None,  # frames are small, and the time goes into packing them
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
