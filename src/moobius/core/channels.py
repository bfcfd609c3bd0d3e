"""Which channels a service serves: those of its configuration that are, or can be, bound to it."""

from __future__ import annotations

from collections.abc import Iterable

from loguru import logger

from moobius import types
from moobius.config import Settings
from moobius.core.client import Client
from moobius.errors import PlatformError
from moobius.network import ws_payload_builder as builder
from moobius.network.http_api_wrapper import HTTPAPIWrapper

# `others` -> what to do with a channel of another service of this account: (unbind it, use it).
_OTHERS = {
    types.INCLUDE: (True, True),
    types.IGNORE: (False, False),
    types.UNBIND: (True, False),
}


async def channel_owners(http_api: HTTPAPIWrapper) -> dict[str, str]:
    """Return channel id -> service id for the channels bound to services of this account."""
    return {
        channel_id: service["service_id"]
        for service in await http_api.fetch_service_id_list()
        for channel_id in service.get("channel_ids") or ()
    }


async def bind_channels(http_api: HTTPAPIWrapper, settings: Settings, service_id: str) -> list[str]:
    """Bind the configured channels, and return those that are now bound to this service.

    The setting `others` says what to do with channels of another service (sdk.md 2.5).
    """
    owners = await channel_owners(http_api)
    wanted = list(settings.channels)
    if settings.initialize_all_bound_channels:
        bound = (channel_id for channel_id, owner in owners.items() if owner == service_id)
        wanted += [channel_id for channel_id in bound if channel_id not in wanted]
    ours = []
    for channel_id in wanted:
        owner = owners.get(channel_id)
        if owner != service_id:
            unbind, use = _OTHERS[settings.others] if owner else (False, True)
            if owner and unbind:
                logger.info("unbinding channel {} from service {}", channel_id, owner)
                await http_api.unbind_service_from_channel(owner, channel_id)
            if not use or not await http_api.bind_service_to_channel(service_id, channel_id):
                continue
        ours.append(channel_id)
    if not ours:
        logger.warning(
            "this service serves no channel: {}",
            f"none of {', '.join(settings.channels)} could be used"
            if settings.channels
            else "put channel ids into `channels` of the service configuration",
        )
    return ours


async def join_channels(client: Client, channels: Iterable[str]) -> None:
    """Make a user a member of channels and ask for their views; one that fails is skipped."""
    wanted = list(channels)
    if not wanted:
        logger.warning("no channels to join: put their ids into `channels` of the configuration")
        return
    joined = await client.http_api.fetch_channel_list()
    for channel_id in wanted:
        try:
            if channel_id not in joined:
                # Wait for the answer: a refresh is refused before the user is a member.
                join = builder.join_channel(client.own_id, channel_id)
                if not (await client.ws_client.ask(join)).status:
                    continue  # the reason has been logged
            refresh = builder.action(types.REFRESH, client.own_id, channel_id)
            await client.ws_client.send(refresh)
        except PlatformError as error:
            logger.error("channel {} not joined: {}", channel_id, error)
