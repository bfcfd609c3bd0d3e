"""The attributes that all parts of `Moobius` share."""

from __future__ import annotations

from typing import Any

from moobius.config import ConfigDict, Settings
from moobius.core.groups import ServiceGroupLib
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_client import WSClient
from moobius.network.ws_payload_builder import Frame


class Client:
    """A connection to a Platform, as a service or as a user; made by `Moobius`."""

    settings: Settings
    """The configuration, checked."""
    config: ConfigDict
    """The configuration, nested; also answers for flat keys. Services read and change it."""
    service_mode: bool
    client_id: str | None
    """The service id; in user mode the account's user id, known once started."""
    channels: dict[str, Any]
    """Channel id -> whatever `on_channel_init` stored there."""
    group_lib: ServiceGroupLib
    http_api: HTTPAPIWrapper
    ws_client: WSClient
    scheduler: Any
    """An APScheduler `AsyncIOScheduler`, from `on_start` on."""

    @property
    def own_id(self) -> str:
        """The `client_id`, or an empty string as long as there is none."""
        return self.client_id or ""

    async def _send(self, frame: Frame) -> Frame:
        await self.ws_client.send(frame)
        return frame
