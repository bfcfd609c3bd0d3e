"""Two short memories: requests done already, and views asked for a moment ago."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from weakref import WeakValueDictionary

from moobius.local.model.events import RequestDone

ANYTHING = ""
"""The digest of a request of which nobody noted what was asked."""


class RequestsOf:
    """The latest requests of one identity, so that a repeat is not done twice.

    An id that comes again with other contents is no repeat: some clients count from 1 whenever they
    start.

    Args:
        identity: Whose.
        most: How many.
        done: Those made before, oldest first.
    """

    def __init__(self, identity: str, most: int, done: Iterable[RequestDone] = ()) -> None:
        self.identity = identity
        self._most = most
        self._digests: OrderedDict[str, str] = OrderedDict()
        for request in done:
            self._note(request)

    def has(self, request_id: str, digest: str) -> bool:
        """Return whether this very request was carried out already."""
        return self._digests.get(request_id) in (digest, ANYTHING)

    def remember(self, request_id: str, digest: str) -> RequestDone:
        """Note that a request is carried out; return the event that says so."""
        done = RequestDone(self.identity, request_id, digest)
        self._note(done)
        return done

    def _note(self, done: RequestDone) -> None:
        self._digests[done.request_id] = done.digest
        self._digests.move_to_end(done.request_id)
        if len(self._digests) > self._most:
            self._digests.popitem(last=False)


class RecentRequests:
    """Finds the latest requests of every identity, and keeps those that somebody holds.

    Whoever speaks for an identity holds what it is given while it is connected, and so does every
    command on its way to the store. So what is let go of is in the store, and is read from there
    when it is wanted again.

    Args:
        per_identity: How many.
        recall: Returns those that an identity made before, oldest first.
    """

    def __init__(
        self, per_identity: int, recall: Callable[[str], Awaitable[Iterable[RequestDone]]]
    ) -> None:
        self._most = per_identity
        self._recall = recall
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
        found = RequestsOf(identity, self._most, await self._recall(identity))
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
