"""`Moobius`, the class that a service subclasses: callbacks to override, then verbs to call.

Machinery lives elsewhere: `lifecycle.py` starts and stops, `dispatch.py` calls callbacks,
`messages.py` understands messages, `groups.py` knows recipients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from loguru import logger

from moobius import types
from moobius.config import Source, load_config
from moobius.config_files import write_service_id
from moobius.core import lifecycle, views
from moobius.core.channels import bind_channels
from moobius.core.dispatch import UPDATE_ROUTES, Dispatch
from moobius.core.groups import ServiceGroupLib
from moobius.core.messages import Message, compose
from moobius.core.modes import service_only, user_only
from moobius.core.storage import MoobiusStorage
from moobius.errors import ConfigError, TransportError
from moobius.network import ws_payload_builder as builder
from moobius.network.frame_reader import Inbound, read_frame
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_client import WSClient
from moobius.types import Character, Characters

Frame = builder.Frame


class Moobius:
    """A program that talks in group chats: a service, or (in user mode) a member.

    Subclass it, override the callbacks you care about, call the verbs from them, and run it:

        class Echo(Moobius):
            async def on_message_up(self, message):
                await self.send_message(message)

        MoobiusWand().run(Echo)

    Args:
        config: The whole configuration: an object with the four parts below as keys, or the
            older flat form with all keys in one object; or the name of a JSON file with either.
        account_config: `email` and `password`.
        service_config: Addresses, `service_id`, `channels`, behaviour (docs/configuration.md).
        db_config: List of storage containers that each channel gets.
        log_config: Log levels and files.
        service_mode: False for a client that acts as the account itself. Default: true.
        is_agent: The opposite of `service_mode`, as it used to be called.

    Attributes:
        config: The configuration, nested; also answers for flat keys.
        client_id: The service id; in user mode the account's user id, known once started.
        channels: Channel id -> whatever `on_channel_init` stored there.
        http_api: The Platform's HTTP API.
        ws_client: The socket.
        scheduler: An APScheduler `AsyncIOScheduler`, from `on_start` on.

    Raises:
        ConfigError: If the configuration cannot be right.
        MissingFile: If a named configuration file is not there.
    """

    refresh_interval = 6 * 3600
    """Seconds between two renewals of the access token, which lives for a day."""
    authenticate_interval = 7 * 24 * 3600
    """Seconds between two sign-ins; the refresh token lives for a month."""
    heartbeat_interval = 30
    """Seconds between two heartbeats."""

    def __init__(
        self,
        config: Source = None,
        account_config: Source = None,
        service_config: Source = None,
        db_config: Source = None,
        log_config: Source = None,
        *,
        service_mode: bool | None = None,
        is_agent: bool | None = None,
    ) -> None:
        loaded = load_config(config, account_config, service_config, db_config, log_config)
        self.settings = loaded.settings
        self.config = loaded.nested
        self._origin = loaded.service_origin
        if is_agent is not None and service_mode is None:
            service_mode = not is_agent
        if service_mode is not None:
            self.settings = replace(self.settings, service_mode=service_mode)
        self.service_mode = self.settings.service_mode
        self.checkin_interval = self.settings.checkin_interval
        self.client_id: str | None = (
            (self.settings.service_id or None) if self.service_mode else None
        )
        if not self.service_mode and self.settings.service_id:
            logger.warning(
                "service_id {} ignored: this client is in user mode", self.settings.service_id
            )
        self.channels: dict[str, Any] = {}
        self.scheduler: Any = None
        self.group_lib = ServiceGroupLib(self.settings.group_cache_seconds)
        self.http_api = HTTPAPIWrapper(
            self.settings.http_server_uri, self.settings.email, self.settings.password
        )
        self.ws_client = WSClient(
            self.settings.ws_server_uri,
            on_connect=self._log_in,
            on_frame=self._take,
            report_str=type(self).__name__,
            resend=self.settings.resend_unacknowledged,
            log_frames=self.settings.log_frames,
        )
        self._queue: Any = None
        self._dispatch: Dispatch | None = None
        self._when_ready: Callable[[], None] | None = None

    def __str__(self) -> str:
        kind = "Service" if self.service_mode else "User-mode"
        return (
            f"moobius.SDK({kind}; config={self.config}, "
            f"http_server_uri={self.http_api.http_server_uri}, "
            f"ws_server_uri={self.ws_client.ws_server_uri}, ws={self.ws_client.is_connected}, "
            f"email={self.http_api.username}, password=****, num_channels={len(self.channels)})"
        )

    __repr__ = __str__

    @property
    def is_agent(self) -> bool:
        """The opposite of `service_mode`, as it used to be called."""
        return not self.service_mode

    @property
    def queue(self) -> Any:
        """How a wand reaches this service: an `aioprocessing.AioQueue`, made at first use."""
        if self._queue is None:
            from aioprocessing import AioQueue  # starts threads; not every service needs it

            self._queue = AioQueue()
        return self._queue

    @queue.setter
    def queue(self, queue: Any) -> None:
        self._queue = queue

    async def start(self) -> None:
        """Run the whole life of the service (sdk.md 3.4); returns only by error or cancellation.

        Raises:
            ConfigError: If email or password are missing.
            LoginRefused: If the Platform does not accept them, or the service id.
            TransportError: If the Platform cannot be reached.
        """
        await lifecycle.run(self)

    # ======== What you may override: the life of the service, in the order it happens =========

    async def before_channel_init(self) -> None:
        """Override to prepare what all channels share: connected, channels known, none set up."""

    async def on_channel_init(self, channel_id: str) -> None:
        """Override to set up a channel; left alone, makes its storage, then checks it in.

        Called once for each channel at start; call it yourself for channels you add later.
        """
        if self.config["db_config"]:
            self.channels[channel_id] = MoobiusStorage(
                str(self.client_id), channel_id, self.config["db_config"]
            )
        await self.on_channel_checkin(channel_id)

    async def on_channel_checkin(self, channel_id: str) -> None:
        """Override to bring a channel up to date; called at start and every `checkin_interval`."""

    async def on_start(self) -> None:
        """Override to act once everything runs; `self.scheduler` is ready for your own jobs."""
        logger.debug("{} started", type(self).__name__)

    async def on_stop(self) -> None:
        """Override to say goodbye: still connected, no further event will come."""

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

    # ======== What you may call: sending =======================================================
    # Each returns the frame, or None when there was nobody to send it to. Returning means queued
    # for sending, in order. Recipients are ids or Characters, one or any (nested) iterable.

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

        Raises:
            ValueError: If no channel is named.
            MissingFile: If a local file is not there.
            FrameTooLarge: If the message is above the Platform's limit.
        """
        if (
            isinstance(message, str)
            and message in self.channels
            and (channel_id not in self.channels)
        ):
            logger.warning("send_message takes the message first, then the channel; swapped")
            message, channel_id = channel_id, message
        body = compose(
            message, channel_id=channel_id, sender=sender, recipients=recipients,
            subtype=subtype, text=text, path=path, image=image, audio=audio, link=link,
            title=title, button=button, len_limit=len_limit,
            file_display_name=file_display_name, context=context,
        )  # fmt: skip
        group = await self.group_lib.convert_list(
            self.http_api, body.recipients, self.service_mode, body.channel_id
        )
        if group is None:
            logger.debug("nobody receives {}", body)
            return None
        if body.content.path or body.subtype in (types.IMAGE, types.AUDIO, types.FILE):
            await views.attach_file(self.http_api, body.content)
        if self.service_mode:
            frame = builder.message_down(
                str(self.client_id), body.channel_id, group, body.subtype, body.content,
                body.sender, body.context,
            )  # fmt: skip
        else:
            frame = builder.message_up(
                str(self.client_id), body.channel_id, group, body.subtype, body.content,
                body.context,
            )  # fmt: skip
        await self.ws_client.send(frame)
        return frame

    @service_only
    async def send_characters(
        self, characters: Characters, channel_id: str, recipients: Characters
    ) -> Frame | None:
        """Set the character list that the recipients see, in this order; `[]` clears it."""
        if not (seers := types.to_char_id_list(recipients)):
            return None
        shown = await self.group_lib.group_of(self.http_api, types.to_char_id_list(characters))
        content = {"characters": shown}
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

    async def send_heartbeat(self) -> None:
        """Send one heartbeat; the scheduler does so every `heartbeat_interval`."""
        await self.ws_client.heartbeat()

    async def send_join_channel(self, channel_id: str) -> Frame:
        """Become a member of a channel (user mode)."""
        return await self._send(builder.join_channel(str(self.client_id), channel_id))

    async def send_leave_channel(self, channel_id: str) -> Frame:
        """Stop being a member of a channel (user mode)."""
        return await self._send(builder.leave_channel(str(self.client_id), channel_id))

    async def send_refresh(self, channel_id: str) -> Frame | None:
        """Ask the service to send the view of a channel again (user mode)."""
        if self.service_mode:
            logger.warning("send_refresh is for user mode; a service sends views, it has none")
            return None
        return await self._send(builder.action(types.REFRESH, str(self.client_id), channel_id))

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
            builder.button_click(
                str(self.client_id), channel_id, button_id, arguments, bottom_button_id
            )
        )

    # ======== What you may call: asking ========================================================

    async def fetch_member_ids(
        self, channel_id: str, raise_empty_list_err: bool = False
    ) -> list[str]:
        """Return the ids of who has joined a channel: real people only, the Platform's truth."""
        return await self.http_api.fetch_member_ids(
            channel_id, str(self.client_id), raise_empty_list_err
        )

    # A str is an Iterable too; the first overload wins, as it does at run time.
    @overload
    async def fetch_character_profile(  # type: ignore[overload-overlap]
        self, character: str | Character
    ) -> Character: ...
    @overload
    async def fetch_character_profile(self, character: Characters) -> list[Character]: ...

    async def fetch_character_profile(self, character: Characters) -> Character | list[Character]:
        """Return name, avatar and description: of one, or of a list in its order."""
        return await self.http_api.fetch_character_profile(character)

    async def fetch_agents(self) -> list[Character]:
        """Return the agents of this service."""
        return await self.http_api.fetch_agents(str(self.client_id))

    async def fetch_characters(self, channel_id: str) -> list[Character]:
        """Return the members of a channel, then all agents of this service."""
        members = await self.fetch_character_profile(await self.fetch_member_ids(channel_id))
        return members + await self.fetch_agents()

    async def fetch_channel_list(self) -> list[str]:
        """Return the ids of the channels the account is a member of."""
        return await self.http_api.fetch_channel_list()

    async def fetch_popular_channels(self) -> list[str]:
        """Return the ids of the busiest channels."""
        return await self.http_api.fetch_popular_channels()

    async def fetch_service_id_each_channel(self) -> dict[str, str]:
        """Return channel id -> service id for the channels bound to services of this account."""
        services = await self.http_api.fetch_service_id_list()
        return {
            channel_id: service["service_id"]
            for service in services
            for channel_id in service.get("channel_ids") or ()
        }

    async def fetch_bound_channels(self) -> list[str]:
        """Return the ids of the channels bound to this service."""
        bound = await self.fetch_service_id_each_channel()
        return [channel_id for channel_id, owner in bound.items() if owner == self.client_id]

    # ======== What you may call: characters, channels, files, the account ========================

    @service_only
    async def create_agent(
        self, name: str, avatar: str | Path | None = None, description: str = "No description"
    ) -> Character:
        """Create a character that is no account.

        Args:
            name: What it is called.
            avatar: A local picture (uploaded once) or a URL; without one the default picture.
            description: What others read about it.

        Raises:
            MissingFile: If the picture is not there.
        """
        url = await self.http_api.convert_to_url(avatar)
        return await self.http_api.create_agent(str(self.client_id), name, url, description)

    @service_only
    async def update_agent(
        self, character: str | Character, avatar: str | Path, description: str, name: str
    ) -> Any:
        """Change what an agent looks like; its id stays."""
        url = await self.http_api.convert_to_url(avatar)
        return await self.http_api.update_agent(
            str(self.client_id), character, url, description, name
        )

    @service_only
    async def create_new_service(self, description: str = "Generated by MoobiusService") -> str:
        """Create a service, become it, and write its id back to the configuration file."""
        self.client_id = await self.http_api.create_service(description)
        logger.info("created service {}", self.client_id)
        if self._origin is not None:
            try:
                write_service_id(self._origin, self.client_id)
            except (OSError, ConfigError) as error:
                logger.warning(
                    "service_id {} not written to {}: {}", self.client_id, self._origin.path, error
                )
        elif not self.settings.no_warn_cannot_save_service_id:
            logger.warning(
                "service_id {} is not in any file: a new one is created at each start",
                self.client_id,
            )
        return self.client_id

    @service_only
    async def true_channel_list(self) -> list[str]:
        """Bind the configured channels and return those this service now serves (sdk.md 2.5)."""
        return await bind_channels(self.http_api, self.settings, str(self.client_id))

    async def user_join_service_channels(self) -> None:
        """Join the configured channels of which the account is not yet a member (user mode)."""
        joined = await self.fetch_channel_list()
        for channel_id in self.settings.channels:
            if channel_id not in joined:
                # Answered before we go on: who is not yet a member may not look around.
                join = builder.join_channel(str(self.client_id), channel_id)
                if not (await self.ws_client.ask(join)).status:
                    continue  # the reason has been logged
            await self.send_refresh(channel_id)

    async def bind_service_to_channel(self, channel_id: str) -> bool:
        """Bind this service to a channel, and tell whether it worked."""
        return await self.http_api.bind_service_to_channel(str(self.client_id), channel_id)

    async def unbind_service_from_channel(self, channel_id: str) -> None:
        """End this service's binding to a channel."""
        await self.http_api.unbind_service_from_channel(str(self.client_id), channel_id)

    async def upload(self, file_path: str | Path) -> str:
        """Upload a file and return its URL.

        Raises:
            MissingFile: If it is not there.
            BadResponseException: If the Platform does not take it.
        """
        return await self.http_api.upload(file_path)

    async def authenticate(self) -> tuple[str, str]:
        """Sign in and return (access token, refresh token)."""
        return await self.http_api.authenticate()

    async def refresh_authentication(self) -> str:
        """Renew the access token and return it."""
        return await self.http_api.renew()

    async def sign_out(self) -> None:
        """End the validity of the tokens."""
        await self.http_api.sign_out()

    async def send_service_login(self) -> Frame:
        """Log this service in on the socket, ahead of all other frames; creates it if need be."""
        if not self.client_id:
            await self.create_new_service()
        frame = builder.service_login(str(self.client_id), self.http_api.access_token)
        await self.ws_client.log_in(frame)
        return frame

    async def send_user_login(self) -> Frame:
        """Log the account in on the socket, ahead of all other frames (user mode)."""
        frame = builder.user_login(self.http_api.access_token)
        await self.ws_client.log_in(frame)
        return frame

    # ======== Machinery =========================================================================

    async def handle_received_payload(self, payload: str) -> None:
        """Read one raw frame and queue it for its callback.

        Raises:
            PayloadError: If it is not a frame.
        """
        await self._take(read_frame(payload))

    async def listen_loop(self) -> None:
        """Hand every object cast by a wand to `on_spell`, for ever; a failing one stops nothing."""
        await lifecycle.listen(self)

    async def _take(self, frame: Inbound) -> None:
        if self._dispatch is None:
            raise TransportError("not started", endpoint="handle_received_payload")
        await self._dispatch.take(frame)

    async def _log_in(self) -> None:
        await lifecycle.log_in(self)

    async def _send(self, frame: Frame) -> Frame:
        await self.ws_client.send(frame)
        return frame

    async def _send_update(
        self, subtype: str, content: Any, channel_id: str, recipients: Characters
    ) -> Frame | None:
        group = await self.group_lib.convert_list(self.http_api, recipients, True)
        if group is None:
            logger.debug("nobody receives the update of {}", subtype)
            return None
        return await self._send(
            builder.update(subtype, str(self.client_id), channel_id, group, content)
        )
