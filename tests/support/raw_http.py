"""HTTP by the byte: requests that no client library would send, and replies as they came."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.support.patience import PATIENCE


@dataclass(frozen=True)
class Reply:
    """What came back; the names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which has to say that it is JSON."""
        assert self.headers["content-type"].startswith("application/json"), self
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The code of the envelope, which has to be whole."""
        envelope = self.json
        assert set(envelope) == {"code", "message", "msg", "data"}, envelope
        assert envelope["message"] == envelope["msg"]
        return int(envelope["code"])


async def exchange(url: str, request: bytes, *, hang_up: bool = False, until: bytes = b"") -> bytes:
    """Send these bytes to the server of `url`; return whatever it says until it closes.

    Args:
        url: Whose server to ask.
        request: What to send.
        hang_up: Say that nothing more will come.
        until: Where to stop reading already, for a server that does not close soon.
    """
    where = urlsplit(url)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    try:
        writer.write(request)
        await writer.drain()
        if hang_up:
            writer.write_eof()
        reading = reader.readuntil(until) if until else read_all(reader)
        return await asyncio.wait_for(reading, PATIENCE)
    finally:
        writer.close()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the end, also if that is a reset.

    Who closes without having read everything resets the connection; what it said comes before.
    """
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := await reader.read(65536):
            said += piece
    return said


async def ask(
    url: str,
    method: str,
    target: str,
    *,
    body: bytes | Mapping[str, Any] = b"",
    token: str = "",
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send a request whose target stands in it as given, and return the reply."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Host": urlsplit(url).netloc, "Connection": "close"}
    if content:
        lines |= {"Content-Type": "application/json", "Content-Length": str(len(content))}
    if token:
        lines |= {"Auth-Origin": "cognito", "Authorization": f"Bearer {token}"}
    lines |= headers or {}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    request = f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("utf-8", "surrogateescape")
    return parsed(await exchange(url, request + content))


def parsed(raw: bytes) -> Reply:
    """Take a reply apart."""
    head, separator, body = raw.partition(b"\r\n\r\n")
    assert separator, raw[:200]
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return Reply(int(status.split()[1]), {k.lower(): v.strip() for k, _, v in pairs}, body)
