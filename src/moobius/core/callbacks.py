"""What a service may override, in the order things happen. Every callback works when left alone.

Callbacks are coroutines, called with one positional argument (`on_start` and the other hooks of the
life cycle as their signatures say). What one raises is logged, offered to `on_error`, and affects
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loguru import logger

from moobius import types
from moobius.core.client import Client
from moobius.core.routes import ACTION_ROUTES, UPDATE_ROUTES
from moobius.core.storage import MoobiusStorage
from moobius.network.frame_reader import read_action


class Callbacks(Client):
    """The callbacks of `Moobius`."""

    # ======== What you may override: the life of the service, in the order it happens =========

    async def before_channel_init(self) -> None:
        """Override to prepare what all channels share: connected, channels known, none set up."""

    async def on_channel_init(self, channel_id: str) -> None:
        """Override to set up a channel; left alone, makes its storage, then checks it in.

        Called once for each channel at start; call it yourself for channels you add later.
        """
        if self.config["db_config"]:
            self.channels[channel_id] = await MoobiusStorage.aopen(
                str(self.client_id), channel_id, self.config["db_config"]
            )
        await self.on_channel_checkin(channel_id)

    async def on_channel_checkin(self, channel_id: str) -> None:
        """Override to bring a channel up to date; called at start and every `checkin_interval`."""

    async def on_start(self) -> None:
        """Override to act once everything runs; `self.scheduler` is ready for your own jobs."""
        logger.debug("{} started", type(self).__name__)

    async def on_stop(self) -> None:
        """Override to say goodbye: still connected, no further event will come.

        It is cancelled when it takes longer than what is left of `stop_timeout`, or 3 seconds.
        """

    # ======== What you may override: events from members ======================================

    async def on_message_up(self, message: types.MessageBody) -> None:
        """Override to handle a message; left alone, it reaches nobody.

        `message.recipients` is the list of those it is meant for; empty means the service.
        """
        logger.debug("nobody handles {}", message)

    async def on_refresh(self, action: types.SimpleAction) -> None:
        """Override to send a member the view again; left alone, calls `do_member_sync`."""
        await self.do_member_sync(action.channel_id, action.sender)

    async def on_join(self, action: types.SimpleAction) -> None:
        """Override to greet a new member; left alone, calls `do_member_sync`."""
        await self.do_member_sync(action.channel_id, action.sender)

    async def on_leave(self, action: types.SimpleAction) -> None:
        """Override to act when a member has left; nothing reaches that member any more."""
        logger.debug("nobody handles {}", action)

    async def do_member_sync(self, channel_id: str, character: str) -> None:
        """Override to send one member the whole view; called on refresh and join."""

    async def on_action(self, action_data: Mapping[str, Any]) -> None:
        """Override to receive all actions; left alone, calls the callback that each means.

        Args:
            action_data: The body of the frame, as an object: `subtype`, `channel_id`, `sender`, ...
        """
        event = read_action(action_data)
        await getattr(self, ACTION_ROUTES[event.subtype])(event)

    async def on_button_click(self, action: types.ButtonClick) -> None:
        """Override to handle a click on one of your buttons."""
        logger.debug("nobody handles {}", action)

    async def on_menu_item_click(self, action: types.MenuItemClick) -> None:
        """Override to handle a choice from your right-click menu."""
        logger.debug("nobody handles {}", action)

    # ======== What you may override: everything else ==========================================

    async def on_spell(self, obj: Any) -> None:
        """Override to handle an object cast by a wand."""
        logger.debug("nobody handles the spell {!r}", obj)

    async def on_copy_client(self, copy: types.CopyBody) -> None:
        """Override to see how the Platform acknowledged each frame; refusals are logged anyway."""

    async def on_unknown_payload(self, payload_data: dict[str, Any]) -> None:
        """Override to see frames this version has no callback for."""
        logger.warning("no callback for {}", types.limit_len(str(payload_data), 500))

    async def on_error(self, callback: str, event: Any, error: Exception) -> None:
        """Override to act when a callback failed; it has been logged with its traceback.

        Args:
            callback: Name of the callback.
            event: What it was, or would have been, called with.
            error: What it raised, or what kept it from being called.
        """

    # ======== What you may override: user mode =================================================

    async def on_message_down(self, message: types.MessageBody) -> None:
        """Override to receive a message."""
        logger.debug("nobody handles {}", message)

    async def on_update(self, update: types.UpdateBody) -> None:
        """Override to receive all updates; left alone, calls the `on_update_...` they mean."""
        await getattr(self, UPDATE_ROUTES[update.subtype])(update)

    async def on_update_characters(self, update: types.UpdateBody) -> None:
        """Override to see the character list: `update.content[i].character`."""

    async def on_update_buttons(self, update: types.UpdateBody) -> None:
        """Override to see the buttons: `update.content[i].button`."""

    async def on_update_canvas(self, update: types.UpdateBody) -> None:
        """Override to see the canvas: `update.content[i].canvas_item`."""

    async def on_update_style(self, update: types.UpdateBody) -> None:
        """Override to see the style: `update.content[i].style_item`."""

    async def on_update_menu(self, update: types.UpdateBody) -> None:
        """Override to see the menu: `update.content[i].menu_item`."""

    async def on_update_channel_info(self, update: types.UpdateBody) -> None:
        """Override to see name and kind of the channel: `update.content[0].channel_info`."""
