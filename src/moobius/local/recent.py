"""Two short memories: requests done already, and views asked for a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable


class RecentRequests:
    """Remembers the latest request ids of every identity, so that a repeat is not done twice.

    Args:
        per_identity: How many.
        recall: Returns those that an identity made before this start, oldest first; asked once
            for each, when it first makes a request.
    """

    def __init__(self, per_identity: int, recall: Callable[[str], Iterable[str]]) -> None:
        self._limit = per_identity
        self._recall = recall
        self._known: dict[str, OrderedDict[str, None]] = {}

    def remember(self, identity: str, request_id: str) -> None:
        """Note that a request was carried out."""
        known = self._of(identity)
        known[request_id] = None
        if len(known) > self._limit:
            known.popitem(last=False)

    def has(self, identity: str, request_id: str) -> bool:
        """Return whether this very request was carried out already."""
        return request_id in self._of(identity)

    def _of(self, identity: str) -> OrderedDict[str, None]:
        known = self._known.get(identity)
        if known is None:
            known = self._known[identity] = OrderedDict.fromkeys(self._recall(identity))
        return known


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
