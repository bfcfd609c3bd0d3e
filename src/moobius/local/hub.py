"""Who is connected as whom, and the way from a delivery to sockets (platform.md 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from moobius.local.model.outcome import Delivery, Farewell, ToService, ToUsers
from moobius.local.wire.outbound import encode

GOING_AWAY = 1001


class Peer(Protocol):
    """A live connection, as far as the hub needs it."""

    def send(self, text: str) -> None:
        """Queue a frame."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close."""
        ...

    def cut(self) -> None:
        """Break the connection without a word."""
        ...


class Hub:
    """The live connections."""

    def __init__(self) -> None:
        self._peers: dict[Peer, str] = {}
        self._users: dict[str, dict[Peer, None]] = {}
        self._services: dict[str, dict[Peer, None]] = {}

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._peers))

    def __len__(self) -> int:
        return len(self._peers)

    def add(self, peer: Peer) -> None:
        """Note a connection that has not logged in."""
        self._peers[peer] = ""

    def attach_user(self, peer: Peer, user_id: str) -> None:
        """Let a connection receive as a user, besides the user's other connections."""
        if peer in self._peers:
            self._peers[peer] = user_id
            _withdraw(self._users, peer)
            self._users.setdefault(user_id, {})[peer] = None

    def attach_service(self, peer: Peer, account: str, service_id: str) -> None:
        """Let a connection receive for a service, instead of those that logged in before."""
        if peer not in self._peers:
            return
        self._peers[peer] = account
        if service_id:
            peers = self._services.setdefault(service_id, {})
            peers.pop(peer, None)
            peers[peer] = None

    def remove(self, peer: Peer) -> None:
        """Forget a connection; the one before it receives for its services again."""
        self._peers.pop(peer, None)
        _withdraw(self._users, peer)
        _withdraw(self._services, peer)

    def deliver(self, delivery: Delivery) -> None:
        """Hand a delivery to the sockets it is for."""
        DELIVER[type(delivery)](self, delivery)

    def _to_users(self, delivery: ToUsers) -> None:
        peers = [peer for user in delivery.users for peer in self._users.get(user, ())]
        if peers:
            text = encode(delivery.frame)
            for peer in peers:
                peer.send(text)

    def _to_service(self, delivery: ToService) -> None:
        peers = self._services.get(delivery.service_id)
        if peers:
            latest = next(reversed(peers))
            latest.send(encode(delivery.frame))

    def _farewell(self, delivery: Farewell) -> None:
        for peer, account in tuple(self._peers.items()):
            if account == delivery.user_id:
                peer.close(GOING_AWAY, "account deleted")


def _withdraw(index: dict[str, dict[Peer, None]], peer: Peer) -> None:
    for key in [key for key, peers in index.items() if peer in peers]:
        del index[key][peer]
        if not index[key]:
            del index[key]


DELIVER: Mapping[type, Callable[[Hub, Any], None]] = {
    ToUsers: Hub._to_users,
    ToService: Hub._to_service,
    Farewell: Hub._farewell,
}
