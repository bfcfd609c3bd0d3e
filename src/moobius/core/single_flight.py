"""A small cache of answers: bounded, with an age limit, and one request for each key at a time."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlightCache(Generic[K, V]):
    """A cache that drops the least recently used entries; misses of one key share one request.

    Args:
        size: How many entries are kept.
        seconds: How long an entry is valid; `None` means for ever, 0 not at all.
        clock: Tells the time in seconds.
    """

    def __init__(
        self,
        size: int,
        seconds: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._size = size
        self._seconds = seconds
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()
        self._flights: dict[K, asyncio.Task[V]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def peek(self, key: K) -> V | None:
        """Return the value if it is in the cache and valid, else `None`; makes no request."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        stored_at, value = entry
        if self._seconds is not None and self._clock() - stored_at >= self._seconds:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Store a value that came from elsewhere."""
        if self._seconds == 0:
            return
        self._entries[key] = (self._clock(), value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        """Remove an entry, such as one that turned out to be wrong."""
        self._entries.pop(key, None)

    async def get(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        """Return the value, or load it; an error is raised to all who waited, and not stored."""
        known = self.peek(key)
        if known is not None:
            return known
        flight = self._flights.get(key)
        if flight is None:
            flight = asyncio.ensure_future(self._load(key, load))
            flight.add_done_callback(_mark_retrieved)
            self._flights[key] = flight
        # Shielded: one caller that gives up must not take the answer away from the others.
        return await asyncio.shield(flight)

    async def _load(self, key: K, load: Callable[[], Awaitable[V]]) -> V:
        try:
            value = await load()
            self.put(key, value)
            return value
        finally:
            del self._flights[key]


def _mark_retrieved(flight: asyncio.Task[V]) -> None:
    """Read the outcome, so that asyncio does not complain when all who waited have given up."""
    if not flight.cancelled():
        flight.exception()
