"""What a service sends: messages, and the parts of each member's view.

Each verb returns the frame, or `None` when there was nobody to send it to. Returning means queued
for sending, in order. Recipients are ids or `Character`s, one or any (nested) iterable of them.
"""

from __future__ import annotations

import uuid
from collections.abc import Container, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from loguru import logger

from moobius import types
from moobius.core import views
from moobius.core.addressing import Addressing
from moobius.core.modes import service_only
from moobius.errors import PayloadError
from moobius.message_forms import Message, compose
from moobius.network import ws_payload_builder as builder
from moobius.network.ws_payload_builder import Frame, Named
from moobius.types import Characters


class Sending(Addressing):
    """The `send_...` verbs of `Moobius`: of both modes `send_message`, of a service all others."""

    async def send_message(
        self,
        message: Message = None,
        channel_id: str | None = None,
        sender: Characters = None,
        recipients: Characters = None,
        subtype: str | None = None,
        text: str | None = None,
        path: str | Path | None = None,
        image: str | Path | None = None,
        audio: str | Path | None = None,
        link: str | None = None,
        title: str | None = None,
        button: str | None = None,
        len_limit: int | None = None,
        file_display_name: str | None = None,
        context: dict[str, Any] | None = None,
        user_data: Any = None,
    ) -> Frame | None:
        """Send a message: as any character (service), or as oneself (user mode).

        Args:
            message: Text; a received `MessageBody`, to forward it; a dict with the same fields;
                a `pathlib` path to a file.
            channel_id: Where. A forwarded message knows.
            sender: Who it appears to come from. A forwarded message knows.
            recipients: Who receives it. A forwarded message knows.
            subtype: One of `types.TEXT`, `IMAGE`, `AUDIO`, `FILE`, `CARD`; guessed when absent.
            text: Replaces the text.
            path: Local file (uploaded) or URL.
            image: Like `path`, as an image.
            audio: Like `path`, as an audio.
            link: Of a card: where it leads.
            title: Of a card: its headline.
            button: Of a card: the label of its link.
            len_limit: Longer text is cut after so many characters.
            file_display_name: The name a file is shown under.
            context: Anything else; the Platform passes it on.
            user_data: Like `context`, under that key of it.

        Raises:
            ValueError: If no channel is named.
            MissingFile: If a local file is not there.
            FrameTooLarge: If the message is above the Platform's limit.
        """
        if _is_swapped(message, channel_id, self.channels):
            logger.warning("send_message takes the message first, then the channel; swapped")
            message, channel_id = channel_id, message
        body = compose(
            message, channel_id=channel_id, sender=sender, recipients=recipients,
            subtype=subtype, text=text, path=path, image=image, audio=audio, link=link,
            title=title, button=button, len_limit=len_limit,
            file_display_name=file_display_name, context=context, user_data=user_data,
        )  # fmt: skip
        if body.user_data is not None:  # the wire of 1.8.0 has no place of its own for it
            body.context = {**(body.context or {}), "user_data": body.user_data}
        if not types.to_char_id_list(body.recipients):
            # An empty list is meant; none at all is more often forgotten.
            forgotten = recipients is None and isinstance(message, str)
            level = "WARNING" if forgotten else "DEBUG"
            logger.log(level, "nobody receives {}: it has no recipients", body)
            return None
        if body.content.path or body.subtype in (types.IMAGE, types.AUDIO, types.FILE):
            await views.attach_file(self.http_api, body)
        return await self._send_to(body.recipients, partial(self._message, body), body.channel_id)

    def _message(self, body: types.MessageBody, named: Named) -> Frame:
        if self.service_mode:
            return builder.message_down(
                self.own_id, body.channel_id, named, body.subtype, body.content,
                body.sender, body.context,
            )  # fmt: skip
        return builder.message_up(
            self.own_id, body.channel_id, named, body.subtype, body.content, body.context
        )

    @service_only
    async def send_characters(
        self, characters: Characters, channel_id: str, recipients: Characters
    ) -> Frame | None:
        """Set the character list that the recipients see, in this order; `[]` clears it."""
        if not (seers := types.to_char_id_list(recipients)):
            return None
        content = {"characters": await self._named(types.to_char_id_list(characters))}
        return await self._send_update(types.UPDATE_CHARACTERS, content, channel_id, seers)

    @service_only
    async def send_buttons(
        self, buttons: Any, channel_id: str, recipients: Characters
    ) -> Frame | None:
        """Set the buttons that the recipients see: one `Button` or dict, or a list; `[]` clears."""
        content = views.items(buttons, views.button)
        return await self._send_update(types.UPDATE_BUTTONS, content, channel_id, recipients)

    @service_only
    async def send_menu(
        self, menu_items: Any, channel_id: str, recipients: Characters
    ) -> Frame | None:
        """Set the right-click menu of the recipients: one `MenuItem` or dict, or a list."""
        content = views.items(menu_items, views.menu_item)
        return await self._send_update(types.UPDATE_MENU, content, channel_id, recipients)

    @service_only
    async def send_canvas(
        self, canvas_items: Any, channel_id: str, recipients: Characters
    ) -> Frame | None:
        """Set the canvas of the recipients: one `CanvasItem` or dict, or a list; `[]` clears.

        Local files are uploaded; a pane may have text, a picture, both, or neither.
        """
        content = views.items(canvas_items, views.canvas_item)
        for item in content:
            if item.get("path"):
                item["path"] = await self.http_api.convert_to_url(item["path"])
        return await self._send_update(types.UPDATE_CANVAS, content, channel_id, recipients)

    @service_only
    async def send_style(
        self, style_items: Any, channel_id: str, recipients: Characters
    ) -> Frame | None:
        """Hint how the recipients' widgets look: one `StyleItem` or dict, or a list."""
        content = views.items(style_items, views.style_item)
        return await self._send_update(types.UPDATE_STYLE, content, channel_id, recipients)

    @service_only
    async def send_update(self, data: Any, target_client_id: Any = None) -> Frame:
        """Send an update of any kind.

        Args:
            data: Its body, as an object: `subtype`, `channel_id`, `recipients`, `content`.
            target_client_id: Not used by the Platform; the two may also come in the other order.
        """
        if isinstance(target_client_id, Mapping):
            data, target_client_id = target_client_id, data
        body = dict(types.as_plain(data))
        frame = builder.raw(types.UPDATE, body, service_id=self.own_id)
        if body.get("recipients") is None or isinstance(body["recipients"], str):
            return await self._send(frame)
        return await self._send_naming(frame)

    @service_only
    async def send_update_channel_info(self, channel_id: str, channel_info: Any) -> Frame:
        """Tell the members what a channel is called; `update_channel` is what changes it.

        Args:
            channel_id: Which.
            channel_info: A `ChannelInfo`, or an object with its fields.
        """
        info = types.as_plain(channel_info)
        return await self._send(builder.channel_info(self.own_id, channel_id, info))

    async def send(self, payload_type: str, payload_body: Any) -> None:
        """Send any frame: for what has no verb of its own.

        Args:
            payload_type: As in `types.MESSAGE_DOWN`.
            payload_body: An object, or a dataclass of `types`. Recipients of a message may be a
                list; in other frames they have to be a group id.

        Raises:
            PayloadError: If recipients are a list where only a group id can be.
        """
        payload = types.payload_as_dict(payload_type, payload_body, self.own_id, str(uuid.uuid4()))
        body = payload["body"]
        if isinstance(body, dict) and not isinstance(body.get("recipients", ""), str):
            if payload_type not in (types.MESSAGE_UP, types.MESSAGE_DOWN):
                raise PayloadError(
                    f"recipients of {payload_type!r} have to be a group id, not a list; "
                    "create_service_group() makes one"
                )
            await self._send_naming(payload)
        else:
            await self._send(payload)

    async def send_heartbeat(self) -> None:
        """Send one heartbeat; the scheduler does so every `heartbeat_interval`."""
        await self.ws_client.heartbeat()

    async def _send_naming(self, frame: Frame) -> Frame:
        """Send a frame that is ready but for its recipients, which are a list."""
        body = frame["body"]

        def naming(named: Named) -> Frame:
            return {**frame, "body": {**body, "recipients": named}}

        sent = await self._send_to(body["recipients"], naming, body.get("channel_id"))
        return sent or await self._send(naming(types.SERVICE))

    async def _send_update(
        self, subtype: str, content: Any, channel_id: str, recipients: Characters
    ) -> Frame | None:
        def naming(named: Named) -> Frame:
            return builder.update(subtype, self.own_id, channel_id, named, content)

        sent = await self._send_to(recipients, naming)
        if sent is None:
            logger.debug("nobody receives the update of {}", subtype)
        return sent


def _is_swapped(message: Message, channel_id: str | None, channels: Container[str]) -> bool:
    """Recognise the order of arguments of older builds: the channel first."""
    return isinstance(message, str) and message in channels and channel_id not in channels
