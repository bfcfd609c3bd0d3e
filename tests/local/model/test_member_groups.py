"""A channel's members as a group: any list they ever were can be had, and few are kept whole."""

from __future__ import annotations

import itertools
import random

from moobius.local.model.actions import act
from moobius.local.model.apply import apply
from moobius.local.model.commands import Action, MessageUp
from moobius.local.model.events import (
    AccountCreated,
    ChannelCreated,
    CharactersShown,
    Event,
    GroupCreated,
    decode,
    encode,
)
from moobius.local.model.member_groups import member_group
from moobius.local.model.messages import message_up
from moobius.local.model.outcome import Moment, Outcome, Quotas, ToUsers
from moobius.local.model.soundness import contradictions
from moobius.local.model.state import State
from moobius.local.model.story import story_of
from moobius.local.store.snapshots import parts_of, state_of

ROOM = "ROOM"


class Crowd:
    """A channel without a service, and what has happened in it."""

    def __init__(self, people: int, quotas: Quotas = Quotas()) -> None:  # noqa: B008 - frozen
        ids = (f"id-{number}" for number in itertools.count(1))
        self.state = State()
        self.moment = Moment(7, lambda: 7, lambda: next(ids), quotas)
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


def test_coming_and_going_in_a_loop_makes_no_more_groups() -> None:
    crowd = Crowd(4)
    for person in crowd.people:
        crowd.act(person, "join")

    def shuffle() -> list[str]:
        moves = itertools.product(("person-1", "person-2"), ("leave", "join"))
        return [crowd.shown_by(crowd.act(person, move)) for person, move in moves]

    shuffle()
    made = {name: shuffle() for name in ("first", "second")}
    before = len(crowd.state.groups)
    assert made["first"] == made["second"]
    for _ in range(50):
        assert shuffle() == made["first"]
    assert len(crowd.state.groups) == before


def test_a_channel_has_only_so_many_lists_and_what_somebody_sees_is_kept() -> None:
    crowd, dice = Crowd(30, Quotas(member_lists=20)), random.Random(7)
    for person in crowd.people:
        crowd.act(person, "join")
    seen_elsewhere = crowd.state.member_groups[ROOM]
    lists = {seen_elsewhere: tuple(crowd.people)}
    crowd.keep([ChannelCreated("ELSEWHERE", "elsewhere", "", "person-0")])
    crowd.keep([CharactersShown("ELSEWHERE", seen_elsewhere, ("person-0",))])
    for _ in range(300):
        members = crowd.state.channels[ROOM].members
        person = dice.choice(crowd.people)
        shown = crowd.shown_by(crowd.act(person, "leave" if person in members else "join"))
        lists[shown] = tuple(members)
        assert len(crowd.state.groups) <= 20
        for group_id in crowd.state.groups:
            group = crowd.state.group(group_id)
            assert group is not None
            if group_id in lists:
                assert group.characters == lists[group_id]
        assert [*contradictions(crowd.state)] == []
    assert len(lists) > 200
    latest = [*lists][-9:]
    assert all(each in crowd.state.groups for each in (seen_elsewhere, *latest))
    again = State()
    for event in crowd.events:
        apply(again, decode(encode(event)))
    assert again == crowd.state
    assert state_of(parts_of(crowd.state)) == crowd.state


def test_the_latest_list_is_kept_although_nobody_was_shown_it() -> None:
    crowd = Crowd(3, Quotas(member_lists=2))
    for number in range(20):  # as when messages are said in a channel that a service has left
        outcome, members = Outcome(), [f"person-{number}", f"person-{number + 1}"]
        group = member_group(crowd.state, crowd.moment, outcome, ROOM, members)
        crowd.keep(outcome.events)
        found = crowd.state.group(group.group_id)
        assert found is not None
        assert found.characters == tuple(members)
        assert len(crowd.state.groups) <= 2
    assert [*contradictions(crowd.state)] == []


def test_a_list_that_is_based_on_nothing_is_a_contradiction() -> None:
    crowd = Crowd(1)
    crowd.keep([GroupCreated("ONE", (), channel_id=ROOM, base="NONE")])
    expected = "group ONE is based on NONE, which is not there"
    assert expected in [*contradictions(crowd.state)]


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
