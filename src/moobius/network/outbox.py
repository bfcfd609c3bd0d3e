"""The queue of outgoing frames: those to be written, and those that wait for an answer. Pure.

The rules of delivery (architecture 4.3): frames leave in the order they were put in; each is kept
until the Platform's `copy` answers it; after a lost connection the unanswered ones are sent again
before the queued ones. With a Platform that recognises repeats, each arrives once, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Outgoing:
    """One frame, and what is known of it."""

    request_id: str
    text: str
    label: str
    """For people: `message_down to channel X`."""
    is_message: bool
    sent_at: float = 0.0
    login_missed: bool = False
    """Refused once because the session was not logged in (any more): it had no effect."""


class Outbox:
    """A bounded, ordered queue that remembers what was sent until it is acknowledged."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._queued: deque[Outgoing] = deque()
        self._sent: dict[str, Outgoing] = {}

    def qsize(self) -> int:
        """Return how many frames are not yet acknowledged, written or not."""
        return len(self)

    def empty(self) -> bool:
        """Tell whether all frames are acknowledged."""
        return not len(self)

    def full(self) -> bool:
        """Tell whether a sender has to wait."""
        return self.is_full

    def __len__(self) -> int:
        return len(self._queued) + len(self._sent)

    @property
    def is_full(self) -> bool:
        """Tell whether a sender has to wait."""
        return len(self) >= self.capacity

    @property
    def has_queued(self) -> bool:
        """Tell whether there is something to write."""
        return bool(self._queued)

    def put(self, frame: Outgoing) -> None:
        """Queue a frame behind all others."""
        self._queued.append(frame)

    def take(self, now: float) -> Outgoing:
        """Return the next frame to write; from now on it waits for its answer.

        One that waits already under the same request id is forgotten.
        """
        frame = self._queued.popleft()
        frame.sent_at = now
        self._sent[frame.request_id] = frame
        return frame

    def find(self, request_id: str) -> Outgoing | None:
        """Return a frame that waits for its answer; `None` if it is not ours."""
        return self._sent.get(request_id)

    def acknowledge(self, request_id: str) -> Outgoing | None:
        """Forget a frame that was answered, and return it; `None` if it is not ours."""
        return self._sent.pop(request_id, None)

    def connection_lost(self, may_repeat: Callable[[Outgoing], bool]) -> list[Outgoing]:
        """Queue unanswered frames again, in front; return those that must not be sent twice."""
        unanswered = list(self._sent.values())
        self._sent.clear()
        self._queued.extendleft(frame for frame in reversed(unanswered) if may_repeat(frame))
        return [frame for frame in unanswered if not may_repeat(frame)]

    def let_go(self, sent_before: float) -> list[Outgoing]:
        """Forget frames written before the given time that were never answered; return them."""
        old = [frame for frame in self._sent.values() if frame.sent_at < sent_before]
        for frame in old:
            del self._sent[frame.request_id]
        return old
