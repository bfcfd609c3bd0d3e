"""Events in memory: gone with the process, fast while it lasts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from moobius.local.model.apply import apply
from moobius.local.model.events import Event, MessageStored, RequestDone
from moobius.local.model.state import State
from moobius.local.store.pages import MOST_BYTES, Row, page_of
from moobius.local.store.protocol import REQUESTS_KEPT, Message


@dataclass(order=True)
class _Entry:
    timestamp: int
    position: int
    size: int = field(compare=False)
    message: Message = field(compare=False)


def _time(entry: _Entry) -> int:
    return entry.timestamp


class MemoryStore:
    """A `Store` for `--ephemeral` and for tests."""

    def __init__(self, requests_kept: int = REQUESTS_KEPT) -> None:
        self._events: list[Event] = []
        self._requests: dict[str, OrderedDict[str, str]] = {}
        self._requests_kept = requests_kept
        self._histories: dict[tuple[str, str], list[_Entry]] = {}
        self._messages: dict[tuple[str, str], Message] = {}
        self._position = 0

    async def restore(self) -> State:
        """Return the state that the events have led to."""
        state = State()
        for event in self._events:
            apply(state, event)
        return state

    async def has_requests(self, identity: str) -> bool:
        """Return whether an identity has made a request that is remembered."""
        return identity in self._requests

    async def request(self, identity: str, request_id: str) -> str | None:
        """Return the digest of an identity's latest request with an id."""
        latest = self._requests.get(identity)
        return None if latest is None else latest.get(request_id)

    async def append(self, events: Sequence[Event]) -> None:
        """Keep the events."""
        for event in events:
            if isinstance(event, MessageStored):
                self._keep(event)
            elif isinstance(event, RequestDone):
                self._remember(event)
            else:
                self._events.append(event)

    def _remember(self, event: RequestDone) -> None:
        latest = self._requests.setdefault(event.identity, OrderedDict())
        latest[event.request_id] = event.digest
        latest.move_to_end(event.request_id)
        if len(latest) > self._requests_kept:
            latest.popitem(last=False)

    def _keep(self, event: MessageStored) -> None:
        self._position += 1
        size = len(msgspec.json.encode(event.message))
        entry = _Entry(event.timestamp, self._position, size, event.message)
        for owner in event.owners:
            insort(self._histories.setdefault((owner, event.channel_id), []), entry)
            self._messages[owner, event.message_id] = event.message

    async def history(
        self,
        user_id: str,
        channel_id: str,
        before: float | None = None,
        after: float | None = None,
        limit: int = 64,
        most_bytes: int = MOST_BYTES,
    ) -> list[Message]:
        """Return a page of a user's messages in a channel, newest first."""
        entries = self._histories.get((user_id, channel_id), [])
        end = len(entries) if before is None else bisect_left(entries, before, key=_time)
        start = 0 if after is None else bisect_right(entries, after, key=_time)
        newest_first = (entries[number] for number in range(end - 1, start - 1, -1))
        rows = ((Row(entry.timestamp, entry.size), entry.message) for entry in newest_first)
        return page_of(rows, limit, most_bytes)

    async def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        return self._messages.get((user_id, message_id))

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
