"""Two short memories: requests done already, and views asked for a moment ago."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Protocol
from weakref import WeakValueDictionary

from moobius.local.model.events import RequestDone
from moobius.local.sieve import Sieve

ANYTHING = ""
"""The digest of a request of which nobody noted what was asked."""


class Requests(Protocol):
    """Where requests are kept that were carried out: a `Store`."""

    async def has_requests(self, identity: str) -> bool:
        """Return whether an identity has ever made one."""
        ...

    async def request(self, identity: str, request_id: str) -> str | None:
        """Return what was asked under an id at last, as a digest; None if nothing was lately."""
        ...


class RequestsOf:
    """The latest requests of one identity, so that a repeat is not done twice.

    In memory are those that are on their way to the store. The others are looked up there, one by
    one and only where that is needed: which ids have surely not come since this was made is known.

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
        self._on_the_way: dict[str, RequestDone] = {}
        self._looked_up: Counter[str] = Counter()
        self._just_kept: dict[str, RequestDone] = {}  # whoever looks it up may have come too early
        self._since = Sieve(most)
        self._unknown = 0 if is_new else most  # how many of the latest may be from before

    async def stored(self, request_id: str) -> str | None:
        """Return what the store has had under an id at last, as a digest; None if it has nothing.

        Raises:
            StorageError: If the store cannot be read.
        """
        if self._unknown <= 0 and not self._since.may_have(request_id):
            return None
        self._looked_up[request_id] += 1
        try:
            return await self._store.request(self.identity, request_id)
        finally:
            # Not now: whoever has looked is still to ask `has`.
            asyncio.get_running_loop().call_soon(self._look_away, request_id)

    def has(self, request_id: str, digest: str, stored: str | None) -> bool:
        """Return whether this very request was carried out already.

        Args:
            request_id: The id it came with.
            digest: Of what is asked.
            stored: What `stored` has said of the id a moment ago.
        """
        known = self._on_the_way.get(request_id) or self._just_kept.get(request_id)
        return (stored if known is None else known.digest) in (digest, ANYTHING)

    def remember(self, request_id: str, digest: str) -> RequestDone:
        """Note that a request is carried out; return the event that says so."""
        done = RequestDone(self.identity, request_id, digest)
        self._on_the_way[request_id] = done
        self._since.add(request_id)
        self._unknown -= 1
        return done

    def kept(self, done: RequestDone) -> None:
        """Note that the store has a request, so that it can be looked up there."""
        if self._looked_up[done.request_id]:
            self._just_kept[done.request_id] = done
        if self._on_the_way.get(done.request_id) is done:
            del self._on_the_way[done.request_id]

    def _look_away(self, request_id: str) -> None:
        self._looked_up[request_id] -= 1
        if not self._looked_up[request_id]:
            del self._looked_up[request_id]
            self._just_kept.pop(request_id, None)


class RecentRequests:
    """Finds what is known of the requests of every identity, and keeps what somebody holds.

    Whoever speaks for an identity holds what it is given while it is connected, and so does every
    command on its way to the store. So what is let go of is in the store, and is found there.

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


class Coalescer:
    """Lets one of several requests for the same view through per window (platform.md 6.4)."""

    def __init__(self, window_ms: int) -> None:
        self._window = window_ms
        self._last: dict[tuple[str, str], int] = {}

    def first(self, user_id: str, channel_id: str, now: int) -> bool:
        """Return whether this request opens a window; the rest of the window gets no."""
        key = (user_id, channel_id)
        if now - self._last.get(key, -self._window) < self._window:
            return False
        if len(self._last) > 1024:
            self._last = {k: at for k, at in self._last.items() if now - at < self._window}
        self._last[key] = now
        return True
