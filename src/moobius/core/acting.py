"""What a member does: join, leave, look, click. For clients in user mode (sdk.md 3.8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from loguru import logger

from moobius import types
from moobius.core import views
from moobius.core.client import Client
from moobius.core.modes import user_only
from moobius.network import ws_payload_builder as builder
from moobius.network.ws_payload_builder import Frame


class Acting(Client):
    """The verbs of `Moobius` in user mode; each returns the frame."""

    async def send_join_channel(self, channel_id: str) -> Frame:
        """Become a member of a channel (user mode)."""
        return await self._send(builder.join_channel(self.own_id, channel_id))

    async def send_leave_channel(self, channel_id: str) -> Frame:
        """Stop being a member of a channel (user mode)."""
        return await self._send(builder.leave_channel(self.own_id, channel_id))

    async def send_refresh(self, channel_id: str) -> Frame | None:
        """Ask the service to send the view of a channel again (user mode)."""
        if self.service_mode:
            logger.warning("send_refresh is for user mode; a service sends views, it has none")
            return None
        return await self._send(builder.action(types.REFRESH, self.own_id, channel_id))

    @user_only
    async def send_button_click(
        self,
        button_id: str,
        bottom_button_id: str = "confirm",
        button_args: Iterable[Any] | None = None,
        channel_id: str = "",
    ) -> Frame:
        """Click a button.

        Args:
            button_id: Which.
            bottom_button_id: Which button at the foot of its dialog.
            button_args: What was entered: `ClickArgument`s, dicts, or (label, value) pairs.
            channel_id: Where.
        """
        arguments = views.click_arguments(button_args)
        return await self._send(
            builder.button_click(self.own_id, channel_id, button_id, arguments, bottom_button_id)
        )

    @user_only
    async def send_menu_item_click(
        self,
        menu_item_id: str,
        bottom_button_id: str = "confirm",
        button_args: Iterable[Any] | None = None,
        the_message: Any = "",
        channel_id: str = "",
    ) -> Frame:
        """Choose an entry of a message's right-click menu.

        Args:
            menu_item_id: Which entry.
            bottom_button_id: Which button at the foot of its dialog.
            button_args: What was entered: `ClickArgument`s, dicts, or (label, value) pairs.
            the_message: The message, as a `MessageBody` or its dict, or just its id.
            channel_id: Where; a whole message knows.
        """
        message, where = builder.clicked_message(the_message)
        arguments = views.click_arguments(button_args)
        return await self._send(
            builder.menu_item_click(
                self.own_id, channel_id or where, menu_item_id, message, arguments, bottom_button_id
            )
        )

    @user_only
    async def send_mark_as_read(self, message: Any, invert: bool = False) -> Frame:
        """Say that a message was seen.

        Args:
            message: The message, or its id.
            invert: Say that it was not.
        """
        context = {"invert": True} if invert else {}
        parts, _ = builder.clicked_message(message)
        return await self._send(builder.roger(parts["message_id"], context))
