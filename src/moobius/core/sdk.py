"""`Moobius`, the class that a service subclasses.

Its parts are files of their own, to be read like a menu: `callbacks.py` is what a service may
override; `sending.py`, `asking.py`, `managing.py` and, for user mode, `acting.py` what it may call.
Here is how it is made, and how it takes its place on a Platform. Machinery lives elsewhere:
`lifecycle.py` starts and stops, `dispatch.py` calls callbacks, `groups.py` knows recipients.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from loguru import logger

from moobius.config import Source, load_config
from moobius.config_files import write_service_id
from moobius.config_keywords import keywords_to_parts
from moobius.core import lifecycle
from moobius.core.acting import Acting
from moobius.core.asking import Asking
from moobius.core.callbacks import Callbacks
from moobius.core.channels import bind_channels, join_channels
from moobius.core.dispatch import Dispatch
from moobius.core.groups import ServiceGroupLib
from moobius.core.managing import Managing
from moobius.core.modes import service_only
from moobius.core.older_names import with_older_names
from moobius.core.sending import Sending
from moobius.core.spells.listening import listen
from moobius.core.stopping.time_limits import STOP_TIMEOUT
from moobius.errors import ConfigError, TransportError
from moobius.network import ws_payload_builder as builder
from moobius.network.frame_reader import Inbound, read_frame
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_client import WSClient
from moobius.network.ws_payload_builder import Frame


@with_older_names
class Moobius(Callbacks, Sending, Acting, Asking, Managing):
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
        **more: Single settings, and the keywords of older versions: `service_mode`, `is_agent`,
            `config_path`, `log_file`, ... (docs/configuration.md lists them).

    Raises:
        ConfigError: If the configuration cannot be right.
        MissingFile: If a named configuration file is not there.
        TypeError: If a keyword is none of any version.
    """

    refresh_interval: float = 6 * 3600
    """Seconds between two renewals of the access token, which lives for a day."""
    authenticate_interval: float = 7 * 24 * 3600
    """Seconds between two sign-ins; the refresh token lives for a month."""
    heartbeat_interval: float = 30
    """Seconds between two heartbeats."""

    def __init__(
        self,
        config: Source = None,
        account_config: Source = None,
        service_config: Source = None,
        db_config: Source = None,
        log_config: Source = None,
        **more: Any,
    ) -> None:
        given = {
            "config": config,
            "account_config": account_config,
            "service_config": service_config,
            "db_config": db_config,
            "log_config": log_config,
            **more,
        }
        loaded = load_config(**keywords_to_parts(given))
        self.settings = settings = loaded.settings
        self.config = loaded.nested
        self.config_path = more.get("config_path", config)
        self._origin = loaded.service_origin
        self.service_mode = settings.service_mode
        self.checkin_interval = settings.checkin_interval
        self.client_id = settings.service_id or None
        if settings.service_id and not self.service_mode:
            logger.warning("service_id {} ignored: this is user mode", settings.service_id)
            self.client_id = None
        if not settings.is_local and not (settings.email and settings.password):
            logger.error("no email or no password is configured: start() will fail")
        self.channels = {}
        self.scheduler = None
        self.group_lib = ServiceGroupLib(settings.group_cache_seconds)
        self.http_api = HTTPAPIWrapper(
            settings.http_server_uri, settings.email, settings.password, ca_file=settings.ca_file
        )
        self.ws_client = WSClient(
            settings.ws_server_uri,
            on_connect=self._log_in,
            on_frame=self._take,
            report_str=type(self).__name__,
            resend=settings.resend_unacknowledged,
            log_frames=settings.log_frames,
            ca_file=settings.ca_file,
        )
        self._queue: Any = None
        self._queue_lock = threading.Lock()
        self._dispatch: Dispatch | None = None
        self._new_until = 0.0
        self._ensure_platform: Callable[[], object] | None = None
        self._when_ready: Callable[[], None] | None = None
        self._spell_taken: Callable[[int], None] | None = None
        self._stop_timeout = STOP_TIMEOUT

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
    def db_config(self) -> list[dict[str, Any]]:
        """The containers that the storage of each channel gets; may be changed before they are."""
        databases: list[dict[str, Any]] = self.config["db_config"]
        return databases

    @property
    def queue(self) -> Any:
        """How a wand reaches this service: an `aioprocessing.AioQueue`, made at first use."""
        with self._queue_lock:  # a spell may come before the service listens
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

    # ---- Its place on the Platform -------------------------------------------------------------

    @service_only
    async def create_new_service(self, description: str = "Generated by MoobiusService") -> str:
        """Create a service, become it, and write its id back to the configuration file."""
        self.client_id = await self.http_api.create_service(description)
        self._new_until = time.monotonic() + lifecycle.NEW_SERVICE_PATIENCE
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
        return await bind_channels(self.http_api, self.settings, self.own_id)

    async def user_join_service_channels(self, service_config: Source = None) -> None:
        """Join those channels of which the account is not yet a member (user mode).

        Args:
            service_config: Whose `channels`, as an object or the name of a file; the own ones when
                absent.
        """
        settings = self.settings
        if service_config is not None:
            settings = load_config(service_config=service_config).settings
        await join_channels(self, settings.channels)

    async def send_service_login(self) -> Frame:
        """Log this service in on the socket, ahead of all other frames; creates it if need be."""
        if not self.client_id:
            await self.create_new_service()
        frame = builder.service_login(self.own_id, self.http_api.access_token)
        await self.ws_client.log_in(frame)
        return frame

    async def send_user_login(self) -> Frame:
        """Log the account in on the socket, ahead of all other frames (user mode)."""
        frame = builder.user_login(self.http_api.access_token)
        await self.ws_client.log_in(frame)
        return frame

    # ---- What comes in -----------------------------------------------------------------------

    async def handle_received_payload(self, payload: str) -> None:
        """Read one raw frame and queue it for its callback.

        Raises:
            PayloadError: If it is not a frame.
        """
        await self._take(read_frame(payload))

    async def listen_loop(self) -> None:
        """Hand every object cast by a wand to `on_spell`, for ever; a failing one stops nothing."""
        await listen(self)

    async def _take(self, frame: Inbound) -> None:
        if self._dispatch is None:
            raise TransportError("not started", endpoint="handle_received_payload")
        await self._dispatch.take(frame)

    async def _log_in(self) -> None:
        await lifecycle.log_in(self)
