"""Whatever people do: the rules keep their promises, and replaying the events gives the state."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from moobius.local.model import accounts, actions, channels, groups, messages, services
from moobius.local.model.accounts import NewTokens
from moobius.local.model.actions import ACTIONS, act
from moobius.local.model.apply import apply
from moobius.local.model.commands import Action, MessageDown, MessageUp, Update
from moobius.local.model.events import Event, MessageStored, decode, encode
from moobius.local.model.messages import message_down, message_up, update
from moobius.local.model.outcome import Moment, Outcome, Quotas, ToService, ToUsers
from moobius.local.model.refusal import Refused
from moobius.local.model.soundness import contradictions
from moobius.local.model.state import State
from moobius.local.model.story import story_of
from moobius.local.store.snapshots import parts_of, state_of
from tests.support.thorough import times

some = st.integers(0, 5)


class Platform(RuleBasedStateMachine):
    """Random commands from people who know only some of the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.state = State()
        self.restarted = State()
        self.events: list[Event] = []
        self.histories: dict[str, set[str]] = {}
        self.quotas = Quotas()
        self.now = 0
        self.made = 0

    def new_id(self) -> str:
        self.made += 1
        return f"id-{self.made}"

    def do(self, command: Callable[..., Outcome], *args: Any) -> Outcome | None:
        self.now += 1
        before = [*parts_of(self.state)]
        try:
            moment = Moment(self.now, lambda: self.now, self.new_id, self.quotas)
            outcome = command(self.state, moment, *args)
        except Refused:
            outcome = None
        assert [*parts_of(self.state)] == before, "a command changed the state by itself"
        for event in outcome.events if outcome else ():
            self.events.append(event)
            apply(self.state, event)
            apply(self.restarted, event)
            if isinstance(event, MessageStored):
                self.check_history(event)
        return outcome

    @rule()
    def snapshot(self) -> None:
        self.restarted = state_of(parts_of(self.state))

    def check_history(self, event: MessageStored) -> None:
        """A message enters the histories of members, once each, and never another's."""
        assert event.owners
        assert set(event.owners) <= set(self.state.channels[event.channel_id].members)
        assert "recipients" not in event.message
        for owner in event.owners:
            kept = self.histories.setdefault(owner, set())
            assert event.message_id not in kept
            kept.add(event.message_id)

    def pick(self, index: int, known: Any) -> str:
        found = [*known, "unknown"]
        return str(found[index % len(found)])

    def user(self, index: int) -> str:
        return self.pick(index, self.state.accounts)

    def channel(self, index: int) -> str:
        return self.pick(index, self.state.channels)

    def characters(self, indexes: list[int]) -> tuple[str, ...]:
        known = [*self.state.accounts, *self.state.agents, "service"]
        return tuple(self.pick(index, known) for index in indexes) * 50  # so that some count twice

    @initialize(most=st.sampled_from([math.inf, 3, 1]))
    def begin(self, most: float) -> None:
        self.quotas = Quotas(most, most, most, most, most, most, 400 * most, most)
        for name in ("ada", "bob"):
            self.do(accounts.sign_up, f"{name}@x", "hash")
        self.do(channels.create_channel, self.user(0), "room", "")
        self.do(services.create_service, self.user(0), "")
        self.do(services.bind, self.user(0), self.channel(0), self.pick(0, self.state.services))

    @rule(who=some, confirmed=st.booleans())
    def sign_up(self, who: int, confirmed: bool) -> None:
        def command(*given: Any) -> Outcome:
            return accounts.sign_up(*given, confirmed=confirmed)

        self.do(command, f"Person{who}@x", "hash")

    @rule(who=some)
    def password(self, who: int) -> None:
        self.do(accounts.reset_password, self.user(who), "another hash")

    @rule(who=some)
    def confirm(self, who: int) -> None:
        self.do(accounts.confirm, self.user(who))

    @rule(who=some, life=st.integers(1, 5))
    def sign_in(self, who: int, life: int) -> None:
        tokens = NewTokens(self.new_id(), self.new_id(), life, life * 2)
        self.do(accounts.sign_in, self.user(who), tokens)

    @rule(which=some)
    def sign_out(self, which: int) -> None:
        self.do(accounts.sign_out, self.pick(which, self.state.tokens))

    @rule(which=some, life=st.integers(1, 5))
    def refresh(self, which: int, life: int) -> None:
        digest = self.pick(which, self.state.tokens)
        self.do(accounts.refresh, digest, self.new_id(), life)

    @rule(who=some)
    def delete_account(self, who: int) -> None:
        if who == 5:  # seldom, or nobody would be left
            self.do(accounts.delete_account, self.user(who))

    @rule(who=some, name=st.sampled_from([None, "New"]))
    def edit_profile(self, who: int, name: str | None) -> None:
        self.do(accounts.edit_profile, self.user(who), name, None, "about")

    @rule(who=some)
    def create_channel(self, who: int) -> None:
        self.do(channels.create_channel, self.user(who), "room", "")

    @rule(who=some, where=some)
    def rename(self, who: int, where: int) -> None:
        self.do(channels.update_channel, self.user(who), self.channel(where), "other", None)

    @rule(who=some, what=st.sampled_from(sorted(ACTIONS)), where=some)
    def act(self, who: int, what: str, where: int) -> None:
        outcome = self.do(act, self.user(who), Action(what, self.channel(where)))
        self.check_deliveries(outcome)

    @rule(who=some)
    def create_service(self, who: int) -> None:
        self.do(services.create_service, self.user(who), "")

    @rule(
        who=some, where=some, which=some, command=st.sampled_from([services.bind, services.unbind])
    )
    def binding(self, who: int, where: int, which: int, command: Any) -> None:
        service = self.pick(which, self.state.services)
        self.do(command, self.user(who), self.channel(where), service)

    @rule(who=some, which=some)
    def create_agent(self, who: int, which: int) -> None:
        service = self.pick(which, self.state.services)
        self.do(services.create_agent, self.user(who), service, "Owl", "", "")

    @rule(who=some, which=some, whom=some, name=st.sampled_from([None, "Eagle"]))
    def update_agent(self, who: int, which: int, whom: int, name: str | None) -> None:
        service, agent = self.pick(which, self.state.services), self.pick(whom, self.state.agents)
        self.do(services.update_agent, self.user(who), service, agent, name, None, "wise")

    @rule(who=some, name=st.sampled_from(["one", "two"]))
    def open_project(self, who: int, name: str) -> None:
        first = self.do(services.open_project, self.user(who), "project", name)
        again = self.do(services.open_project, self.user(who), "project", name)
        assert (first and first.data) == (again and again.data)  # both None: one too many

    @rule(who=some, where=some, whom=st.lists(some, max_size=3), kind=st.integers(0, 4))
    def group(self, who: int, where: int, whom: list[int], kind: int) -> None:
        caller, place, listed = self.user(who), self.channel(where), self.characters(whom)
        mine = self.pick(kind, self.state.channel_groups.get((caller, place), {}))
        commands: list[tuple[Any, ...]] = [
            (groups.create_service_group, caller, listed),
            (groups.create_user_group, caller, place, "name", listed),
            (groups.update_user_group, caller, place, mine, None, listed),
            (groups.delete_user_group, caller, place, mine),
            (groups.set_temp_group, caller, place, listed),
        ]
        self.do(*commands[kind])

    @rule(who=some, where=some, to=st.lists(some, max_size=3), how=st.integers(0, 2))
    def message_up(self, who: int, where: int, to: list[int], how: int) -> None:
        inline = self.characters(to)
        recipients = (inline, "service", None)[how]
        command = MessageUp("text", self.channel(where), {"text": "hi"}, recipients)
        outcome = self.do(message_up, self.user(who), command)
        self.check_deliveries(outcome)

    @rule(which=some, to=st.lists(some, max_size=3), group=some, inline=st.booleans())
    def message_down(self, which: int, to: list[int], group: int, inline: bool) -> None:
        recipients = self.characters(to) if inline else self.pick(group, self.state.groups)
        for service in list(self.state.services.values())[which : which + 1]:
            for place in service.channels:
                command = MessageDown("text", place, {"text": "x"}, "OWL", recipients)
                outcome = self.do(message_down, service.owner, service.service_id, command)
                self.check_deliveries(outcome)
                shown = Update("characters", place, {"characters": recipients}, recipients)
                self.check_deliveries(self.do(update, service.owner, service.service_id, shown))

    def check_deliveries(self, outcome: Outcome | None) -> None:
        for delivery in outcome.deliveries if outcome else ():
            if isinstance(delivery, ToUsers):
                body = delivery.frame["body"]
                members = self.state.channels[body["channel_id"]].members
                assert set(delivery.users) <= set(members), "only members receive"
                assert len(set(delivery.users)) == len(delivery.users), "each once"
                assert "recipients" not in body
            if isinstance(delivery, ToService):
                body = delivery.frame["body"]
                bound = self.state.channels[body["channel_id"]].service_id
                assert bound == delivery.service_id
                assert "message_id" in body or delivery.frame["type"] == "action"

    @invariant()
    def everything_agrees(self) -> None:
        assert [*contradictions(self.state)] == []

    @invariant()
    def nobody_has_too_much(self) -> None:
        """What can be refused is; of the rest the oldest goes, unless it is still in use."""
        state, most = self.state, self.quotas.groups
        for counts in (state.group_counts, state.created_channels):
            assert all(count <= most for count in counts.values())
        for sets in (state.owned_services, state.logins):
            assert all(len(each) <= most for each in sets.values())
        assert all(len(each) <= most + 1 for each in state.families.values())
        assert all(len(each.agents) <= most for each in state.services.values())
        assert all(size <= self.quotas.texts for size in state.texts.values())
        in_use = {*state.shown.values(), *state.temp_groups.values()}
        for lists in state.member_lists.values():
            assert len(in_use.union(lists.values())) <= max(most, len(in_use) + 2)

    def teardown(self) -> None:
        replayed = State()
        for event in self.events:
            apply(replayed, decode(encode(event)))
        retold = State()
        for event in story_of(self.state):
            apply(retold, decode(encode(event)))
        wanted = [*parts_of(self.state)]  # says more than equality: the order of everything
        assert [*parts_of(replayed)] == wanted, "all events"
        assert [*parts_of(self.restarted)] == wanted, "a snapshot and the events since"
        for state in (replayed, self.restarted, retold):
            assert state == self.state
            assert members_in_order(state) == members_in_order(self.state)


def commands_of(module: ModuleType) -> set[str]:
    """Return the names of what a module can be told to do."""
    functions = inspect.getmembers(module, inspect.isfunction)
    return {
        name
        for name, each in functions
        if each.__module__ == module.__name__ and each.__annotations__.get("return") == "Outcome"
    }


@pytest.mark.parametrize("module", [accounts, actions, channels, groups, messages, services])
def test_every_command_is_among_the_random_ones(module: ModuleType) -> None:
    rules = inspect.getsource(Platform)
    assert commands_of(module)
    missing = {name for name in commands_of(module) if not re.search(rf"\b{name}\b", rules)}
    assert missing == set()


def members_in_order(state: State) -> list[Any]:
    """Return what is shown in the order of joining, by channel and by person."""
    by_channel = [(key, [*each.members]) for key, each in state.channels.items()]
    return [by_channel, sorted((key, [*each]) for key, each in state.memberships.items())]


TestPlatform = Platform.TestCase
TestPlatform.settings = settings(
    max_examples=times(40),
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
