"""Events in memory: gone with the process, fast while it lasts."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from moobius.local.model.apply import apply
from moobius.local.model.events import Event, MessageStored, RequestDone
from moobius.local.model.state import State
from moobius.local.store.protocol import REQUESTS_KEPT, Message


@dataclass(order=True)
class _Entry:
    timestamp: int
    position: int
    message: Message = field(compare=False)


class MemoryStore:
    """A `Store` for `--ephemeral` and for tests."""

    def __init__(self, requests_kept: int = REQUESTS_KEPT) -> None:
        self._events: list[Event] = []
        self._requests: dict[str, deque[str]] = {}
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

    def requests(self, identity: str) -> list[str]:
        """Return the ids of an identity's latest requests, oldest first."""
        return [*self._requests.get(identity, ())]

    async def append(self, events: Sequence[Event]) -> None:
        """Keep the events."""
        for event in events:
            if isinstance(event, MessageStored):
                self._keep(event)
            elif isinstance(event, RequestDone):
                latest = deque[str](maxlen=self._requests_kept)
                self._requests.setdefault(event.identity, latest).append(event.request_id)
            else:
                self._events.append(event)

    def _keep(self, event: MessageStored) -> None:
        self._position += 1
        entry = _Entry(event.timestamp, self._position, event.message)
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
    ) -> list[Message]:
        """Return a user's messages in a channel, newest first."""
        found: list[Message] = []
        for entry in reversed(self._histories.get((user_id, channel_id), [])):
            if len(found) == limit or (after is not None and entry.timestamp <= after):
                break
            if before is None or entry.timestamp < before:
                found.append(entry.message)
        return found

    async def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        return self._messages.get((user_id, message_id))

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""
