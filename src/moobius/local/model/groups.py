"""Groups: ordered lists with an id that stays valid for ever (platform.md 1.4, 2.8).

A group never changes. Editing one gives a new id, so a client may cache without asking.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moobius.local.model.events import (
    GroupCreated,
    GroupListed,
    GroupUnlisted,
    TempGroupSet,
)
from moobius.local.model.outcome import Moment, Outcome
from moobius.local.model.refusal import not_found, not_permitted
from moobius.local.model.state import Group, State


def shared_group(
    state: State, moment: Moment, outcome: Outcome, characters: Sequence[str], owner: str = ""
) -> Group:
    """Return the group of exactly these characters, made by `outcome` if there is none yet.

    Raises:
        Refused: If there is none, and its `owner` has made too many.
    """
    exact = tuple(characters)
    known = state.shared_groups.get(exact)
    if known is not None:
        return state.groups[known]
    _check_count(state, moment, owner)
    event = GroupCreated(moment.new_id(), exact, timestamp=moment.now, shared=True, owner=owner)
    outcome.add(event)
    return Group(event.group_id, exact, timestamp=moment.now)


def _check_count(state: State, moment: Moment, owner: str) -> None:
    # They stay valid for ever, so without an end a loop in a program would fill the memory.
    if state.group_counts.get(owner, 0) >= moment.groups_per_account:
        raise not_permitted(
            f"This account has made {moment.groups_per_account} groups, which is as many as it may"
        )


def create_service_group(
    state: State, moment: Moment, caller: str, characters: Sequence[str]
) -> Outcome:
    """Give an ordered list an id; the reply is the bare id."""
    state.account(caller)
    outcome = Outcome()
    outcome.data = shared_group(state, moment, outcome, characters, caller).group_id
    return outcome


def resolve(state: State, group_id: str) -> dict[str, Any]:
    """Return the group as endpoints 28 and 29 have it; empty if unknown."""
    group = state.groups.get(group_id)
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
    _check_count(state, moment, caller)
    event = GroupCreated(moment.new_id(), tuple(characters), name, moment.now, owner=caller)
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
    _check_count(state, moment, caller)
    name = old.name if name is None else name
    exact = old.characters if characters is None else tuple(characters)
    event = GroupCreated(moment.new_id(), exact, name, moment.now, owner=caller)
    outcome = Outcome({"group_id": event.group_id, "group_name": name})
    outcome.add(event, GroupListed(caller, channel_id, event.group_id, replaces=group_id))
    return outcome


def delete_user_group(
    state: State, moment: Moment, caller: str, channel_id: str, group_id: str
) -> Outcome:
    """Take a group out of the user's list; its id can still be resolved."""
    _own_group(state, caller, channel_id, group_id)
    return Outcome({}, [GroupUnlisted(caller, channel_id, group_id)])


def _own_group(state: State, caller: str, channel_id: str, group_id: str) -> Group:
    if group_id not in state.channel_groups.get((caller, channel_id), {}):
        raise not_found("Group not found among your groups in this channel")
    return state.groups[group_id]


def user_groups(state: State, caller: str, channel_id: str | None) -> list[dict[str, Any]]:
    """List the caller's own groups in a channel, or in all of them."""
    return [
        _listing(state.groups[group_id])
        for (user_id, where), listed in state.channel_groups.items()
        if user_id == caller and channel_id in (None, where)
        for group_id in listed
    ]


def set_temp_group(
    state: State, moment: Moment, caller: str, channel_id: str, characters: Sequence[str]
) -> Outcome:
    """Replace the characters the user has ticked in a channel."""
    state.account(caller)
    state.channel(channel_id)
    outcome = Outcome()
    group = shared_group(state, moment, outcome, characters, caller)
    outcome.add(TempGroupSet(caller, channel_id, group.group_id))
    outcome.data = {"group_id": group.group_id, "characters": list(characters)}
    return outcome


def temp_group(state: State, caller: str, channel_id: str) -> list[str]:
    """Return the characters the user has ticked in a channel."""
    group = state.groups.get(state.temp_groups.get((caller, channel_id), ""))
    return [] if group is None else list(group.characters)
