"""Who receives what over which connection (platform.md 4.7); the connections keep what they get."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.local.hub import Hub
from moobius.local.model.outcome import Farewell, ToService, ToUsers
from moobius.local.speaker import Speaker
from moobius.local.wire.dialects import Dialect
from moobius.local.wire.outbound import Parcel


class Ear:
    """A connection that remembers."""

    def __init__(self) -> None:
        self.speaker = Speaker("ear")
        self.parcels: list[Parcel] = []
        self.closed_with: int | None = None

    @property
    def heard(self) -> list[Any]:
        return [parcel.frame["type"] for parcel in self.parcels]

    def send(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)

    def close(self, code: int, reason: str) -> None:
        self.closed_with = code

    def cut(self) -> None:
        self.closed_with = 0


@pytest.fixture
def hub() -> Hub:
    return Hub()


def connected(hub: Hub) -> Ear:
    ear = Ear()
    hub.add(ear)
    return ear


def test_every_connection_of_a_user_receives(hub: Hub) -> None:
    phone, desk, other = connected(hub), connected(hub), connected(hub)
    hub.attach_user(phone, "ada")
    hub.attach_user(desk, "ada")
    hub.attach_user(other, "bob")
    hub.deliver(ToUsers(("ada",), {"type": "x"}))
    assert (phone.heard, desk.heard, other.heard) == (["x"], ["x"], [])


def test_the_latest_login_of_a_service_receives_until_it_goes(hub: Hub) -> None:
    older, newer = connected(hub), connected(hub)
    hub.attach_service(older, "ada", "SVC")
    hub.attach_service(newer, "ada", "SVC")
    hub.deliver(ToService("SVC", {"type": "1"}))
    hub.remove(newer)
    hub.deliver(ToService("SVC", {"type": "2"}))
    hub.attach_service(older, "ada", "SVC")
    hub.remove(older)
    hub.deliver(ToService("SVC", {"type": "3"}))
    assert (newer.heard, older.heard) == (["1"], ["2"])


def test_the_roles_of_one_account_are_separate(hub: Hub) -> None:
    page, program = connected(hub), connected(hub)
    hub.attach_user(page, "ada")
    hub.attach_service(program, "ada", "SVC")
    hub.deliver(ToUsers(("ada",), {"type": "down"}))
    hub.deliver(ToService("SVC", {"type": "up"}))
    assert (page.heard, program.heard) == (["down"], ["up"])


def test_a_deleted_account_is_hung_up_on(hub: Hub) -> None:
    gone, stays = connected(hub), connected(hub)
    hub.attach_user(gone, "ada")
    hub.attach_user(stays, "bob")
    hub.deliver(Farewell("ada"))
    assert (gone.closed_with, stays.closed_with) == (1001, None)


def test_a_deleted_account_is_hung_up_on_in_every_role(hub: Hub) -> None:
    both, former = connected(hub), connected(hub)
    hub.attach_user(both, "bob")
    hub.attach_service(both, "ada", "SVC")
    hub.attach_user(former, "ada")
    hub.attach_user(former, "bob")  # another login on the same connection
    hub.deliver(Farewell("ada"))
    assert (both.closed_with, former.closed_with) == (1001, None)


def test_a_connection_serves_one_account_at_a_time(hub: Hub) -> None:
    ear = connected(hub)
    hub.attach_service(ear, "ada", "SVC")
    hub.attach_service(ear, "bob", "OTHER")
    hub.deliver(ToService("SVC", {"type": "1"}))
    hub.deliver(ToService("OTHER", {"type": "2"}))
    assert ear.heard == ["2"]


def test_a_repeated_login_does_not_take_over(hub: Hub) -> None:
    older, newer = connected(hub), connected(hub)
    hub.attach_service(older, "ada", "SVC")
    hub.attach_service(newer, "ada", "SVC")
    hub.attach_service(older, "ada", "SVC")
    hub.deliver(ToService("SVC", {"type": "1"}))
    assert (older.heard, newer.heard) == ([], ["1"])


def test_a_frame_is_encoded_once_for_each_dialect(hub: Hub) -> None:
    ears = [connected(hub) for _ in range(4)]
    for number, ear in enumerate(ears):
        hub.attach_user(ear, f"user {number}")
        ear.speaker.dialect = (Dialect.D2, Dialect.D1)[number % 2]
    body = {"subtype": "canvas", "channel_id": "CH", "content": []}
    users = tuple(f"user {number}" for number in range(4))
    hub.deliver(ToUsers(users, {"type": "update", "body": body}))
    modern, older, modern_too, older_too = (ear.parcels[0] for ear in ears)
    assert modern is modern_too
    assert older is older_too
    assert [modern.frame["body"]["subtype"], older.frame["body"]["subtype"]] == [
        "canvas",
        "update_canvas",
    ]


def test_who_is_connected_can_be_counted(hub: Hub) -> None:
    assert (len(hub), hub.users, hub.services) == (0, 0, 0)
    phone, desk, program = connected(hub), connected(hub), connected(hub)
    hub.attach_user(phone, "ada")
    hub.attach_user(desk, "ada")
    hub.attach_service(program, "ada", "SVC")
    hub.attach_service(program, "ada", "OTHER")
    assert (len(hub), hub.users, hub.services) == (3, 1, 2)
    assert (hub.connections_of("ada"), hub.connections_of("bob")) == (3, 0)
    for ear in (phone, desk, program):
        hub.remove(ear)
    assert (len(hub), hub.users, hub.services, hub.connections_of("ada")) == (0, 0, 0, 0)


def test_a_login_takes_its_place_before_it_is_answered(hub: Hub) -> None:
    phone, desk, program = connected(hub), connected(hub), connected(hub)
    assert [hub.claim(ear, "ada", 2) for ear in (phone, desk, program)] == [True, True, False]
    assert hub.claim(phone, "ada", 2), "it has its place already"
    hub.attach_user(phone, "ada")
    hub.attach_service(phone, "ada", "SVC")
    assert not hub.claim(program, "ada", 2)
    hub.remove(desk)
    assert hub.claim(program, "ada", 2)
    hub.deliver(ToUsers(("ada",), {"type": "x"}))
    assert program.heard == [], "only its answer lets it receive"
    hub.attach_user(program, "ada")
    hub.claim(program, "bob", 2)
    hub.attach_user(program, "bob")
    assert (hub.connections_of("ada"), hub.connections_of("bob")) == (1, 1)
    for ear in (phone, program):
        hub.remove(ear)
    assert (hub.connections_of("ada"), hub.connections_of("bob")) == (0, 0)


def test_the_oldest_strangers_are_sent_away(hub: Hub) -> None:
    member, *strangers = (connected(hub) for _ in range(5))
    hub.attach_user(member, "ada")
    hub.send_strangers_away(2)
    hub.send_strangers_away(2)
    assert [ear.closed_with for ear in strangers] == [1013, 1013, None, None]
    assert (hub.strangers, member.closed_with) == (2, None)


def test_one_of_many_leaves_at_the_price_of_its_own_entries(hub: Hub) -> None:
    class Spy(dict[str, Any]):
        walked = 0

        def __iter__(self) -> Any:
            Spy.walked += 1
            return super().__iter__()

        def items(self) -> Any:
            Spy.walked += 1
            return super().items()

    hub._users, hub._services, hub._accounts = Spy(), Spy(), Spy()
    ear = connected(hub)
    hub.attach_user(ear, "ada")
    hub.attach_service(ear, "ada", "SVC")
    hub.deliver(Farewell("ada"))
    hub.remove(ear)
    assert Spy.walked == 0


def test_who_has_gone_cannot_be_attached_any_more(hub: Hub) -> None:
    ear = connected(hub)
    hub.remove(ear)
    hub.attach_user(ear, "ada")
    hub.attach_service(ear, "ada", "SVC")
    hub.deliver(ToUsers(("ada",), {"type": "x"}))
    hub.deliver(ToService("SVC", {"type": "x"}))
    assert ear.heard == []
    assert len(hub) == 0
