"""A channel's members as a group: any list they ever were can be had, and few are kept whole."""

from __future__ import annotations

import itertools
import random

from moobius.local.model.actions import act
from moobius.local.model.apply import apply
from moobius.local.model.commands import Action, MessageUp
from moobius.local.model.events import AccountCreated, ChannelCreated, Event, decode, encode
from moobius.local.model.member_groups import member_group
from moobius.local.model.messages import message_up
from moobius.local.model.outcome import Moment, Outcome, ToUsers
from moobius.local.model.state import State
from moobius.local.model.story import story_of
from moobius.local.store.snapshots import parts_of, state_of

ROOM = "ROOM"


class Crowd:
    """A channel without a service, and what has happened in it."""

    def __init__(self, people: int) -> None:
        ids = (f"id-{number}" for number in itertools.count(1))
        self.state = State()
        self.moment = Moment(7, lambda: 7, lambda: next(ids))
        self.events: list[Event] = []
        self.people = [f"person-{number}" for number in range(people)]
        self.keep([AccountCreated(each, each, "", each) for each in self.people])
        self.keep([ChannelCreated(ROOM, "room", "", self.people[0])])

    def keep(self, events: list[Event]) -> None:
        for event in events:
            apply(self.state, event)
        self.events += events

    def act(self, user_id: str, subtype: str) -> Outcome:
        outcome = act(self.state, self.moment, user_id, Action(subtype, ROOM))
        self.keep(outcome.events)
        return outcome

    def shown_by(self, outcome: Outcome) -> str:
        (delivery,) = outcome.deliveries
        assert isinstance(delivery, ToUsers)
        assert delivery.named == tuple(self.state.channels[ROOM].members)
        return str(delivery.frame["body"]["content"]["characters"])


def test_any_list_of_members_there_was_is_had_for_ever() -> None:
    crowd, dice = Crowd(60), random.Random(7)
    lists: dict[str, tuple[str, ...]] = {}
    for _ in range(600):
        members = crowd.state.channels[ROOM].members
        person = dice.choice(crowd.people)
        outcome = crowd.act(person, "leave" if person in members else "join")
        if members:
            lists[crowd.shown_by(outcome)] = tuple(members)
    again = State()
    for event in story_of(crowd.state):
        apply(again, decode(encode(event)))
    for state in (crowd.state, again, state_of(parts_of(crowd.state))):
        for group_id, members_then in lists.items():
            group = state.group(group_id)
            assert group is not None
            assert group.characters == members_then


def test_what_is_kept_grows_with_what_happens_and_not_with_its_square() -> None:
    sizes = []
    for people in (200, 800):
        crowd = Crowd(people)
        for person in crowd.people:
            crowd.act(person, "join")
        journal = sum(len(encode(event)) for event in crowd.events)
        snapshot = sum(len(part.body) for part in parts_of(crowd.state))
        longest = max(len(crowd.state.lineage(each)) for each in crowd.state.groups.values())
        assert longest <= people
        sizes.append((journal, snapshot))
    for few, many in zip(*sizes, strict=True):
        assert many < 5 * few, "four times the people"


def test_the_same_members_are_the_same_group() -> None:
    crowd = Crowd(3)
    crowd.act("person-0", "join")
    first = crowd.shown_by(crowd.act("person-1", "join"))
    kinds = [type(event).__name__ for event in crowd.events]
    for _ in range(2):
        assert crowd.act("person-1", "refresh").events == []
    assert [type(event).__name__ for event in crowd.events] == kinds
    assert first == crowd.state.member_groups[ROOM]


def test_who_came_back_has_forgotten_what_was_shown_before() -> None:
    crowd = Crowd(3)
    for person in crowd.people:
        crowd.act(person, "join")
    crowd.act("person-2", "leave")
    assert ("person-2", ROOM) not in crowd.state.shown
    crowd.act("person-0", "leave")
    crowd.act("person-2", "join")
    command = MessageUp("text", ROOM, {"text": "to all"})
    outcome = message_up(crowd.state, crowd.moment, "person-2", command)
    (delivery,) = outcome.deliveries
    assert isinstance(delivery, ToUsers)
    assert delivery.users == ("person-1", "person-2")


def test_who_went_and_came_back_unseen_stands_last() -> None:
    crowd = Crowd(3)
    lists = [("a", "b", "c"), ("b", "c", "a"), ("b", "a"), ("a", "b", "c"), ("a", "c", "d")]
    made = []
    for members in lists:  # as after a service was there for a while, which shows them itself
        outcome = Outcome()
        group = member_group(crowd.state, crowd.moment, outcome, ROOM, members)
        crowd.keep(outcome.events)
        made.append(group.group_id)
    found = [crowd.state.group(each) for each in made]
    assert [each.characters for each in found if each is not None] == lists
