"""`Client`: settings, the way to the server, and the callbacks that every client has (2.6).

    class Drone(Client):
        def on_broadcast_bind(self):
            ...

    Drone().start()

Importing this module registers the callbacks by which a server asks a client who it is, what time
it has, and for its settings.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from threading import Event
from typing import Any

from loguru import logger

from moobius.errors import ConfigError
from moobius.messaging import announcements, config_changes, ini, loop, ntp, settings
from moobius.messaging.auth import AnnouncementCheck
from moobius.messaging.config_manager import ConfigManager
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.framing import Inspector
from moobius.messaging.notifier import NotifierSock
from moobius.messaging.registry import SHARED
from moobius.messaging.sockets import get_ip_address, set_keepalive

# The original looked beside its own code. An installed package keeps its hands off its folder.
DEFAULT_CONFIG_PATH = Path("config") / "client.ini"
SPEC = ini.SHIPPED / "configspec_client.ini"

active_client: Client | None = None
"""The client of this process: the one that was made last. The callbacks below speak for it."""


class Client:
    """A program that stays connected to a server, and finds it by its announcement if need be.

    Attributes:
        server_connection: The connection to the server, the same object for ever.
        config: The settings.
        config_path: Where they are.
        selector: What the loop waits with.
        client_socket: The socket to the server while there is one.
    """

    # The rhythm of connecting, in seconds and in times.
    CONNECT_WITHIN_S = 2.0
    HANDSHAKE_WITHIN_S = 5.0
    RETRY_AFTER_S = 2.0
    ATTEMPTS = 3
    LISTEN_S = 4.0
    LISTEN_AGAIN = 3

    get_ntp_time = staticmethod(ntp.get_ntp_time)

    def __init__(self, config_path: str | PathLike[str] = DEFAULT_CONFIG_PATH) -> None:
        """Prepare; `start` loads the settings and connects.

        Args:
            config_path: The settings file; made, with all defaults, if it is not there. A
                specification beside it, `spec/configspec_<name>.ini`, adds checks of your own.
        """
        global active_client  # noqa: PLW0603 - one client per process, as specified
        self.server_connection = ConnectionManager()
        self.config = ConfigManager(base_spec=SPEC)
        self.config_path = config_path
        self.selector: selectors.BaseSelector = selectors.DefaultSelector()
        self._client_id: str | None = None
        self._tls: ssl.SSLContext | None = None
        self._stopping = Event()
        self._connected_at = 0.0
        self._lost_at_once = 0
        active_client = self

    @property
    def connected(self) -> bool:
        """Whether there is a connection to the server."""
        return self.server_connection.socket is not None

    @property
    def client_socket(self) -> socket.socket | None:
        """The socket to the server while there is one."""
        return self.server_connection.socket

    @property
    def client_id(self) -> str | None:
        """Who this client says it is, once the settings are loaded."""
        return self._client_id

    # What you may override.

    def on_broadcast_bind(self) -> None:
        """Override to act when a server was found by its announcement, before connecting to it."""

    # What you may call.

    def load_config(self) -> None:
        """Load or reload the settings, and find out who we are.

        Raises:
            ConfigError: If they cannot be used; the error names each that is wrong.
            SyntaxError: If the file cannot be parsed.
            OSError: If it cannot be read or made.
        """
        self.config.load_config_and_spec(self.config_path)
        self._client_id = self._own_id()
        key = settings.own_key(self.config, ConnectionManager)
        settings.apply(self.config, self.server_connection, key)
        self._tls = settings.client_tls(self.config)

    def time_now(self) -> float:
        """Return the time in seconds since 1970: the system's, or a time server's with `NTP.use`.

        Raises:
            OSError: If the time server does not answer.
        """
        if self.config.ntp_use:
            return self.get_ntp_time(self.config.ntp_host, self.config.ntp_port)
        return time.time()

    def start(self) -> None:
        """Load the settings, connect, and serve until Ctrl+C or `stop`; come back to a lost server.

        Raises:
            ConfigError: If the settings cannot be used.
        """
        self.load_config()
        if self.selector.get_map() is None:  # closed by the end of an earlier start
            self.selector = selectors.DefaultSelector()
        NotifierSock().init(self.selector)
        serving = loop.Loop(self.selector, lambda: [self.server_connection])
        try:
            while not self._stopping.is_set():
                if self.connected or self._connect():
                    serving.turn()
        except KeyboardInterrupt:
            logger.info("{}: interrupted", self._client_id)
        finally:
            self.server_connection._close()
            NotifierSock().close()
            self.selector.close()
            self._stopping.clear()

    def stop(self) -> None:
        """End `start`; from any thread."""
        self._stopping.set()
        NotifierSock().notify()

    def broadcast_bind(self, timeout: float = 2.0, attempt_limit: int = 3) -> None:
        """Listen for a server's announcement, and take the server's address from it.

        Args:
            timeout: Seconds; see below.
            attempt_limit: Listening ends after `(attempt_limit + 1) * timeout` seconds.
        """
        if not self.config.broadcast_use:
            return
        seconds = (attempt_limit + 1) * timeout
        port = self.config.broadcast_port
        logger.info("{}: listening for a server on UDP port {}", self._client_id, port)
        try:
            with announcements.listening_socket(port) as sock:
                found = announcements.hear(
                    sock,
                    self._announcement_check,
                    size=self.config.server_buffer_size,
                    seconds=seconds,
                    is_over=lambda: self._pause(0),
                )
        except OSError as error:
            logger.error("{}: cannot listen on UDP port {}: {}", self._client_id, port, error)
            return
        if found is not None:
            self._bind_to(found)

    def change_config(self, received: Mapping[str, Any], mode: str = "modify") -> None:
        """Change the settings, as a dictionary says that the server has sent; write and reload.

        Args:
            received: Settings, annotated or plain. Those that are for this side to say
                (`settings.LOCAL`) are left out.
            mode: `modify` keeps what is not named, `rewrite` puts it back to its default.

        Raises:
            ValueError: If a setting is refused, or there is no such mode; nothing has changed then.
            SyntaxError: If a value is one that the file cannot hold; likewise.
            OSError: If the file cannot be written.
        """
        config_changes.changed(self.config, received, mode).write()
        self.load_config()

    def change_id(self, new_id: str) -> None:
        """Change who we say we are, write that, and reload.

        Raises:
            ValueError: If the name is refused; nothing has changed then.
            OSError: If the file cannot be written.
        """
        self.change_config({"id": new_id})

    # Inside.

    def _own_id(self) -> str:
        setting = str(self.config.id)
        if setting.lower() == "/default":
            drawn = f"copter{random.randrange(9999):04}"
            self.config.set("", "id", drawn, write=True)
            return drawn
        found = {"/hostname": socket.gethostname, "/ip": get_ip_address}.get(setting.lower())
        return found() if found else setting.lower()

    def _connect(self) -> bool:
        """Try to reach the server, then listen for where it is; tell whether we are connected."""
        if self._keeps_being_lost() and self._pause(self.RETRY_AFTER_S):
            return False
        host, port = self.config.server_host, self.config.server_port
        for _ in range(self.ATTEMPTS):
            try:
                sock = self._open(host, port)
            except OSError as error:
                logger.warning("{}: no server at {}:{}: {}", self._client_id, host, port, error)
                if self._pause(self.RETRY_AFTER_S):
                    return False
                continue
            self._connected_at = time.monotonic()
            self.server_connection.connect(self.selector, sock, (host, port))
            logger.info("{}: connected to {}:{}", self._client_id, host, port)
            return True
        self.broadcast_bind(self.LISTEN_S, self.LISTEN_AGAIN)
        return False

    def _pause(self, seconds: float) -> bool:
        """Wait, and let requests run out of time meanwhile; tell whether it is time to stop."""
        until = time.monotonic() + seconds
        while True:
            loop.contain(self.server_connection, self.server_connection.expire)
            next_deadline = self.server_connection.next_deadline or until
            left = min(until, next_deadline) - time.monotonic()
            if self._stopping.wait(max(left, 0)) or time.monotonic() >= until:
                return self._stopping.is_set()

    def _keeps_being_lost(self) -> bool:
        """Tell whether the server hangs up as often as we call: then calling at once is no use.

        One connection that is lost is made again without delay.
        """
        lasted = time.monotonic() - self._connected_at
        self._lost_at_once = self._lost_at_once + 1 if lasted < self.RETRY_AFTER_S else 0
        return self._lost_at_once > self.ATTEMPTS

    def _open(self, host: str, port: int) -> socket.socket:
        """Return a socket that is connected, inside TLS if that is wanted, and does not block."""
        with contextlib.ExitStack() as on_failure:
            sock = on_failure.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            sock.settimeout(self.CONNECT_WITHIN_S)
            with contextlib.suppress(NotImplementedError):  # nice to have, where the system can
                set_keepalive(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect((host, port))
            if self._tls is not None:
                sock.settimeout(self.HANDSHAKE_WITHIN_S)
                name = self.config.get("TLS", "server_name") or host
                sock = on_failure.enter_context(self._tls.wrap_socket(sock, server_hostname=name))
            sock.setblocking(False)
            on_failure.pop_all()
            return sock

    def _announcement_check(self) -> Inspector | None:
        key = self.server_connection.auth
        if key is None or not key.required:
            return None
        return AnnouncementCheck(key, time.time(), self.config.get("AUTH", "max_skew"))

    def _bind_to(self, found: announcements.Announcement) -> None:
        logger.info("{}: found a server at {}:{}", self._client_id, found.host, found.port)
        self.config.set("SERVER", "port", found.port)
        self.config.set("SERVER", "host", found.host)
        if self.config.broadcast_persist:
            try:
                self.config.write()
            except OSError as error:
                logger.warning("{}: the server found is not saved: {}", self._client_id, error)
        try:
            self.on_broadcast_bind()
        except Exception as error:
            logger.opt(exception=error).error("{}: on_broadcast_bind raised", self._client_id)


def _active() -> Client:
    if active_client is None:
        raise ConfigError("there is no client in this process; make one first")
    return active_client


def _change_config(
    _connection: ConnectionManager, config: Mapping[str, Any], mode: str = "modify", **_: Any
) -> None:
    _active().change_config(config, mode)


def _tell_config(
    _connection: ConnectionManager, send_configspec: bool = False, **_: Any
) -> dict[str, Any]:
    config = _active().config
    told: dict[str, Any] = {"config": config.full_dict()}
    if send_configspec:
        told["configspec"] = config.config.configspec.dict()
    return told


def _tell_clover_dir(_connection: ConnectionManager, *_: Any, **__: Any) -> str | None:
    return _active().config.clover_dir  # type: ignore[no-any-return]


def _tell_id(
    _connection: ConnectionManager, *_: Any, new_id: str | None = None, **__: Any
) -> str | None:
    if new_id is not None:
        _active().change_id(new_id)
    return _active().client_id


def _tell_time(_connection: ConnectionManager, *_: Any, **__: Any) -> float:
    return _active().time_now()


ACTIONS: Mapping[str, Callable[..., Any]] = {"config": _change_config}
REQUESTS: Mapping[str, Callable[..., Any]] = {
    "config": _tell_config,
    "clover_dir": _tell_clover_dir,
    "id": _tell_id,
    "time": _tell_time,
}

# This module may be imported after a program registered callbacks of its own. Those stay.
for _name, _callback in ACTIONS.items():
    SHARED.actions.setdefault(_name, _callback)
for _name, _callback in REQUESTS.items():
    SHARED.requests.setdefault(_name, _callback)
