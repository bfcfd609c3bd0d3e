"""Groups: ordered lists with an id that stays valid (platform.md 1.4, 2.8).

A group never changes. Editing one gives a new id, so a client may cache without asking. What an
account has asked for and not deleted stays for ever, so there is an end to how many. What came by
itself, with a list in a frame or when a group was deleted or changed, is *passing*: it stays too,
until there are so many that the oldest are forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from moobius.local.model.apply import group_of
from moobius.local.model.events import (
    GroupCreated,
    GroupListed,
    GroupsForgotten,
    GroupUnlisted,
    TempGroupSet,
)
from moobius.local.model.outcome import Moment, Outcome
from moobius.local.model.refusal import not_found, too_many
from moobius.local.model.state import Group, State


def passing_group(
    state: State, moment: Moment, outcome: Outcome, characters: Sequence[str], owner: str
) -> Group:
    """Return the group of exactly these characters, made by `outcome` if there is none yet.

    It was not asked for as a group, and its owner has no means to be rid of it. So there is
    always room for it: where there are too many, the oldest are forgotten.
    """
    exact = tuple(characters)
    known = state.shared_groups.get(exact)
    if known is not None:
        return state.groups[known]
    event = GroupCreated(
        moment.new_id(), exact, timestamp=moment.now, shared=True, owner=owner, passing=True
    )
    group = group_of(event)
    _make_room(state, moment, outcome, group)
    outcome.add(event)
    return group


def _make_room(state: State, moment: Moment, outcome: Outcome, coming: Group) -> None:
    """Forget the oldest groups that nobody keeps, down to half of what there may be.

    Half, so that looking through all the groups is not needed for every one that comes.
    """
    excess = state.passing_counts.get(coming.owner, 0) + coming.weight - moment.quotas.groups
    if excess <= 0:
        return
    excess += moment.quotas.groups // 2
    in_use = {*state.shown.values(), *state.temp_groups.values()}
    gone: list[str] = []
    for group in state.groups.values():
        if group.owner == coming.owner and group.passing and group.group_id not in in_use:
            gone.append(group.group_id)
            excess -= group.weight
            if excess <= 0:
                break
    if gone:
        outcome.add(GroupsForgotten(tuple(gone)))


def _check_count(state: State, moment: Moment, group: Group, instead: Group | None = None) -> None:
    """Refuse an account to keep a group too many, or a longer one `instead` of another."""
    # They stay valid for ever, so without an end a loop in a program would fill the memory.
    more = group.weight - (0 if instead is None else instead.weight)
    if more > 0 and state.group_counts.get(group.owner, 0) + more > moment.quotas.groups:
        raise too_many(
            "This account has", moment.quotas.groups, "groups (a long list counts as several)"
        )


def create_service_group(
    state: State, moment: Moment, caller: str, characters: Sequence[str]
) -> Outcome:
    """Give an ordered list an id; the reply is the bare id."""
    state.account(caller)
    exact = tuple(characters)
    known = state.shared_groups.get(exact)
    if known is not None and not state.groups[known].passing:
        return Outcome(known)
    event = GroupCreated(moment.new_id(), exact, timestamp=moment.now, shared=True, owner=caller)
    _check_count(state, moment, group_of(event))
    return Outcome(event.group_id, [event])


def resolve(state: State, group_id: str) -> dict[str, Any]:
    """Return the group as endpoints 28 and 29 have it; empty if unknown."""
    group = state.group(group_id)
    return {} if group is None else _listing(group)


def _listing(group: Group) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "group_name": group.name,
        "characters": list(group.characters),
        "timestamp": group.timestamp,
    }


def create_user_group(
    state: State,
    moment: Moment,
    caller: str,
    channel_id: str,
    name: str,
    characters: Sequence[str],
) -> Outcome:
    """Keep a named list of characters for one user in one channel."""
    state.account(caller)
    state.channel(channel_id)
    event = GroupCreated(moment.new_id(), tuple(characters), name, moment.now, owner=caller)
    _check_count(state, moment, group_of(event))
    outcome = Outcome({"group_id": event.group_id, "group_name": name})
    outcome.add(event, GroupListed(caller, channel_id, event.group_id))
    return outcome


def update_user_group(
    state: State,
    moment: Moment,
    caller: str,
    channel_id: str,
    group_id: str,
    name: str | None,
    characters: Sequence[str] | None,
) -> Outcome:
    """Put a changed group in the place of the old one; the reply names the new id."""
    old = _own_group(state, caller, channel_id, group_id)
    name = old.name if name is None else name
    exact = old.characters if characters is None else tuple(characters)
    event = GroupCreated(moment.new_id(), exact, name, moment.now, owner=caller)
    _check_count(state, moment, group_of(event), instead=old)
    outcome = Outcome({"group_id": event.group_id, "group_name": name})
    _make_room(state, moment, outcome, old)
    outcome.add(event, GroupListed(caller, channel_id, event.group_id, replaces=group_id))
    return outcome


def delete_user_group(
    state: State, moment: Moment, caller: str, channel_id: str, group_id: str
) -> Outcome:
    """Take a group out of the user's list; its id can still be resolved."""
    old = _own_group(state, caller, channel_id, group_id)
    outcome = Outcome({})
    _make_room(state, moment, outcome, old)
    outcome.add(GroupUnlisted(caller, channel_id, group_id))
    return outcome


def _own_group(state: State, caller: str, channel_id: str, group_id: str) -> Group:
    if group_id not in state.channel_groups.get((caller, channel_id), {}):
        raise not_found("Group not found among your groups in this channel")
    return state.groups[group_id]


def user_groups(state: State, caller: str, channel_id: str | None) -> Iterator[dict[str, Any]]:
    """Give the caller's own groups in a channel, or in all of them."""
    places = state.grouped_channels.get(caller, {}) if channel_id is None else (channel_id,)
    listed = [each for where in places for each in state.channel_groups.get((caller, where), ())]
    return (_listing(group) for group in map(state.groups.get, listed) if group is not None)


def set_temp_group(
    state: State, moment: Moment, caller: str, channel_id: str, characters: Sequence[str]
) -> Outcome:
    """Replace the characters the user has ticked in a channel."""
    state.account(caller)
    state.channel(channel_id)
    outcome = Outcome()
    group = passing_group(state, moment, outcome, characters, caller)
    outcome.add(TempGroupSet(caller, channel_id, group.group_id))
    outcome.data = {"group_id": group.group_id, "characters": list(characters)}
    return outcome


def temp_group(state: State, caller: str, channel_id: str) -> list[str]:
    """Return the characters the user has ticked in a channel."""
    group = state.group(state.temp_groups.get((caller, channel_id), ""))
    return [] if group is None else list(group.characters)
