"""The rules for messages, without a server: time and ids are ours."""

from __future__ import annotations

import itertools

import pytest

from moobius.local.model import accounts, channels, services
from moobius.local.model.apply import apply
from moobius.local.model.commands import MessageDown, MessageUp, Update
from moobius.local.model.events import CharactersShown, GroupCreated, MessageStored
from moobius.local.model.messages import message_down, message_up, update
from moobius.local.model.outcome import Moment, Outcome, ToService, ToUsers
from moobius.local.model.refusal import Code, Refused
from moobius.local.model.state import State

NOW = 1719000000000
TEXT = {"text": "hello"}


class World:
    """A state in which Ada (id-1) has made a channel (id-2) and, if asked, a service."""

    def __init__(self, bound: bool) -> None:
        ids = (f"id-{number}" for number in itertools.count(1))
        self.state = State()
        self.moment = Moment(NOW, lambda: NOW, lambda: next(ids))
        self.ada = self.do(accounts.sign_up(self.state, self.moment, "ada@x", "")).data
        made = self.do(channels.create_channel(self.state, self.moment, self.ada, "room", ""))
        self.channel: str = made.data["channel_id"]
        self.service = ""
        if bound:
            made = self.do(services.create_service(self.state, self.moment, self.ada, ""))
            self.service = made.data["service_id"]
            bind = services.bind(self.state, self.moment, self.ada, self.channel, self.service)
            self.do(bind)

    def do(self, outcome: Outcome) -> Outcome:
        for event in outcome.events:
            apply(self.state, event)
        return outcome

    def up(self, recipients: str | tuple[str, ...] | None) -> Outcome:
        command = MessageUp("text", self.channel, TEXT, recipients)
        return self.do(message_up(self.state, self.moment, self.ada, command))

    def down(self, recipients: str | tuple[str, ...] | None) -> Outcome:
        command = MessageDown("text", self.channel, TEXT, "OWL", recipients)
        return self.do(message_down(self.state, self.moment, self.ada, self.service, command))


def test_a_message_up_goes_to_the_service_and_into_its_authors_history() -> None:
    world = World(bound=True)
    outcome = world.up("service")
    (stored,) = outcome.events
    assert isinstance(stored, MessageStored)
    assert stored.owners == (world.ada,)
    assert stored.timestamp == NOW
    (delivery,) = outcome.deliveries
    assert isinstance(delivery, ToService)
    assert delivery.service_id == world.service


def test_equal_inline_lists_share_a_group() -> None:
    world = World(bound=True)
    kinds = [[type(event) for event in world.up((world.ada, "OWL")).events] for _ in range(2)]
    assert kinds == [[GroupCreated, MessageStored], [MessageStored]]


def test_an_empty_list_means_nobody_and_not_everybody() -> None:
    world = World(bound=False)
    (delivery,) = world.up(()).deliveries
    assert delivery == ToUsers((), delivery.frame)  # type: ignore[union-attr]
    (delivery,) = world.up(None).deliveries
    assert isinstance(delivery, ToUsers)
    assert delivery.users == (world.ada,)


@pytest.mark.parametrize("recipients", ["service", "", None, ()])
def test_a_message_down_to_nobody_is_kept_by_nobody(recipients: str | None) -> None:
    outcome = World(bound=True).down(recipients)
    assert outcome.events == []
    assert outcome.deliveries == [ToUsers((), outcome.deliveries[0].frame)]  # type: ignore[union-attr]


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(Refused, match="Group not found: no such") as refused:
        World(bound=True).down("no such")
    assert refused.value.code is Code.NOT_FOUND


def test_showing_the_same_characters_again_is_no_news() -> None:
    world = World(bound=True)
    command = Update("characters", world.channel, {"characters": ("OWL",)}, (world.ada,))
    kinds = []
    for _ in range(2):
        outcome = update(world.state, world.moment, world.ada, world.service, command)
        kinds.append([type(event) for event in world.do(outcome).events])
        assert len(outcome.deliveries) == 1
    assert kinds == [[GroupCreated, CharactersShown], []]
