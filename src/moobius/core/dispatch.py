"""From a frame to the callback it means: the route table, and who runs the callback.

Frame -> route (table) -> groups resolved -> callback, in the order of arrival for each channel
(architecture 4.2). Whatever goes wrong costs one event, is logged with its traceback, and is
offered to `on_error`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from loguru import logger

from moobius import types
from moobius.core.lanes import Lanes
from moobius.network.frame_reader import Inbound, build
from moobius.types import Character, UpdateBody, UpdateItem

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

# (type, subtype) -> callback; a subtype of "" stands for any.
ROUTES: dict[tuple[str, str], str] = {
    (types.MESSAGE_UP, ""): "on_message_up",
    (types.MESSAGE_DOWN, ""): "on_message_down",
    (types.ACTION, types.JOIN): "on_join",
    (types.ACTION, types.LEAVE): "on_leave",
    (types.ACTION, types.REFRESH): "on_refresh",
    (types.ACTION, types.BUTTON_CLICK): "on_button_click",
    (types.ACTION, types.MENU_ITEM_CLICK): "on_menu_item_click",
    (types.UPDATE, types.UPDATE_CHARACTERS): "on_update",
    (types.UPDATE, types.UPDATE_BUTTONS): "on_update",
    (types.UPDATE, types.UPDATE_CANVAS): "on_update",
    (types.UPDATE, types.UPDATE_STYLE): "on_update",
    (types.UPDATE, types.UPDATE_MENU): "on_update",
    (types.UPDATE, types.UPDATE_CHANNEL_INFO): "on_update",
    (types.COPY, ""): "on_copy_client",
}
UNKNOWN = "on_unknown_payload"

# Where `on_update` goes on to.
UPDATE_ROUTES: Mapping[str, str] = {
    types.UPDATE_CHARACTERS: "on_update_characters",
    types.UPDATE_BUTTONS: "on_update_buttons",
    types.UPDATE_CANVAS: "on_update_canvas",
    types.UPDATE_STYLE: "on_update_style",
    types.UPDATE_MENU: "on_update_menu",
    types.UPDATE_CHANNEL_INFO: "on_update_channel_info",
}

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
        self._lanes = Lanes(limit)

    def open(self) -> None:
        """Begin to call callbacks; frames that came earlier come first."""
        self._lanes.open()

    async def take(self, frame: Inbound) -> None:
        """Queue a frame for its callback; waits while too many are running."""
        await self._lanes.put(self._lane_of(frame), lambda: self._handle(frame))

    async def drain(self, seconds: float) -> None:
        """Let running callbacks finish, for a bounded time."""
        await self._lanes.drain(seconds)

    async def _handle(self, frame: Inbound) -> None:
        callback = route_of(frame)
        try:
            await self._resolve(frame)
        except Exception as error:
            # Not "sent to nobody", which would make a service command of it.
            await self._failed(callback, frame.event, error, "could not be prepared for")
            return
        running = self._call(callback, frame.event)
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
            return [build(Character, item) for item in shown]
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
