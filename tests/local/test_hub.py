"""Who receives what over which connection (platform.md 4.7); the connections keep what they get."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moobius.local.hub import Hub
from moobius.local.model.outcome import Farewell, ToService, ToUsers


class Ear:
    """A connection that remembers."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.closed_with: int | None = None

    def send(self, text: str) -> None:
        self.heard.append(json.loads(text)["type"])

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


def test_who_has_gone_cannot_be_attached_any_more(hub: Hub) -> None:
    ear = connected(hub)
    hub.remove(ear)
    hub.attach_user(ear, "ada")
    hub.attach_service(ear, "ada", "SVC")
    hub.deliver(ToUsers(("ada",), {"type": "x"}))
    hub.deliver(ToService("SVC", {"type": "x"}))
    assert ear.heard == []
    assert len(hub) == 0
