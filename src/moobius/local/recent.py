"""Two short memories: requests done already, and views asked for a moment ago."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol
from weakref import WeakValueDictionary

from moobius.local.bloom_filter import RotatingBloomFilter
from moobius.local.model.events import RequestDone

ANYTHING = ""
"""The digest of a request that was stored before digests were; it equals any other."""


class Requests(Protocol):
    """Where requests are kept that were carried out: a `Store`."""

    async def has_requests(self, identity: str) -> bool:
        """Return whether an identity has ever made one."""
        ...

    async def request(self, identity: str, request_id: str) -> str | None:
        """Return the digest of the latest request with an id; None if there was none lately."""
        ...


class RequestsOf:
    """The latest requests of one identity, so that a repeat is not done twice.

    In memory are those that are not stored yet. The others are looked up in the store, one by one.
    A Bloom filter of the ids seen since this was made spares most new ids the look-up.

    An id that comes again with other contents is no repeat: some clients count from 1 whenever they
    start.

    Args:
        identity: Whose.
        most: How many are remembered.
        store: Where they are.
        is_new: Whether there is none in the store yet.
    """

    def __init__(self, identity: str, most: int, store: Requests, *, is_new: bool) -> None:
        self.identity = identity
        self._store = store
        self._not_stored: dict[str, RequestDone] = {}
        self._lookups: Counter[str] = Counter()
        # Stored while somebody looked them up, who may have looked just before.
        self._stored_meanwhile: dict[str, RequestDone] = {}
        self._seen = RotatingBloomFilter(most)
        # How many of the latest may be from before this was made, and so are not in the filter.
        self._older = 0 if is_new else most

    async def stored(self, request_id: str) -> str | None:
        """Return the digest of the latest request with an id in the store; None if there is none.

        Raises:
            StorageError: If the store cannot be read.
        """
        if self._older <= 0 and not self._seen.may_contain(request_id):
            return None
        self._lookups[request_id] += 1
        try:
            return await self._store.request(self.identity, request_id)
        finally:
            # Later: the caller still has to call `has` with what it was told.
            asyncio.get_running_loop().call_soon(self._end_lookup, request_id)

    def has(self, request_id: str, digest: str, stored: str | None) -> bool:
        """Return whether this very request was carried out already.

        Args:
            request_id: The id it came with.
            digest: Of what is asked.
            stored: What `stored` has said of the id a moment ago.
        """
        known = self._not_stored.get(request_id) or self._stored_meanwhile.get(request_id)
        return (stored if known is None else known.digest) in (digest, ANYTHING)

    def remember(self, request_id: str, digest: str) -> RequestDone:
        """Note that a request is carried out; return the event that says so."""
        done = RequestDone(self.identity, request_id, digest)
        self._not_stored[request_id] = done
        self._seen.add(request_id)
        self._older -= 1
        return done

    def mark_stored(self, done: RequestDone) -> None:
        """Note that the store has a request, so that it can be looked up there."""
        if self._lookups[done.request_id]:
            self._stored_meanwhile[done.request_id] = done
        if self._not_stored.get(done.request_id) is done:
            del self._not_stored[done.request_id]

    def _end_lookup(self, request_id: str) -> None:
        self._lookups[request_id] -= 1
        if not self._lookups[request_id]:
            del self._lookups[request_id]
            self._stored_meanwhile.pop(request_id, None)


class RecentRequests:
    """Finds the `RequestsOf` an identity: one object for all who use it at the same time.

    Only weak references are kept here. Sessions hold the object while they are connected, and
    commands until they are stored. So an object that is gone had nothing that is not in the store.

    Args:
        per_identity: How many are remembered.
        store: Where they are.
    """

    def __init__(self, per_identity: int, store: Requests) -> None:
        self._most = per_identity
        self._store = store
        self._held: WeakValueDictionary[str, RequestsOf] = WeakValueDictionary()
        self._reading: dict[str, asyncio.Task[RequestsOf]] = {}

    def __len__(self) -> int:
        return len(self._held)

    async def of(self, identity: str) -> RequestsOf:
        """Return the requests of an identity; the same to all who speak for it.

        Raises:
            StorageError: If they cannot be read.
        """
        held = self._held.get(identity)
        if held is not None:
            return held
        reading = self._reading.get(identity)
        if reading is None:
            reading = self._reading[identity] = asyncio.create_task(self._read(identity))
            reading.add_done_callback(lambda _: self._reading.pop(identity))
        return await asyncio.shield(reading)  # others may be waiting for it too

    async def _read(self, identity: str) -> RequestsOf:
        is_new = not await self._store.has_requests(identity)
        found = RequestsOf(identity, self._most, self._store, is_new=is_new)
        self._held[identity] = found
        return found


WINDOWS_KEPT = 1024
"""A `Coalescer` forgets no windows that have ended while there are fewer."""


class Coalescer:
    """Lets one of several requests for the same view through per window (platform.md 6.4)."""

    def __init__(self, window_ms: int) -> None:
        self._window = window_ms
        self._last: dict[tuple[str, str], int] = {}
        self._most = WINDOWS_KEPT

    def __len__(self) -> int:
        return len(self._last)

    def first(self, user_id: str, channel_id: str, now: int) -> bool:
        """Return whether this request is the first within its window; the others get False."""
        key = (user_id, channel_id)
        if now - self._last.get(key, -self._window) < self._window:
            return False
        if len(self._last) >= self._most:
            self._last = {k: at for k, at in self._last.items() if now - at < self._window}
            # Twice as many before all are looked at again, so that each costs little.
            self._most = max(WINDOWS_KEPT, 2 * len(self._last))
        self._last[key] = now
        return True
