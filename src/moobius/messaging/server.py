"""`Server`: accepts clients, announces itself, and ends if another server was there first (2.8).

    server = Server()
    server.start()
    Client.broadcast_message("takeoff")

Three threads of its own do that; callbacks run on the first.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import ssl
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from threading import Event, Thread, current_thread

from loguru import logger

from moobius.messaging import announcements, ini, loop, ntp, settings
from moobius.messaging.announcements import Announcement
from moobius.messaging.auth import AnnouncementCheck, SharedKey, sign_announcement
from moobius.messaging.config_manager import ConfigManager
from moobius.messaging.framing import Inspector
from moobius.messaging.notifier import NotifierSock
from moobius.messaging.server_client import Client
from moobius.messaging.singleton import Singleton
from moobius.messaging.sockets import get_ip_address, set_keepalive

__all__ = ["Client", "Server"]

DEFAULT_CONFIG_PATH = Path("config") / "server.ini"
SPEC = ini.SHIPPED / "configspec_server.ini"
END_WITHIN_S = 5.0
SHORTEST_DELAY_S = 0.05
ACCEPT_AGAIN_S = 0.05
"""Without open files to spare, accepting fails as often as it is tried."""


class Server(Singleton):
    """The server of this process.

    Attributes:
        config: The settings.
        config_path: Where they are.
        id: Four digits, that tell servers apart.
        host: The address it listens on, once started.
        port: The port it listens on, once started.
        start_time: When it was started, in seconds since 1970.
    """

    get_ntp_time = staticmethod(ntp.get_ntp_time)

    def __init__(
        self,
        config_path: str | PathLike[str] = DEFAULT_CONFIG_PATH,
        server_id: str | None = None,
        *,
        host: str | None = None,
    ) -> None:
        """Prepare; `start` loads the settings and listens.

        Args:
            config_path: The settings file; made, with all defaults, if it is not there.
            server_id: Four digits; drawn at random when left out.
            host: The address to listen on; the one towards the internet when left out.
        """
        self.config = ConfigManager(base_spec=SPEC)
        self.config_path = config_path
        self.id = server_id or f"{random.randrange(10_000):04}"
        self.host = host or ""
        self.port = 0
        self.start_time = 0.0
        self.selector: selectors.BaseSelector | None = None
        self._listener: socket.socket | None = None
        self._tls: ssl.SSLContext | None = None
        self._key: SharedKey | None = None
        self._stopping = Event()
        self._threads: list[Thread] = []

    def load_config(self) -> None:
        """Load or reload the settings.

        Raises:
            ConfigError: If they cannot be used; the error names each that is wrong.
            SyntaxError: If the file cannot be parsed.
            OSError: If it cannot be read or made.
        """
        self.config.load_config_and_spec(self.config_path)
        self._tls = settings.server_tls(self.config)
        self._key = settings.own_key(self.config, Client)

    def time_now(self) -> float:
        """Return the time in seconds since 1970: the system's, or a time server's with `NTP.use`.

        Raises:
            OSError: If the time server does not answer.
        """
        if self.config.ntp_use:
            return self.get_ntp_time(self.config.ntp_host, self.config.ntp_port)
        return time.time()

    def start(self) -> None:
        """Load the settings and begin to listen; returns when clients can connect.

        Raises:
            ConfigError: If the settings cannot be used, or the key of them cannot be read.
            OSError: If the port is taken, or the time server of the settings does not answer.
            RuntimeError: If it is started already.
        """
        if any(thread.is_alive() for thread in self._threads):
            raise RuntimeError(f"server {self.id} is started already; stop it first")
        self.load_config()
        self._stopping.clear()
        self.start_time = self.time_now()
        self._listener = self._listen()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self._listener, selectors.EVENT_READ, data=self)
        NotifierSock().init(self.selector)
        jobs: list[Callable[[], None]] = [self._serve]
        if self.config.broadcast_send:
            jobs.append(self._announce)
        if self.config.broadcast_listen:
            jobs.append(self._hear_others)
        self._threads = [Thread(target=job, name=job.__name__, daemon=True) for job in jobs]
        for thread in self._threads:
            thread.start()
        logger.info("Server {} listens on {}:{}", self.id, self.host, self.port)

    def stop(self) -> None:
        """Close all connections, and end; from any thread, and from callbacks."""
        self._stopping.set()
        NotifierSock().notify()
        self.wait(END_WITHIN_S)

    def terminate(self, reason: str = "Terminated") -> None:
        """End for a reason that the log shall name."""
        logger.warning("Server {} ends: {}", self.id, reason)
        self.stop()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the server has ended.

        Without a timeout, Ctrl+C ends the server, and then this returns.

        Args:
            timeout: Seconds to wait at most.
        """
        try:
            self._join(timeout)
        except KeyboardInterrupt:
            if timeout is not None:  # a program that waits a while, and again, has to hear of it
                raise
            logger.info("Server {}: interrupted", self.id)
            self.stop()

    def _join(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            # A callback that stops the server runs on the first of them.
            if thread.is_alive() and thread is not current_thread():
                thread.join(None if deadline is None else max(deadline - time.monotonic(), 0))

    def send_starttime(self, copter: Client, start_time: float) -> None:
        """Tell a client when the show starts, in seconds since 1970."""
        copter.send_message("start", kwargs={"time": str(start_time)})

    def process_events(self, mask: int) -> None:
        """Accept a client; for the loop, in which the listening socket stands for the server."""
        assert self._listener is not None and self.selector is not None
        try:
            sock, address = self._listener.accept()
        except OSError as error:  # it hung up again, or there are too many open files
            logger.warning("Server {}: a client could not be accepted: {}", self.id, error)
            self._stopping.wait(ACCEPT_AGAIN_S)
            return
        client = Client(address[0])
        loop.contain(client, lambda: self._adopt(client, sock, address))

    def _adopt(self, client: Client, sock: socket.socket, address: tuple[str, int]) -> None:
        assert self.selector is not None
        try:
            sock.setblocking(False)
            if self._tls is not None:
                # The handshake happens in the loop, with the first bytes.
                sock = self._tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            settings.apply(self.config, client, self._key)
            client.connect(self.selector, sock, address)
        except BaseException:
            sock.close()
            raise
        logger.info("Server {}: {} connected", self.id, client.peer_name)

    def _listen(self) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(NotImplementedError):  # nice to have, where the system can
                set_keepalive(sock)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.bind((self.host or get_ip_address(), self.config.server_port))
            sock.listen()
            sock.setblocking(False)
        except BaseException:
            sock.close()
            raise
        self.host, self.port = sock.getsockname()
        return sock

    # The three threads.

    def _serve(self) -> None:
        assert self.selector is not None and self._listener is not None
        serving = loop.Loop(self.selector, Client.away)
        try:
            while not self._stopping.is_set():
                serving.turn()
        finally:
            for connection in loop.connections_of(self.selector):
                connection._close()
            self._listener.close()
            NotifierSock().close()
            self.selector.close()
            logger.info("Server {} has ended", self.id)

    def _announce(self) -> None:
        there = (self.config.broadcast_send_ip, self.config.broadcast_port)
        failure = ""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            while not self._stopping.wait(max(self.config.broadcast_delay, SHORTEST_DELAY_S)):
                try:
                    sock.sendto(self._announcement(), there)
                except OSError as error:
                    if failure != str(error):  # not the same line every three seconds
                        failure = str(error)
                        logger.warning(
                            "Server {}: cannot announce to {}: {}", self.id, there, error
                        )

    def _announcement(self) -> bytes:
        message = announcements.encode(Announcement(self.host, self.port, self.id, self.start_time))
        key = self._key
        return sign_announcement(key, message, int(time.time())) if key else message.wire

    def _hear_others(self) -> None:
        try:
            with announcements.listening_socket(self.config.broadcast_port) as sock:
                while not self._stopping.is_set():
                    self._hear_one(sock)
        except OSError as error:
            logger.error("Server {}: cannot listen for other servers: {}", self.id, error)

    def _hear_one(self, sock: socket.socket) -> None:
        found = announcements.hear(sock, self._check, is_over=self._stopping.is_set)
        if found and found.id != self.id and found.start_time <= self.start_time:
            self.terminate(f"server {found.id} at {found.host}:{found.port} was there first")

    def _check(self) -> Inspector | None:
        key = self._key
        return AnnouncementCheck(key, time.time()) if key and key.required else None
