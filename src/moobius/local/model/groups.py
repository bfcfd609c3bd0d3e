"""Groups: ordered lists with an id that stays valid (platform.md 1.4, 2.8).

A group never changes. Editing one gives a new id, so a client may cache groups without asking.

Groups that an account asked for and did not delete are valid for ever, so their number is limited.
All others are *passing*: those made for a list in a frame, those that were edited, and those that
were deleted from a user's list. They are valid too, until an account has so many that the oldest
are forgotten.
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

    Nobody asked for it as a group, and nobody can delete it. So it is never refused: where there
    are too many, the oldest are forgotten.
    """
    ordered = tuple(characters)
    known = state.shared_groups.get(ordered)
    if known is not None:
        return state.groups[known]
    event = GroupCreated(
        moment.new_id(), ordered, timestamp=moment.now, shared=True, owner=owner, passing=True
    )
    group = group_of(event)
    _make_room(state, moment, outcome, group)
    outcome.add(event)
    return group


def _make_room(state: State, moment: Moment, outcome: Outcome, new: Group) -> None:
    """Forget the oldest passing groups of an account that has too many.

    Half of what it may have goes at once, so that not every new group needs a search through all.
    """
    excess = state.passing_counts.get(new.owner, 0) + new.weight - moment.quotas.groups
    if excess <= 0:
        return
    excess += moment.quotas.groups // 2
    in_use = {*state.shown.values(), *state.temp_groups.values()}
    gone: list[str] = []
    for group in state.groups.values():
        if group.owner == new.owner and group.passing and group.group_id not in in_use:
            gone.append(group.group_id)
            excess -= group.weight
            if excess <= 0:
                break
    if gone:
        outcome.add(GroupsForgotten(tuple(gone)))


def _check_count(state: State, moment: Moment, group: Group, replaced: Group | None = None) -> None:
    """Refuse an account one more group than it may keep, or a longer one in place of another."""
    # They are valid for ever, so without a limit a loop in a program would fill the memory.
    more = group.weight - (0 if replaced is None else replaced.weight)
    if more > 0 and state.group_counts.get(group.owner, 0) + more > moment.quotas.groups:
        raise too_many(
            "This account has", moment.quotas.groups, "groups (a long list counts as several)"
        )


def create_service_group(
    state: State, moment: Moment, caller: str, characters: Sequence[str]
) -> Outcome:
    """Give an ordered list an id; the reply is the bare id."""
    state.account(caller)
    ordered = tuple(characters)
    known = state.shared_groups.get(ordered)
    if known is not None and not state.groups[known].passing:
        return Outcome(known)
    event = GroupCreated(moment.new_id(), ordered, timestamp=moment.now, shared=True, owner=caller)
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
    ordered = old.characters if characters is None else tuple(characters)
    event = GroupCreated(moment.new_id(), ordered, name, moment.now, owner=caller)
    _check_count(state, moment, group_of(event), replaced=old)
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
    channels = state.grouped_channels.get(caller, {}) if channel_id is None else (channel_id,)
    listed = [each for where in channels for each in state.channel_groups.get((caller, where), ())]
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
