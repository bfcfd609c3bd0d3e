"""Requests that wait for their answer. Pure: the time and the random numbers are handed in."""

from __future__ import annotations

import heapq
import random
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moobius.errors import TooManyRequests
from moobius.messaging.messages import Encoded

FIRST_DIGITS = 4
TRIES = 64
# An answer can come twice (the request was sent again), or too late. As long as an id rests, it is
# given to no other request, to which such an answer would then seem to belong.
RESTING_IDS = 2048
ANSWERED_AT_MOST = 256
"""Deadlines of answered requests that may be kept, besides one for each that is pending."""


@dataclass(eq=False, slots=True)
class Pending:
    """One request that was made and is not answered."""

    request_id: str
    name: str
    message: Encoded
    """As it was sent the first time, to be sent again byte for byte."""
    owner: Any = None
    """Whatever the shell needs to hand on the answer: a future, callbacks."""
    deadline: float | None = None
    """When to give up; in the shell's time."""
    is_file: bool = False
    destination: Path | None = None
    """Where a file that was asked for goes; `None` keeps it nowhere."""


class PendingRequests:
    """All of them, in the order in which they were made."""

    def __init__(self, limit: int | None = None, rng: random.Random | None = None) -> None:
        self._limit = limit
        self._random = rng or random.Random()
        self._by_id: dict[str, Pending] = {}
        self._resting: OrderedDict[str, None] = OrderedDict()  # as they went to rest
        # By deadline, and only their ids: what was answered must not stay in memory behind one that
        # is not. Those answered in the meantime are skipped when their turn comes.
        self._timed: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Pending]:
        return iter(list(self._by_id.values()))

    def new_id(self) -> str:
        """Draw an id that no pending request has: four digits, more only when all are taken.

        Raises:
            TooManyRequests: If there are as many as are allowed.
        """
        if self._limit is not None and len(self._by_id) >= self._limit:
            raise TooManyRequests(
                f"{len(self._by_id)} requests wait for their answer, and no more are allowed; "
                "give requests a timeout, or wait for answers before asking more"
            )
        digits = FIRST_DIGITS
        while len(self._by_id) >= 10**digits:
            digits += 1
        for _ in range(TRIES):
            drawn = str(self._draw(digits)).zfill(digits)
            if drawn not in self._by_id and drawn not in self._resting:
                return drawn
        # Hardly any id is free: try all from a random one on, also those that rest.
        start = self._draw(digits)
        for step in range(10**digits):
            drawn = str((start + step) % 10**digits).zfill(digits)
            if drawn not in self._by_id:
                return drawn
        raise AssertionError("fewer requests are pending than there are ids")

    def _draw(self, digits: int) -> int:
        return int(self._random.random() * 10**digits)  # a third of the time of `randrange`

    def add(self, pending: Pending) -> None:
        """Remember a request."""
        self._by_id[pending.request_id] = pending
        if pending.deadline is not None:
            heapq.heappush(self._timed, (pending.deadline, pending.request_id))

    def find(self, request_id: str, name: str) -> Pending | None:
        """Return the request that an answer with this id and name belongs to, if it does."""
        pending = self._by_id.get(request_id)
        return pending if pending and pending.name == name else None

    def remove(self, pending: Pending) -> bool:
        """Forget a request; tell whether it was still there."""
        if not self._is_pending(pending):
            return False
        del self._by_id[pending.request_id]
        self._rest(pending.request_id)
        self._skip_answered()
        return True

    def _rest(self, request_id: str) -> None:
        self._resting[request_id] = None
        if len(self._resting) > RESTING_IDS:
            self._resting.popitem(last=False)

    def take_over(self, other: PendingRequests) -> list[Pending]:
        """Take all requests of another; return those whose ids are pending here already."""
        colliding = []
        for pending in other:
            other.remove(pending)
            if pending.request_id in self._by_id:
                colliding.append(pending)
            else:
                self.add(pending)
        return colliding

    @property
    def next_deadline(self) -> float | None:
        """When the next request runs out of time."""
        self._skip_answered()
        return self._timed[0][0] if self._timed else None

    def expire(self, now: float) -> list[Pending]:
        """Forget and return those whose time is up."""
        late = []
        while (deadline := self.next_deadline) is not None and deadline <= now:
            pending = self._by_id[self._timed[0][1]]
            self.remove(pending)
            late.append(pending)
        return late

    def _skip_answered(self) -> None:
        while self._timed and not self._is_waiting(*self._timed[0]):
            heapq.heappop(self._timed)
        if len(self._timed) > 2 * len(self._by_id) + ANSWERED_AT_MOST:
            self._timed = [entry for entry in self._timed if self._is_waiting(*entry)]
            heapq.heapify(self._timed)

    def _is_waiting(self, deadline: float, request_id: str) -> bool:
        pending = self._by_id.get(request_id)
        return pending is not None and pending.deadline == deadline

    def _is_pending(self, pending: Pending) -> bool:
        return self._by_id.get(pending.request_id) is pending
