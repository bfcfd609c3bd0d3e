"""The subscription that tells of changes others make in Redis; it survives lost connections."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from loguru import logger
from redis.backoff import EqualJitterBackoff

from moobius.database.database_interface import Watch
from moobius.database.redis_address import RedisAddress
from moobius.database.redis_client import REDIS_ERRORS, connect_to_subscribe
from moobius.errors import StorageError

_ASK_AFTER = 15.0  # seconds of silence after which the server is sent a ping
_PAUSES = EqualJitterBackoff(cap=5.0, base=0.1)  # seconds between attempts to connect


class RedisWatch(Watch):
    """The keys whose changes are published in a channel."""

    def __init__(
        self, address: RedisAddress, channel: bytes, read: Callable[[bytes], str | None]
    ) -> None:
        """Connect when the first change is asked for.

        Args:
            address: The server.
            channel: Where changes are published.
            read: Makes the key of a message; None if the message is to be passed over.
        """
        self._address = address
        self._channel = channel
        self._read = read
        self._open = AsyncExitStack()
        self._subscription: Any = None
        self._was_subscribed = False
        self._failures = 0

    async def __anext__(self) -> str | None:
        """Return the next key, or None when a subscription has begun: see `Watch`.

        Raises:
            StorageError: If no first connection can be made. A lost one is tried for ever.
        """
        while True:
            try:
                if self._subscription is None:
                    await self._subscribe()
                kind, data = await self._next()
            except REDIS_ERRORS as error:
                await self._lost(error)
                continue
            if kind == "subscribe":
                self._note_subscribed()
                return None
            if kind == "message" and (key := self._read(data)) is not None:
                return key

    async def aclose(self) -> None:
        """Close the connection."""
        self._subscription = None
        await self._open.aclose()

    async def _subscribe(self) -> None:
        client = connect_to_subscribe(self._address, self._failures)
        await self._open.enter_async_context(client)
        subscription = await self._open.enter_async_context(client.pubsub())
        await subscription.subscribe(self._channel)
        self._subscription = subscription

    async def _next(self) -> tuple[str, Any]:
        """Return kind and data of the next message; a server that is silent is sent a ping."""
        heard = await self._subscription.get_message(timeout=_ASK_AFTER)
        if heard is None:
            await self._subscription.ping()
            heard = await self._subscription.get_message(timeout=self._address.timeout)
        if heard is None:
            raise TimeoutError(f"no sign of life in {self._address.timeout} seconds")
        return heard["type"], heard["data"]

    def _note_subscribed(self) -> None:
        if self._was_subscribed:
            logger.info("Hearing of changes in redis at {} again", self._address)
        self._was_subscribed, self._failures = True, 0

    async def _lost(self, error: Exception) -> None:
        """Close what is left of a connection, and wait a while before the next one."""
        await self.aclose()
        self._failures += 1
        if not self._was_subscribed and self._failures >= len(
            self._address.nodes
        ):  # each was asked
            raise StorageError(f"redis at {self._address} cannot be watched: {error}") from None
        if self._was_subscribed and self._failures == 1:
            logger.warning("No longer hearing of changes in redis at {}: {}", self._address, error)
        await asyncio.sleep(_PAUSES.compute(self._failures))
