"""The server's side of one client: who it is, and the connection to it while there is one (2.8).

The original knew a client by its IP address, so two behind one address threw each other out for
ever. Here it is known by the id it answers with: a new connection is a stranger until then, and
what waited for a client is sent to nobody else.
"""

from __future__ import annotations

import inspect
import selectors
import socket
from collections.abc import Callable, Mapping, Sequence
from threading import RLock
from typing import Any, ClassVar

from loguru import logger

from moobius.errors import MessagingError
from moobius.messaging import messages
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.events import Answered
from moobius.messaging.framing import check_content

IDENTIFY_WITHIN_S = 30.0
LONGEST_ID = 63
"""As the setting `id` of a client has it."""
AWAY_AT_MOST = 1000
"""Clients without a connection that are remembered; beyond that, those first met are forgotten."""


class Client(ConnectionManager):
    """A client, as a server sees it.

    Attributes:
        clients: All that ever said who they are, and were not removed: by IP address, and a second
            one behind the same address by address and port.
        ip: Its IP address.
        copter_id: Who it says it is.
        clover_dir: The folder of the program it serves, once it was asked.
        on_connect: Called with the client when it has connected.
        on_first_connect: Called with the client after that, when its id is a new one.
        on_disconnect: Called with the client when its connection has ended.
    """

    role = "server"

    clients: ClassVar[dict[str, Client]] = {}

    # Assign to the class. A bound method, a function and a method of a subclass are all called with
    # the client, once.
    on_connect: ClassVar[Callable[..., Any] | None] = None
    on_first_connect: ClassVar[Callable[..., Any] | None] = None
    on_disconnect: ClassVar[Callable[..., Any] | None] = None

    _clients_lock: ClassVar[RLock] = RLock()

    def __init__(self, ip: str) -> None:
        """Make the object for a connection from an IP address; the server does this."""
        super().__init__()
        self.ip = ip
        self.copter_id: str | None = None
        self.clover_dir: str | None = None

    @property
    def connected(self) -> bool:
        """Whether there is a connection."""
        return self.socket is not None

    @classmethod
    def get_by_id(cls, copter_id: str) -> Client | None:
        """Return the client that says it is this one."""
        with cls._clients_lock:
            return next((c for c in cls.clients.values() if c.copter_id == copter_id), None)

    @classmethod
    def away(cls) -> list[Client]:
        """Return those that may come back."""
        with cls._clients_lock:
            return [client for client in cls.clients.values() if not client.connected]

    def connect(
        self,
        client_selector: selectors.BaseSelector,
        client_socket: socket.socket,
        client_addr: Any,
    ) -> None:
        """Adopt the socket of a client that has connected, and ask who it is."""
        super().connect(client_selector, client_socket, client_addr)
        self.get_response("id", _identified, timeout=IDENTIFY_WITHIN_S, on_error=_not_identified)

    def close(self, inner: bool = False) -> None:
        """Close the connection.

        Args:
            inner: Whether this is the loop's thread, which closes it at once.
        """
        if inner:
            self._close()
        else:
            super().close()

    def remove(self) -> None:
        """Close the connection, and forget the client."""
        with self._clients_lock:
            for key in [key for key, client in self.clients.items() if client is self]:
                del self.clients[key]
        self.close()

    @classmethod
    def broadcast(cls, message: bytes, force_all: bool = False) -> None:
        """Send an encoded message to all clients.

        Args:
            message: As `MessageManager` encodes it.
            force_all: Whether to also hand it to those that are not connected: with `resume_queue`
                they get it when they are back.

        Raises:
            ProtocolError: If it is no encoded message; a `ValueError`.
        """
        with cls._clients_lock:
            receivers = [c for c in cls.clients.values() if force_all or c.connected]
        for client in receivers:
            try:
                client._send(message)
            except OSError as error:  # its queue is full; that is no reason to leave out the others
                logger.error("{}: left out of a broadcast: {}", client.peer_name, error)

    @classmethod
    def broadcast_message(
        cls,
        command: str,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        force_all: bool = False,
    ) -> None:
        """Send an action to all clients.

        Args:
            command: What to do.
            args: Positional arguments.
            kwargs: Keyword arguments.
            force_all: As for `broadcast`.

        Raises:
            TypeError: If JSON cannot hold an argument.
            Unsendable: If the arguments are too long, or nest too deep; a `ValueError`.
        """
        message = messages.encode_action(command, args, kwargs)
        check_content(message.content, cls.default_limits)
        cls.broadcast(message.wire, force_all)

    def _close(self) -> None:
        was_known = self.connected and self.copter_id is not None
        super()._close()
        if was_known:
            self._call_hook("on_disconnect")

    def _call_hook(self, name: str) -> None:
        # Looked up without binding: a plain function on the class would get the client twice.
        hook = inspect.getattr_static(self, name)
        if hook is None:
            return
        try:
            hook(self)
        except Exception as error:
            logger.opt(exception=error).error("{}: {} raised", self.peer_name, name)

    def _become_known(self, copter_id: str) -> None:
        """Add this client to `clients`, or give its connection to the one with this id there."""
        with self._clients_lock:
            known = self.get_by_id(copter_id)
            if known is None:
                self.copter_id = copter_id
                key = self.ip if self.ip not in self.clients else f"{self.ip}:{self.addr[1]}"
                self.clients[key] = self
                self._make_room()
        if known is None:
            self._call_hook("on_connect")
            self._call_hook("on_first_connect")
            self.get_response("clover_dir", _told_clover_dir)
        elif known is not self:
            known.ip = self.ip
            self.hand_over(known)

    def _handle_answer(self, answered: Answered) -> None:
        if answered.pending.name == "id" and self.copter_id is not None:
            self._change_id(str(answered.value))
        super()._handle_answer(answered)

    def _change_id(self, copter_id: str) -> None:
        """Change the id of a client that was given another one, with which it will come back."""
        with self._clients_lock:
            if copter_id == self.copter_id:
                return
            if len(copter_id) <= LONGEST_ID and self.get_by_id(copter_id) is None:
                self.copter_id = copter_id
                return
        logger.warning(
            "{}: is not known as {!r:.70}: taken, or too long", self.peer_name, copter_id
        )

    def taken_over(self) -> None:
        """Greet a client that has come back."""
        self._call_hook("on_connect")

    @classmethod
    def _make_room(cls) -> None:
        """If too many clients without a connection are remembered, forget those first met."""
        with cls._clients_lock:
            away = [key for key, client in cls.clients.items() if not client.connected]
            for key in away[: max(0, len(away) - AWAY_AT_MOST)]:
                del cls.clients[key]


def _identified(client: Client, copter_id: Any) -> None:
    name = str(copter_id)
    if len(name) > LONGEST_ID:
        logger.warning("{}: connection closed, its id is too long", client.peer_name)
        client.close()
        return
    client._become_known(name)


def _not_identified(client: Client, error: MessagingError) -> None:
    logger.warning("{}: connection closed, it does not say who it is: {}", client.peer_name, error)
    client.close()


def _told_clover_dir(client: Client, clover_dir: Any) -> None:
    client.clover_dir = clover_dir
