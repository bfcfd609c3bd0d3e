"""The members of a channel as a group (platform.md 4.6), without a full copy for each who joins.

A group stays valid for ever, and a channel of thousands has had thousands of different lists of
members. So such a group says how its list differs from the one before it. Only now and then, once
half as much has changed as the list is long, is it given whole: what is kept grows with what
happens, and no list takes much longer to put together than to read.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from moobius.local.model.apply import group_of
from moobius.local.model.events import GroupCreated
from moobius.local.model.outcome import Moment, Outcome
from moobius.local.model.state import Group, State

FEWEST = 32
"""So many changes are kept as changes, however short the list is."""


def member_group(
    state: State, moment: Moment, outcome: Outcome, channel_id: str, members: Sequence[str]
) -> Group:
    """Return the group of a channel's members, made by `outcome` if they have changed."""
    whole = tuple(members)
    latest = state.group(state.member_groups.get(channel_id, ""))
    if latest is not None and latest.characters == whole:
        return latest
    event = GroupCreated(moment.new_id(), whole, timestamp=moment.now, channel_id=channel_id)
    outcome.add(event if latest is None else _as_change(state, latest, event))
    return group_of(event)


def _as_change(state: State, latest: Group, event: GroupCreated) -> GroupCreated:
    """Return the event with no more than what is new since `latest`, where that is worth it."""
    here = frozenset(event.characters)
    without = tuple(each for each in latest.characters if each not in here)
    stayed = tuple(each for each in latest.characters if each in here)
    added = event.characters[len(stayed) :]
    changes = state.lineage(state.groups[latest.group_id])[:-1]
    kept = sum(len(each.characters) + len(each.without) for each in changes)
    too_many = kept + len(without) + len(added) > max(FEWEST, len(here) // 2)
    if too_many or event.characters[: len(stayed)] != stayed:  # somebody left and came back
        return event
    return msgspec.structs.replace(event, characters=added, base=latest.group_id, without=without)
