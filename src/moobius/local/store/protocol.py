"""What the Platform needs of a store; `MemoryStore` and `SqliteStore` are the two there are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from moobius.local.model.events import Event
from moobius.local.model.state import State
from moobius.local.store.pages import MOST_BYTES

Message = dict[str, Any]

REQUESTS_KEPT = 4096
"""How many requests of every identity a store remembers, unless it is told otherwise."""


class Store(Protocol):
    """Keeps events in order, and messages by whose history they are in.

    `append` is given the events of several commands at once, and keeps all of them or none.
    `MessageStored` and `RequestDone` are no part of the state: the store looks them up when they
    are asked for. So a start takes no longer when people have said more.
    """

    async def restore(self) -> State:
        """Return the state that the events have led to.

        Raises:
            StorageError: If they cannot be read.
        """
        ...

    async def has_requests(self, identity: str) -> bool:
        """Return whether an identity has ever made a request that is remembered.

        Raises:
            StorageError: If that cannot be read.
        """
        ...

    async def request(self, identity: str, request_id: str) -> str | None:
        """Return the digest of an identity's latest request with an id.

        Returns:
            None if it was not among the latest requests; it may be known somewhat longer.

        Raises:
            StorageError: If that cannot be read.
        """
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
        most_bytes: int = MOST_BYTES,
    ) -> list[Message]:
        """Return a page of a user's messages in a channel, newest first.

        Args:
            user_id: Whose history.
            channel_id: In which channel.
            before: Milliseconds; only what is older, if given.
            after: Milliseconds; only what is newer, if given.
            limit: So many, or a few more or fewer: see `pages.page_of`.
            most_bytes: At most so large.
        """
        ...

    async def find_message(self, user_id: str, message_id: str) -> Message | None:
        """Return a message of a user's history."""
        ...

    async def close(self) -> None:
        """Finish; nothing may be asked afterwards."""
        ...
