"""Characters ⇄ group ids, with the caches that keep HTTP off the hot path (architecture 4.1).

The Platform addresses lists by id. An outgoing list becomes an id once for each exact, ordered
list; an incoming id becomes its list once, is believed for a while, and is asked for again when
a frame says that the list has another length.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moobius import types
from moobius.core.single_flight import SingleFlightCache
from moobius.errors import BadResponseException
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.types import Characters, to_char_id_list

CACHE_SIZE = 10_000  # lists kept in each direction
UP_GROUP_NAME = "A_message_up_group"  # what every SDK calls them (platform.md 2.8)

NO_GROUP = ("", "None", "none", "null", "Null", "false", "False")
"""What older code and older frames say where they mean no group."""


class ServiceGroupLib:
    """Knows which list of characters has which group id, in both directions.

    Args:
        cache_seconds: How long the members of an incoming group are believed; 0 means always ask.
    """

    def __init__(self, cache_seconds: float = 300.0) -> None:
        self._ids: SingleFlightCache[tuple[str | None, tuple[str, ...]], str] = SingleFlightCache(
            CACHE_SIZE
        )
        self._seen: SingleFlightCache[str, bool] = SingleFlightCache(CACHE_SIZE)
        self._members: SingleFlightCache[str, list[str]] = SingleFlightCache(
            CACHE_SIZE, cache_seconds
        )

    async def convert_list(
        self,
        http_api: HTTPAPIWrapper,
        character_ids: Characters,
        is_message_down: bool,
        channel_id: str | None = None,
    ) -> str | None:
        """Return the group id for a list; `None` for an empty one, which is nobody.

        Args:
            http_api: Who to ask when the list is new.
            character_ids: Whom the group is to hold, in order.
            is_message_down: Whether a service (down) or a user (up) sends to it.
            channel_id: Where the group is used; upward groups belong to a channel.
        """
        ids = to_char_id_list(character_ids)
        if not ids:
            return None
        where = None if is_message_down else channel_id
        return self.known(ids, is_message_down, where) or await self.group_of(http_api, ids, where)

    def known(
        self, ids: list[str], is_message_down: bool = True, channel_id: str | None = None
    ) -> str | None:
        """Return the id that addresses a list without asking anybody; `None` if there is none.

        Args:
            ids: Whom it is to hold, in order; the id of a group alone is that group.
            is_message_down: As for `convert_list`.
            channel_id: As for `group_of`.
        """
        if ids == [types.SERVICE] and not is_message_down:
            return types.SERVICE
        if len(ids) == 1 and self._seen.peek(ids[0]):
            return ids[0]
        return self._ids.peek((channel_id, tuple(ids)))

    async def group_of(
        self, http_api: HTTPAPIWrapper, ids: list[str], channel_id: str | None = None
    ) -> str:
        """Return the group id for exactly this list, which may be empty.

        Args:
            http_api: Who to ask when the list is new.
            ids: Whom the group holds, in order.
            channel_id: For groups of a channel, which one; `None` for groups of a service.
        """

        async def create() -> str:
            if channel_id is None:
                group = await http_api.create_service_group(ids)
            else:
                group = await http_api.create_channel_group(channel_id, UP_GROUP_NAME, ids)
            self._members.put(group.group_id, ids)
            self._seen.put(group.group_id, True)
            return group.group_id

        return await self._ids.get((channel_id, tuple(ids)), create)

    async def members_of(
        self,
        http_api: HTTPAPIWrapper,
        group: object,
        *,
        sender_id: str,
        channel_id: str,
        expected: object = None,
    ) -> list[str]:
        """Return who is in the group an incoming frame names, as a new list.

        Args:
            http_api: Who to ask when the group is not known.
            group: As it came: a group id, or the list itself, or nothing.
            sender_id: Who sent to the group.
            channel_id: Where.
            expected: How many there should be, if the frame says so.

        Raises:
            BadResponseException: If the Platform does not know the group.
            TransportError: If it cannot be asked.
        """
        if group is None or group == types.SERVICE or group in NO_GROUP:
            return []
        if not isinstance(group, str):
            return to_char_id_list(group)  # type: ignore[arg-type]
        known = self._members.peek(group)
        if known is not None and isinstance(expected, int) and expected != len(known):
            self._members.forget(group)

        async def ask() -> list[str]:
            members = await http_api.group_members(sender_id, channel_id, group)
            if members is None:
                raise BadResponseException(
                    f"unknown group {group}", endpoint="GET /user/group", code=10002
                )
            self._seen.put(group, True)
            return members

        return list(await self._members.get(group, ask))


async def group2ids(
    group_id: str | None, payload_body: Mapping[str, Any], http_api: HTTPAPIWrapper, client_id: str
) -> list[str]:
    """Return who is in the group an incoming frame names; `ServiceGroupLib` does so with a cache.

    Args:
        group_id: The group; `"service"` and nothing are nobody.
        payload_body: The frame's body, which knows its `sender` and `channel_id`.
        http_api: Who to ask.
        client_id: Who asks, where the body has no sender.

    Raises:
        TypeError: If it is not an id.
        BadResponseException: If the Platform does not know the group.
    """
    if group_id is not None and not isinstance(group_id, str):
        raise TypeError(f"a group id is a string, not {group_id!r}")
    return await ServiceGroupLib(cache_seconds=0).members_of(
        http_api,
        group_id,
        sender_id=payload_body.get("sender") or client_id,
        channel_id=payload_body.get("channel_id") or "",
    )
