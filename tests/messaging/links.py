"""Links to try things with: one end without a connection, and two ends with one."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from moobius.messaging import AsyncLink, AsyncServer, FilePolicy, Link, connect, serve
from moobius.messaging.events import LinkEvent


def link_in(folder: Path, **options: Any) -> Link:
    link = Link(files=FilePolicy.inside(folder), **options)
    link.connection_made("client", 0.0)
    return link


def arrive(link: Link, data: bytes, now: float = 0.0) -> list[LinkEvent]:
    link.receive(data, now)
    return list(iter(link.next_event, None))


def leave(link: Link, size: int = 10**9) -> bytes:
    """Hand over all that waits, in slices of a size."""
    out = b""
    while piece := bytes(link.data_to_send(size)):
        link.sent(len(piece))
        out += piece
    return out


def headers_of(raw: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
    while raw:
        end = 2 + int.from_bytes(raw[:2], "big")
        header = json.loads(raw[2:end])
        yield header, raw[end : end + header["content-length"]]
        raw = raw[end + header["content-length"] :]


@asynccontextmanager
async def pair(
    server: dict[str, Any] | None = None, client: dict[str, Any] | None = None, **both: Any
) -> AsyncIterator[tuple[AsyncServer, AsyncLink]]:
    """A server and a link to it."""
    async with serve(**{**both, **(server or {})}) as serving:
        async with connect("127.0.0.1", serving.port, **{**both, **(client or {})}) as link:
            yield serving, link
