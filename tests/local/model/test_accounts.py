"""Logins and what an account leaves behind, without a server: time and ids are ours."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from moobius.local.model import accounts, channels, services
from moobius.local.model.accounts import NewTokens
from moobius.local.model.apply import apply
from moobius.local.model.outcome import Moment, Outcome, Quotas
from moobius.local.model.refusal import Refused
from moobius.local.model.soundness import contradictions
from moobius.local.model.state import State

DAY = 24 * 3_600_000


class World:
    """A state, and commands that change it."""

    def __init__(self, **quotas: float) -> None:
        self._ids = itertools.count(1)
        self.state = State()
        self.now = 0
        self.quotas = Quotas(**quotas)
        self.ada: str = self.do(accounts.sign_up, "ada@x", "").data

    def new_id(self) -> str:
        return f"id-{next(self._ids)}"

    def do(self, command: Callable[..., Outcome], *args: Any) -> Outcome:
        moment = Moment(self.now, lambda: self.now, self.new_id, self.quotas)
        outcome = command(self.state, moment, *args)
        for event in outcome.events:
            apply(self.state, event)
        assert [*contradictions(self.state)] == []
        return outcome

    def sign_in(self) -> str:
        """Return the digest of the refresh token."""
        refresh = self.new_id()
        self.do(accounts.sign_in, self.ada, NewTokens(self.new_id(), refresh, DAY, 30 * DAY))
        return refresh


def test_an_account_has_so_many_logins_and_the_oldest_ends() -> None:
    world = World(logins=3)
    refreshing = [world.sign_in() for _ in range(5)]
    assert [each in world.state.tokens for each in refreshing] == [False, False, True, True, True]
    assert len(world.state.tokens) == 6


def test_a_login_has_so_many_access_tokens_and_the_oldest_ends() -> None:
    world = World(tokens=3)
    refresh = world.sign_in()
    given = [world.new_id() for _ in range(5)]
    for each in given:
        world.do(accounts.refresh, refresh, each, DAY)
    assert [*world.state.tokens] == [refresh, *given[-3:]]


def test_a_refresh_forgets_what_has_expired_of_its_login() -> None:
    world = World()
    refresh = world.sign_in()
    for day in range(20):
        world.now = day * DAY
        world.do(accounts.refresh, refresh, f"day {day}", DAY)
    assert [*world.state.tokens] == [refresh, "day 19"]


def test_logins_that_are_over_do_not_pile_up() -> None:
    world = World()
    for day in range(100):
        world.now = day * DAY
        world.sign_in()
    assert len(world.state.families) == 30, "as many as are good for something"


def test_a_deleted_account_takes_its_agents_with_it() -> None:
    world = World()
    service = world.do(services.create_service, world.ada, "").data["service_id"]
    agent = world.do(services.create_agent, world.ada, service, "Owl", "", "").data["character_id"]
    assert [*accounts.profiles(world.state, [agent])]
    world.do(accounts.delete_account, world.ada)
    assert [*accounts.profiles(world.state, [agent])] == []


def test_an_account_has_so_many_channels_services_and_agents() -> None:
    world = World(channels=2, services=2, agents=2)
    made: list[Any] = []
    for _ in range(2):
        world.do(channels.create_channel, world.ada, "room", "")
        made.append(world.do(services.create_service, world.ada, "").data["service_id"])
    for command, args, what in (
        (channels.create_channel, (world.ada, "room", ""), "created 2 channels"),
        (services.create_service, (world.ada, ""), "has 2 services"),
        (services.open_project, (world.ada, "project", "main"), "has 2 services"),
    ):
        with pytest.raises(Refused, match=what):
            world.do(command, *args)
    agent = (world.ada, made[0], "Owl", "", "")
    world.do(services.create_agent, *agent)
    world.do(services.create_agent, *agent)
    with pytest.raises(Refused, match="has 2 agents"):
        world.do(services.create_agent, *agent)
    world.do(services.create_agent, world.ada, made[1], "Owl", "", "")
