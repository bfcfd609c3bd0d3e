"""What a client may ask the Platform: who is where, who is who, what was said (sdk.md 1.2.4)."""

from __future__ import annotations

from typing import Any, overload

from moobius.core.channels import channel_owners
from moobius.core.client import Client
from moobius.core.groups import NO_GROUP
from moobius.network.replies import HistoryMessage, ServiceEntry
from moobius.types import Character, Characters


class Asking(Client):
    """The verbs of `Moobius` that begin with `fetch_` and their like."""

    async def fetch_member_ids(
        self, channel_id: str, raise_empty_list_err: bool = False
    ) -> list[str]:
        """Return the ids of who has joined a channel: real people only, the Platform's truth."""
        return await self.http_api.fetch_member_ids(channel_id, self.own_id, raise_empty_list_err)

    # A str is an Iterable too; the first overload wins, as it does at run time.
    @overload
    async def fetch_character_profile(  # type: ignore[overload-overlap]
        self, character: str | Character
    ) -> Character: ...
    @overload
    async def fetch_character_profile(self, character: Characters) -> list[Character]: ...

    async def fetch_character_profile(self, character: Characters) -> Character | list[Character]:
        """Return name, avatar and description: of one, or of a list in its order."""
        return await self.http_api.fetch_character_profile(character)

    # The tutorial's own name for it (seed 003).
    get_character_profile = fetch_character_profile

    async def fetch_agents(self) -> list[Character]:
        """Return the agents of this service."""
        return await self.http_api.fetch_agents(self.own_id)

    async def fetch_characters(self, channel_id: str) -> list[Character]:
        """Return the members of a channel, then all agents of this service."""
        members = await self.fetch_character_profile(await self.fetch_member_ids(channel_id))
        return members + await self.fetch_agents()

    async def fetch_channel_list(self) -> list[str]:
        """Return the ids of the channels the account is a member of."""
        return await self.http_api.fetch_channel_list()

    async def fetch_popular_channels(self) -> list[str]:
        """Return the ids of the busiest channels."""
        return await self.http_api.fetch_popular_channels()

    async def fetch_service_id_each_channel(self) -> dict[str, str]:
        """Return channel id -> service id for the channels bound to services of this account."""
        return await channel_owners(self.http_api)

    async def fetch_bound_channels(self) -> list[str]:
        """Return the ids of the channels bound to this service."""
        bound = await self.fetch_service_id_each_channel()
        return [channel_id for channel_id, owner in bound.items() if owner == self.client_id]

    async def fetch_service_id_list(self) -> list[ServiceEntry]:
        """Return the account's services: objects with `service_id` and `channel_ids`.

        `str()` of each is its id.
        """
        return await self.http_api.fetch_service_id_list()

    async def fetch_message_history(
        self, channel_id: str, limit: int | str = 1024, before: Any = "null"
    ) -> list[HistoryMessage]:
        """Return the account's own history in a channel, newest first.

        Args:
            channel_id: Which channel.
            limit: How many messages; the last may bring with it others of the same millisecond.
            before: Only older ones, in seconds since the epoch; `"null"` for no bound.

        Returns:
            Objects whose keys are also attributes: `message_id`, `sender`, `content`, ...
        """
        return await self.http_api.fetch_message_history(channel_id, limit, before)

    async def fetch_message_readers(self, message: Any) -> list[str]:
        """Return who has read a message; the Platform's API has no such question (yet).

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the Platform does not tell who has read a message")

    async def fetch_channel_group_list(self, channel_id: str) -> list[dict[str, Any]]:
        """Return the account's own groups in a channel: `group_id`, `characters`, ..."""
        return await self.http_api.fetch_channel_group_list(channel_id, self.own_id)

    async def fetch_channel_temp_group(self, channel_id: str) -> list[Any]:
        """Return the account's temporary group in a channel."""
        return await self.http_api.fetch_channel_temp_group(channel_id, self.own_id)

    async def character_ids_of_channel_group(
        self, sender_id: str, channel_id: str, group_id: str
    ) -> list[str]:
        """Return who is in a group of a member; nobody if the Platform does not know it."""
        return await self.http_api.character_ids_of_channel_group(sender_id, channel_id, group_id)

    async def character_ids_of_service_group(self, group_id: str | None) -> list[str]:
        """Return who is in a group of a service; nobody if there is none."""
        if group_id is None or group_id in NO_GROUP:
            return []
        return await self.http_api.character_ids_of_service_group(group_id)

    async def fetch_user_from_group(
        self, user_id: str, channel_id: str, group_id: str
    ) -> list[str]:
        """Return who is in a group of a user."""
        return await self.http_api.character_ids_of_channel_group(user_id, channel_id, group_id)

    async def fetch_target_group(self, user_id: str, channel_id: str, group_id: str) -> Any:
        """Not known to the Platform.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the Platform has no target groups")
