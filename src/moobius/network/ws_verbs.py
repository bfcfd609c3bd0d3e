"""The builders of `WSClient`: one method for each kind of frame (sdk.md 1.7).

They call the pure functions of `ws_payload_builder`. Each method sends its frame, unless
`dry_run` is set, and returns it. Recipients are ids of groups; without any, nothing is sent and
the method returns `None`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from moobius import types
from moobius.network import ws_payload_builder as builder
from moobius.network.ws_payload_builder import Frame


class FrameVerbs(ABC):
    """Builds frames and sends them; `WSClient` says how sending is done."""

    @abstractmethod
    async def send(self, message: Frame | str) -> None:
        """Queue a frame."""

    async def service_login(
        self, service_id: str, access_token: str, *, dry_run: bool = False
    ) -> Frame:
        """Log a service in, ahead of all other frames, and wait for the answer."""
        return await self._sent(builder.service_login(service_id, access_token), dry_run)

    async def user_login(self, access_token: str, *, dry_run: bool = False) -> Frame:
        """Log a user in, ahead of all other frames, and wait for the answer."""
        return await self._sent(builder.user_login(access_token), dry_run)

    async def join_channel(self, user_id: str, channel_id: str, *, dry_run: bool = False) -> Frame:
        """Let a user become a member of a channel."""
        return await self._sent(builder.join_channel(user_id, channel_id), dry_run)

    async def leave_channel(self, user_id: str, channel_id: str, *, dry_run: bool = False) -> Frame:
        """Let a user stop being a member of a channel."""
        return await self._sent(builder.leave_channel(user_id, channel_id), dry_run)

    async def refresh_as_user(
        self, user_id: str, channel_id: str, *, dry_run: bool = False
    ) -> Frame:
        """Ask the service of a channel for the whole view."""
        return await self._sent(builder.action(types.REFRESH, user_id, channel_id), dry_run)

    async def send_characters(
        self,
        characters: str,
        service_id: str,
        channel_id: str,
        recipients: str | None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Set the character list that the recipients see; both are ids of groups."""
        content = {"characters": characters}
        return await self._updated(
            types.UPDATE_CHARACTERS, content, service_id, channel_id, recipients, dry_run
        )

    async def send_buttons(
        self,
        buttons: Iterable[Any],
        service_id: str,
        channel_id: str,
        recipients: str | None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Set the buttons that the recipients see: `Button`s or dicts."""
        content = list(buttons)
        return await self._updated(
            types.UPDATE_BUTTONS, content, service_id, channel_id, recipients, dry_run
        )

    async def send_menu(
        self,
        menu_items: Iterable[Any],
        service_id: str,
        channel_id: str,
        recipients: str | None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Set the right-click menu of the recipients: `MenuItem`s or dicts."""
        content = list(menu_items)
        return await self._updated(
            types.UPDATE_MENU, content, service_id, channel_id, recipients, dry_run
        )

    async def send_style(
        self,
        style_items: Iterable[Any],
        service_id: str,
        channel_id: str,
        recipients: str | None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Hint how the recipients' widgets look: `StyleItem`s or dicts."""
        content = list(style_items)
        return await self._updated(
            types.UPDATE_STYLE, content, service_id, channel_id, recipients, dry_run
        )

    async def update_canvas(
        self,
        service_id: str,
        channel_id: str,
        canvas_items: Iterable[Any],
        recipients: str | None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Set the canvas of the recipients: `CanvasItem`s or dicts. Mind the order."""
        content = list(canvas_items)
        return await self._updated(
            types.UPDATE_CANVAS, content, service_id, channel_id, recipients, dry_run
        )

    async def update_channel_info(
        self, channel_info: Any, service_id: str, channel_id: str, *, dry_run: bool = False
    ) -> Frame:
        """Tell the members of a channel what it is called: a `ChannelInfo` or a dict."""
        info = types.as_plain(channel_info)
        return await self._sent(builder.channel_info(service_id, channel_id, info), dry_run)

    async def update(
        self, data: Any, target_client_id: str, service_id: str, *, dry_run: bool = False
    ) -> Frame:
        """Send an update of any kind.

        Args:
            data: Its body.
            target_client_id: Not used by the Platform: the body says who receives it.
            service_id: Who sends it.
            dry_run: Build it only.
        """
        body = types.as_plain(data)
        return await self._sent(builder.raw(types.UPDATE, body, service_id=service_id), dry_run)

    async def message_up(
        self,
        user_id: str | None,
        service_id: str | None,
        channel_id: str,
        recipients: str | None,
        subtype: str,
        content: Any,
        context: Mapping[str, Any] | None = None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Send a message as a user; `content` is a `MessageContent` or a dict."""
        if not recipients:
            return None
        frame = builder.message_up(
            user_id or "", channel_id, recipients, subtype, content, context, service_id or ""
        )
        return await self._sent(frame, dry_run)

    # The package page's name for it.
    send_message_up = message_up

    async def message_down(
        self,
        user_id: str | None,
        service_id: str | None,
        channel_id: str,
        recipients: str | None,
        subtype: str,
        content: Any,
        sender: str,
        context: Mapping[str, Any] | None = None,
        *,
        dry_run: bool = False,
    ) -> Frame | None:
        """Send a message as a service.

        Args:
            user_id: Not used; it is here for the order of the arguments.
            service_id: Who sends it.
            channel_id: Where.
            recipients: The group that receives it.
            subtype: As in `types.TEXT`.
            content: A `MessageContent` or a dict.
            sender: The character it appears to come from.
            context: Anything else; the Platform passes it on.
            dry_run: Build it only.
        """
        if not recipients:
            return None
        frame = builder.message_down(
            service_id or "", channel_id, recipients, subtype, content, sender, context
        )
        return await self._sent(frame, dry_run)

    async def send_button_click(
        self,
        button_id: str,
        bottom_button_id: str,
        button_args: Iterable[Any] | None,
        channel_id: str,
        user_id: str,
        *,
        dry_run: bool = False,
    ) -> Frame:
        """Click a button as a user; the arguments are `ClickArgument`s or dicts."""
        arguments = list(button_args or ())
        frame = builder.button_click(user_id, channel_id, button_id, arguments, bottom_button_id)
        return await self._sent(frame, dry_run)

    async def send_menu_item_click(
        self,
        menu_item_id: str,
        bottom_button_id: str,
        button_args: Iterable[Any] | None,
        the_message: Any,
        channel_id: str,
        user_id: str,
        *,
        dry_run: bool = False,
    ) -> Frame:
        """Choose from the menu of a message: a `MessageBody`, its dict, or its id."""
        message, where = builder.clicked_message(the_message)
        arguments = list(button_args or ())
        frame = builder.menu_item_click(
            user_id, channel_id or where, menu_item_id, message, arguments, bottom_button_id
        )
        return await self._sent(frame, dry_run)

    async def _updated(
        self,
        subtype: str,
        content: Any,
        service_id: str,
        channel_id: str,
        recipients: str | None,
        dry_run: bool,
    ) -> Frame | None:
        if not recipients:
            return None
        frame = builder.update(subtype, service_id, channel_id, recipients, content)
        return await self._sent(frame, dry_run)

    async def _sent(self, frame: Frame, dry_run: bool) -> Frame:
        if not dry_run:
            await self.send(frame)
        return frame
