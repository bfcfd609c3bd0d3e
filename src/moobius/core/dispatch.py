"""From a frame to the callback it means: the route table, and who runs the callback.

Frame -> route (table) -> groups resolved -> callback, in the order of arrival for each channel
(architecture 4.2). Whatever goes wrong costs one event, is logged with its traceback, and is
offered to `on_error`.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius import types
from moobius.core.bursts import Bursts
from moobius.core.callbacks import Callbacks
from moobius.core.lanes import Lanes
from moobius.core.routes import ACTION_ROUTES, ROUTES, UNKNOWN
from moobius.network.frame_reader import Inbound
from moobius.tolerant import build, from_dict
from moobius.types import Character, UpdateBody, UpdateItem

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

# The lane of an event, by the `order` setting; None lets callbacks of a lane overlap.
_LANES: Mapping[str, Callable[[Inbound], Hashable]] = {
    "arrival": lambda frame: frame.channel_id,
    "channel": lambda frame: frame.channel_id,
    "member": lambda frame: (frame.channel_id, frame.sender),
}


def route_of(frame: Inbound) -> str:
    """Return the name of the callback for a frame."""
    return ROUTES.get((frame.type, frame.subtype)) or ROUTES.get((frame.type, "")) or UNKNOWN


class Dispatch:
    """Hands frames to the callbacks of one service.

    Args:
        service: Whose callbacks; also knows how to resolve groups.
        order: `arrival`, `member` or `channel`.
        limit: How many callbacks may run at once.
    """

    def __init__(self, service: Moobius, order: str, limit: int) -> None:
        self._service = service
        self._lane_of = _LANES[order]
        self._one_at_a_time = order != "arrival"
        self._routes_actions_itself = type(service).on_action is not Callbacks.on_action
        self._lanes = Lanes(limit)
        self._bursts = Bursts()

    def open(self) -> None:
        """Begin to call callbacks; frames that came earlier come first."""
        self._lanes.open()

    async def take(self, frame: Inbound) -> None:
        """Queue a frame for its callback; waits while too many are running."""
        member = (frame.channel_id, frame.sender)
        if frame.is_fetch and not self._bursts.begins(member, time.monotonic()):
            logger.debug("one refresh answers this too: {}", frame.event)
            return
        await self._lanes.put(self._lane_of(frame), lambda: self._handle(frame))

    async def drain(self, seconds: float) -> None:
        """Let running callbacks finish, for a bounded time."""
        await self._lanes.drain(seconds)

    async def _handle(self, frame: Inbound) -> None:
        callback, event = route_of(frame), frame.event
        if callback in ACTION_ROUTES.values() and self._routes_actions_itself:
            callback, event = "on_action", dataclasses.asdict(event)
        if callback == UNKNOWN and _is_gateway_error(event):
            logger.error("the Platform reports an internal error: {}", event)
            return
        try:
            await self._resolve(frame)
        except Exception as error:
            # Not "sent to nobody", which would make a service command of it.
            await self._failed(callback, event, error, "could not be prepared for")
            return
        running = self._call(callback, event)
        if self._one_at_a_time:
            await running
        else:
            self._lanes.spawn(running, callback)

    async def _resolve(self, frame: Inbound) -> None:
        """Put the members of its groups into an event."""
        service, event = self._service, frame.event
        if frame.type in (types.MESSAGE_UP, types.MESSAGE_DOWN):
            event.recipients = await service.group_lib.members_of(
                service.http_api,
                frame.recipients,
                sender_id=frame.sender or str(service.client_id),
                channel_id=frame.channel_id,
                expected=(event.context or {}).get("character_num"),
            )
        elif isinstance(event, UpdateBody) and event.subtype == types.UPDATE_CHARACTERS:
            characters = await self._characters(frame)
            event.content = [build(UpdateItem, {}, character=character) for character in characters]

    async def _characters(self, frame: Inbound) -> list[Character]:
        """Return the characters of an update: a group id, ids, or objects, as it came."""
        service, shown = self._service, frame.characters
        if isinstance(shown, list) and any(isinstance(item, dict) for item in shown):
            return [
                from_dict(Character, {"character_id": item} if isinstance(item, str) else item)
                for item in shown
            ]
        ids = await service.group_lib.members_of(
            service.http_api,
            shown,
            sender_id=str(service.client_id),
            channel_id=frame.channel_id,
        )
        return await service.http_api.known_characters(ids)

    async def _call(self, callback: str, event: Any) -> None:
        try:
            await getattr(self._service, callback)(event)
        except Exception as error:
            await self._failed(callback, event, error, "raised in")

    async def _failed(self, callback: str, event: Any, error: Exception, what: str) -> None:
        logger.opt(exception=error).error(
            "{} {} {}: {}", type(error).__name__, what, callback, error
        )
        try:
            await self._service.on_error(callback, event, error)
        except Exception as second:
            logger.opt(exception=second).error("on_error itself raised")


def _is_gateway_error(frame: Mapping[str, Any]) -> bool:
    """Recognise how the hosted Platform's gateway says that it failed (platform.md 3.11)."""
    return str(frame.get("message")).lower() == "internal server error"
