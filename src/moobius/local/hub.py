"""Which connection is logged in as whom, and which of them get a delivery (platform.md 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from moobius.local.holding import Holds
from moobius.local.model.outcome import Delivery, Farewell, Frame, ToService, ToUsers
from moobius.local.speaker import Speaker
from moobius.local.wire.dialects import Dialect
from moobius.local.wire.outbound import Parcel, parcels

GOING_AWAY = 1001
TRY_AGAIN_LATER = 1013


class Peer(Protocol):
    """A live connection, as far as the hub needs it."""

    @property
    def speaker(self) -> Speaker:
        """Who is at its other end."""
        ...

    def send(self, parcel: Parcel) -> None:
        """Queue a frame."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Send what is queued, then close."""
        ...

    def cut(self) -> None:
        """Break the connection without a word."""
        ...


Index = dict[str, dict[Peer, None]]


@dataclass
class _Entry:
    """As whom one connection is logged in; the keys under which the indexes have it.

    Attributes:
        user: The user, once that login is answered.
        account: The account that its services belong to, once that login is answered.
        services: The services it receives for.
        claims: Accounts of good logins that are not answered yet.
    """

    user: str = ""
    account: str = ""
    services: set[str] = field(default_factory=set)
    claims: set[str] = field(default_factory=set)

    @property
    def accounts(self) -> set[str]:
        """The accounts for which this connection counts."""
        return {self.user, self.account, *self.claims}


class Hub:
    """The live connections. Whatever it does costs as much as the entries it touches."""

    def __init__(self) -> None:
        self._peers: dict[Peer, _Entry] = {}
        self._strangers: dict[Peer, None] = {}  # the oldest first
        self._users: Index = {}
        self._services: Index = {}
        self._accounts: Index = {}  # in either role
        self.holds = Holds(self._deliver_held)

    def __iter__(self) -> Iterator[Peer]:
        return iter(tuple(self._peers))

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def strangers(self) -> int:
        """How many connections have not logged in."""
        return len(self._strangers)

    @property
    def users(self) -> int:
        """How many users are connected."""
        return len(self._users)

    @property
    def services(self) -> int:
        """How many services are connected."""
        return len(self._services)

    def connections_of(self, account: str) -> int:
        """Return over how many connections an account is logged in, as user or with services."""
        return len(self._accounts.get(account, ()))

    def add(self, peer: Peer) -> None:
        """Note a connection that has not logged in."""
        self._peers[peer] = _Entry()
        self._strangers[peer] = None

    def send_strangers_away(self, most: int) -> None:
        """Close the oldest connections that have not logged in, down to so many.

        If the newest were refused instead, a client could lock everybody out by opening many.
        """
        while len(self._strangers) > most:
            peer = next(iter(self._strangers))
            del self._strangers[peer]
            peer.close(TRY_AGAIN_LATER, "too many connections wait for their login")

    def claim(self, peer: Peer, account: str, most: int) -> bool:
        """Let a connection count for an account whose login is good but not answered yet.

        Returns:
            Whether there was room: an account has at most so many.
        """
        entry = self._peers.get(peer)
        if entry is None or account in entry.accounts:
            return True
        if self.connections_of(account) >= most:
            return False
        entry.claims.add(account)
        _index(self._accounts, account, peer)
        return True

    def attach_user(self, peer: Peer, user_id: str) -> None:
        """Let a connection receive as a user, besides the user's other connections."""
        entry = self._peers.get(peer)
        if entry is None or entry.user == user_id:
            return
        _unindex(self._users, entry.user, peer)
        before = entry.accounts
        entry.user = user_id
        entry.claims.discard(user_id)
        _index(self._users, user_id, peer)
        self._index_account(peer, entry, before)

    def attach_service(self, peer: Peer, account: str, service_id: str) -> None:
        """Let a connection receive for a service, instead of those that logged in before.

        What was kept for the service comes at once, unless somebody holds it for this connection.
        A repeated login changes nothing (platform.md 3.4). With an empty `service_id` only the
        account is logged in. The login of another account ends those of the services before.
        """
        entry = self._peers.get(peer)
        if entry is None:
            return
        if entry.account != account:
            self._detach_services(peer, entry)
            before = entry.accounts
            entry.account = account
            entry.claims.discard(account)
            self._index_account(peer, entry, before)
        if service_id and service_id not in entry.services:
            entry.services.add(service_id)
            _index(self._services, service_id, peer)
            if not peer.speaker.holder:
                self._deliver_all(self.holds.release(service_id))

    def remove(self, peer: Peer) -> None:
        """Forget a connection; the one before it receives for its services again."""
        self._strangers.pop(peer, None)
        entry = self._peers.pop(peer, None)
        if entry is None:
            return
        _unindex(self._users, entry.user, peer)
        self._detach_services(peer, entry)
        for account in entry.accounts:
            _unindex(self._accounts, account, peer)

    def _detach_services(self, peer: Peer, entry: _Entry) -> None:
        for service_id in entry.services:
            _unindex(self._services, service_id, peer)
        entry.services.clear()

    def _index_account(self, peer: Peer, entry: _Entry, before: set[str]) -> None:
        now = entry.accounts
        self._strangers.pop(peer, None)
        for account in before - now:
            _unindex(self._accounts, account, peer)
        for account in now - before:
            _index(self._accounts, account, peer)

    def deliver(self, delivery: Delivery) -> None:
        """Hand a delivery to the sockets it is for."""
        DELIVER[type(delivery)](self, delivery)

    def _to_users(self, delivery: ToUsers) -> None:
        users = self._users
        peers = [peer for user in delivery.users for peer in users.get(user, ())]
        _send(peers, delivery.frame, delivery.named)

    def _to_service(self, delivery: ToService) -> None:
        peers = self._services.get(delivery.service_id)
        if not self.holds.takes(delivery, is_connected=bool(peers)) and peers:
            _send([next(reversed(peers))], delivery.frame, delivery.named)

    def resume(self, service_id: str, holder: str, seconds: float) -> None:
        """Deliver what was kept for a service that is ready again; see `Holds.resume`."""
        self._deliver_all(self.holds.resume(service_id, holder, seconds))

    def _deliver_held(self, service_id: str, kept: Iterable[ToService]) -> bool:
        if service_id not in self._services:
            return False
        self._deliver_all(kept)
        return True

    def _deliver_all(self, kept: Iterable[ToService]) -> None:
        for delivery in kept:
            self._to_service(delivery)

    def _close_account(self, delivery: Farewell) -> None:
        for peer in tuple(self._accounts.get(delivery.user_id, ())):
            peer.close(GOING_AWAY, "the logins of this account have ended")


def _send(peers: Iterable[Peer], frame: Frame, named: Sequence[str]) -> None:
    """Send a frame to many; it is encoded once for each dialect among them."""
    ready: dict[Dialect, tuple[Parcel, ...]] = {}
    for peer in peers:
        dialect = peer.speaker.dialect
        if dialect not in ready:
            ready[dialect] = parcels(frame, dialect, named)
        for parcel in ready[dialect]:
            peer.send(parcel)


def _index(index: Index, key: str, peer: Peer) -> None:
    if key:
        index.setdefault(key, {})[peer] = None


def _unindex(index: Index, key: str, peer: Peer) -> None:
    peers = index.get(key)
    if peers is not None:
        peers.pop(peer, None)
        if not peers:
            del index[key]


DELIVER: Mapping[type, Callable[[Hub, Any], None]] = {
    ToUsers: Hub._to_users,
    ToService: Hub._to_service,
    Farewell: Hub._close_account,
}
