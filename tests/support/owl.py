"""A client that logs in as a service, and what it says, for tests of the socket itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from moobius.network import ws_payload_builder as builder
from moobius.network.ws_client import WSClient
from tests.support.peer import Frame, Peer


def message(text: str) -> Frame:
    return builder.message_down("SVC", "CH", "GRP", "text", {"text": text}, "OWL")


@asynccontextmanager
async def connected(script: Peer, **options: Any) -> AsyncIterator[WSClient]:
    """A client that logs in as a service on every connection."""

    async def log_in() -> None:
        await client.log_in(builder.service_login("SVC", "secret-token"))

    client = WSClient(script.url, on_connect=log_in, **options)
    try:
        await client.connect()
        yield client
    finally:
        await client.close(flush=0.2)
