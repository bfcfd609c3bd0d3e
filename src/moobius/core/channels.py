"""Which channels a service serves: the configured ones, as far as they are or can be its own."""

from __future__ import annotations

from loguru import logger

from moobius import types
from moobius.config import Settings
from moobius.network.http_api_wrapper import HTTPAPIWrapper

# `others` -> what to do with a channel of another service of this account: (unbind it, use it).
_OTHERS = {
    types.INCLUDE: (True, True),
    types.IGNORE: (False, False),
    types.UNBIND: (True, False),
}


async def bind_channels(http_api: HTTPAPIWrapper, settings: Settings, service_id: str) -> list[str]:
    """Bind what is free, treat what is not as `others` says; return what is ours (sdk.md 2.5)."""
    services = await http_api.fetch_service_id_list()
    owners = {
        channel_id: service["service_id"]
        for service in services
        for channel_id in service.get("channel_ids") or ()
    }
    ours = []
    for channel_id in settings.channels:
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
