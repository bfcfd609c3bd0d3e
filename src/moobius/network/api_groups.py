"""Endpoints on groups: lists of characters that the Platform knows by an id (platform.md 2.8)."""

from __future__ import annotations

from typing import Any, NoReturn

from moobius.network import replies
from moobius.network.http_request import ATTEMPTS, Requester
from moobius.network.replies import field
from moobius.types import Characters, Group, assert_strs, to_char_id_list


class GroupEndpoints(Requester):
    """Making groups, and looking up who is in them."""

    async def create_service_group(self, characters: Characters) -> Group:
        """Store a list of characters, for frames that go down."""
        ids, path = to_char_id_list(characters), "/service/group/create"
        # Safe to repeat: a second group with the same list has another id, and is never used.
        data = await self._post(path, {"group_id": "", "characters": ids}, attempts=ATTEMPTS)
        if not isinstance(data, str):
            raise replies.wrong_shape("expected the id of the new group", f"POST {path}")
        return Group(data, ids)

    async def create_channel_group(
        self, channel_id: str, group_name: str, characters: Characters
    ) -> Group:
        """Store a list of characters under a name, for messages that go up in a channel."""
        assert_strs(channel_id, group_name)
        ids = to_char_id_list(characters)
        data = await self._post(
            "/user/group/create",
            {"channel_id": channel_id, "group_name": group_name, "characters": ids},
        )
        return Group(field(data, "group_id", "POST /user/group/create"), ids)

    async def character_ids_of_service_group(self, group_id: str) -> list[str]:
        """Return who is in a service group; nobody if it is unknown."""
        assert_strs(group_id)
        data = await self._get("/service/group", group_id=group_id)
        return replies.members(data, "GET /service/group") or []

    async def character_ids_of_channel_group(
        self, sender_id: str, channel_id: str, group_id: str
    ) -> list[str]:
        """Return who is in a channel group; nobody if it is unknown."""
        return await self.group_members(sender_id, channel_id, group_id) or []

    async def fetch_user_from_group(
        self, user_id: str, channel_id: str, group_id: str
    ) -> list[str]:
        """Return who is in a group of a user; nobody if it is unknown."""
        return await self.character_ids_of_channel_group(user_id, channel_id, group_id)

    async def group_members(
        self, sender_id: str, channel_id: str, group_id: str
    ) -> list[str] | None:
        """Return who is in a group of any kind; `None` if the Platform does not know it."""
        assert_strs(sender_id, channel_id, group_id)
        data = await self._get(
            "/user/group", group_id=group_id, channel_id=channel_id, user_id=sender_id
        )
        return replies.members(data, "GET /user/group")

    async def fetch_channel_group_list(
        self, channel_id: str, service_id: str
    ) -> list[dict[str, Any]]:
        """Return the account's own groups in a channel."""
        assert_strs(channel_id, service_id)
        path = "/user/group/list"
        data = await self._get(path, channel_id=channel_id, service_id=service_id)
        return replies.objects(data, f"GET {path}")

    async def fetch_channel_group_dict(
        self, channel_id: str, service_id: str
    ) -> dict[str, list[str]]:
        """Return group id -> ids of its characters, for the own groups in a channel."""
        groups = await self.fetch_channel_group_list(channel_id, service_id)
        return {group["group_id"]: list(group.get("characters") or ()) for group in groups}

    async def fetch_channel_temp_group(self, channel_id: str, service_id: str) -> list[Any]:
        """Return the account's temporary group in a channel."""
        assert_strs(channel_id, service_id)
        path = "/user/group/temp"
        data = await self._get(path, channel_id=channel_id, service_id=service_id)
        return replies.listed(data, f"GET {path}")

    async def update_channel_group(
        self, channel_id: str, group_id: str, characters: Characters
    ) -> NoReturn:
        """Not offered: a group never changes.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("groups do not change; make another with create_channel_group")

    async def update_temp_channel_group(self, channel_id: str, characters: Characters) -> NoReturn:
        """Not offered.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("temporary groups are made by browsers, not by programs")

    async def fetch_target_group(self, user_id: str, channel_id: str, group_id: str) -> NoReturn:
        """Not known to the Platform.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the Platform has no target groups")
