"""The seam between the Platform and whatever keeps its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from moobius.local.model.events import Event

Message = dict[str, Any]

REQUESTS_KEPT = 4096
"""How many requests of every identity a store gives back, unless it is told otherwise."""


class Store(Protocol):
    """Keeps events in order, and messages by whose history they are in.

    `append` is given the events of several commands at once, and either all of them are kept or
    none. `MessageStored` is a record of the store alone, and `replay` does not give it back; of
    `RequestDone` it gives back the latest of every identity. So starting takes no longer because
    people have talked more.
    """

    def replay(self) -> Iterator[Event]:
        """Give back the events, oldest first, except messages; the latest requests come last."""
        ...

    async def append(self, events: Sequence[Event]) -> None:
        """Keep the events; they are safe when this returns.

        Raises:
            StorageError: If they could not be kept.
        """
        ...

    async def history(
        self,
        user_id: str,
        channel_id: str,
        before: float | None = None,
        after: float | None = None,
        limit: int = 64,
    ) -> list[Message]:
        """Return a user's messages in a channel, newest first.

        Args:
            user_id: Whose history.
            channel_id: In which channel.
            before: Milliseconds; only what is older, if given.
            after: Milliseconds; only what is newer, if given.
            limit: At most so many.
        """
        ...

    async def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        ...

    async def close(self) -> None:
        """Finish; nothing may be asked afterwards."""
        ...
