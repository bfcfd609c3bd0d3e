"""A state told anew is the same state, in the same order. (`test_replay.py` tries it at random.)"""

from __future__ import annotations

from moobius.local.model.apply import apply
from moobius.local.model.events import AccountCreated, AccountDeleted, ChannelCreated, Event, Joined
from moobius.local.model.state import State
from moobius.local.model.story import story_of


def state_after(*events: Event) -> State:
    state = State()
    for event in events:
        apply(state, event)
    return state


def test_the_order_of_joining_is_kept_by_channel_and_by_person() -> None:
    people = [AccountCreated(name, f"{name}@x", "", name) for name in ("ADA", "BOB", "CY")]
    rooms = [ChannelCreated(name, name, "", "ADA") for name in ("ONE", "TWO", "THREE")]
    # Neither the order of the channels nor the time is that of what happened: a clock went back.
    joined = [
        Joined("THREE", "CY", 9),
        Joined("THREE", "ADA", 8),
        Joined("ONE", "CY", 7),
        Joined("TWO", "BOB", 7),
        Joined("ONE", "ADA", 7),
        Joined("TWO", "ADA", 1),
    ]
    state = state_after(*people, *rooms, *joined)
    again = state_after(*story_of(state))
    assert again == state
    for name, channel in state.channels.items():
        assert [*again.channels[name].members.items()] == [*channel.members.items()]
    for name, channels in state.memberships.items():
        assert [*again.memberships[name]] == [*channels]
    assert [*again.memberships["ADA"]] == ["THREE", "ONE", "TWO"]


def test_what_is_over_is_not_told() -> None:
    state = state_after(
        AccountCreated("ADA", "ada@x", "her hash", "Ada"),
        AccountCreated("BOB", "bob@x", "his hash", "Bob"),
        AccountDeleted("ADA"),
    )
    assert [*story_of(state)] == [AccountCreated("BOB", "bob@x", "his hash", "Bob")]
