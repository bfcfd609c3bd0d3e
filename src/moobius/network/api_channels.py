"""Endpoints on services, channels and their message histories (platform.md 2.6, 2.7)."""

from __future__ import annotations

from loguru import logger

from moobius.errors import BadResponseException
from moobius.network import replies
from moobius.network.http_request import Requester
from moobius.network.replies import HistoryMessage, ServiceEntry, field
from moobius.types import assert_strs


class ChannelEndpoints(Requester):
    """Making, finding, binding and describing channels and services."""

    # ---- Services -------------------------------------------------------------------------

    async def create_service(self, description: str) -> str:
        """Create a service of this account and return its id."""
        assert_strs(description)
        data = await self._post("/service/create", {"description": description})
        return str(field(data, "service_id", "POST /service/create"))

    async def fetch_service_id_list(self) -> list[ServiceEntry]:
        """Return the account's services: objects with `service_id` and `channel_ids`.

        `str()` of each is its id.
        """
        found = replies.objects(await self._get("/service/list"), "GET /service/list")
        return [ServiceEntry(service) for service in found]

    async def fetch_user_owned_services(self) -> list[str]:
        """Return the ids of the account's services."""
        return [str(service) for service in await self.fetch_service_id_list()]

    async def fetch_user_owned_channels(self) -> list[str]:
        """Return the ids of the channels that are bound to the account's services."""
        services = await self.fetch_service_id_list()
        return [channel_id for one in services for channel_id in one.get("channel_ids") or ()]

    async def fetch_channel_service_id(self, channel_id: str) -> str:
        """Return which service of the account serves a channel; an empty text if none does."""
        assert_strs(channel_id)
        for service in await self.fetch_service_id_list():
            if channel_id in (service.get("channel_ids") or ()):
                return str(service)
        return ""

    async def bind_service_to_channel(self, service_id: str, channel_id: str) -> bool:
        """Bind, and tell whether it worked; a refusal is logged, not raised."""
        assert_strs(service_id, channel_id)
        try:
            await self._post("/service/bind", {"channel_id": channel_id, "service_id": service_id})
        except BadResponseException as error:
            logger.warning("channel {} not bound: {}", channel_id, error.reason)
            return False
        return True

    async def unbind_service_from_channel(self, service_id: str, channel_id: str) -> None:
        """End a binding.

        Raises:
            BadResponseException: If the two are not bound.
        """
        assert_strs(service_id, channel_id)
        await self._post("/service/unbind", {"channel_id": channel_id, "service_id": service_id})

    # ---- Channels -------------------------------------------------------------------------

    async def create_channel(self, channel_name: str, channel_desc: str) -> str:
        """Create a channel and return its id; the account becomes its first member."""
        assert_strs(channel_name, channel_desc)
        context = {"channel_description": channel_desc}
        body = {"channel_name": channel_name, "context": context}
        data = await self._post("/channel/create", body)
        return str(field(data, "channel_id", "POST /channel/create"))

    async def update_channel(self, channel_id: str, channel_name: str, channel_desc: str) -> None:
        """Change the name and the description of a channel."""
        assert_strs(channel_id, channel_name, channel_desc)
        context = {"channel_description": channel_desc}
        body = {"channel_id": channel_id, "channel_name": channel_name, "context": context}
        await self._post("/channel/update", body)

    async def fetch_channel_list(self) -> list[str]:
        """Return the ids of the channels the account is a member of."""
        return replies.ids(await self._get("/channel/list"), "channel_id", "GET /channel/list")

    async def this_user_channels(self) -> list[str]:
        """Return the ids of the channels the account is a member of, as `fetch_channel_list`."""
        return await self.fetch_channel_list()

    async def fetch_popular_channels(self) -> list[str]:
        """Return the ids of the busiest channels."""
        data = await self._get("/channel/popular")
        return replies.ids(data, "channel_id", "GET /channel/popular")

    async def fetch_member_ids(
        self, channel_id: str, service_id: str, raise_empty_list_err: bool = False
    ) -> list[str]:
        """Return the ids of a channel's members, as a new list, in the order they joined.

        Raises:
            BadResponseException: If it is empty and `raise_empty_list_err` is set.
        """
        assert_strs(channel_id, service_id or "")
        path, endpoint = "/channel/character_list", "GET /channel/character_list"
        data = await self._get(path, channel_id=channel_id, service_id=service_id or "")
        members = field(data, "character_list", endpoint)
        ids = replies.ids(members, "character_id", endpoint)
        if raise_empty_list_err and not ids:
            raise replies.wrong_shape(f"channel {channel_id} has no members", endpoint)
        return ids

    async def fetch_message_history(
        self, channel_id: str, limit: int | str = 64, before: float | str | None = "null"
    ) -> list[HistoryMessage]:
        """Return the account's own history in a channel, newest first.

        Args:
            channel_id: Which channel.
            limit: How many messages, a number or a text with one; the last may bring with it others
                of the same millisecond.
            before: Only older ones, in seconds since the epoch; `"null"` for no bound.

        Raises:
            TypeError: If `limit` is no number.
        """
        assert_strs(channel_id)
        if not isinstance(before, (int, float, str, type(None))):
            raise TypeError(f"before must be a number of seconds, not {before!r}")
        data = await self._get(
            "/channel/history_message",
            channel_id=channel_id,
            limit=str(_whole_number("limit", limit)),
            before="null" if before in (None, "") else str(before),
        )
        found = replies.objects(data, "GET /channel/history_message")
        return [HistoryMessage(message) for message in found]


def _whole_number(name: str, value: object) -> int:
    """Return an argument that is a whole number, or a text with one."""
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:
            pass
    raise TypeError(f"{name} must be a whole number, not {value!r}")
