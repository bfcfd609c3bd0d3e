"""The members of a channel as a group (platform.md 4.6), without a full copy for each who joins.

A group never changes, and a channel of thousands has had thousands of different lists of members.
So such a group says how its list differs from that of the group before it (`base`, `without`). Once
the changes since the last whole list are half as long as the list, the next group has a whole list
again. So what is stored grows with what happens, and a list is put together about as fast as read.

The same members in the same order are the same group again, so somebody who joins and leaves in a
loop makes no more groups. And a channel has a limited number of them: then the older half is
forgotten, except those that somebody is shown at the moment. Members are shown the new list when
it changes, so an old one is only needed to see in a history who was addressed long ago.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import islice

import msgspec

from moobius.local.model.apply import group_of
from moobius.local.model.events import GroupCreated, GroupsForgotten
from moobius.local.model.outcome import Moment, Outcome
from moobius.local.model.state import Group, State

FEWEST = 32
"""Up to so many changes no whole list is stored, however short it is."""


def member_group(
    state: State, moment: Moment, outcome: Outcome, channel_id: str, members: Sequence[str]
) -> Group:
    """Return the group of a channel's members, made by `outcome` if they have changed."""
    whole = tuple(members)
    digest = hashlib.blake2b("\n".join(whole).encode(), digest_size=16).hexdigest()
    lists = state.member_lists.get(channel_id, {})
    known = state.group(lists.get(digest, ""))
    if known is not None and known.characters == whole:
        return known
    latest = state.group(state.member_groups.get(channel_id, ""))
    _make_room(state, moment, outcome, channel_id)
    event = GroupCreated(
        moment.new_id(), whole, timestamp=moment.now, channel_id=channel_id, digest=digest
    )
    outcome.add(event if latest is None else _as_change(state, latest, event))
    return group_of(event)


def _make_room(state: State, moment: Moment, outcome: Outcome, channel_id: str) -> None:
    """Forget the older lists of a channel that has too many, down to half of what there may be."""
    lists, most = state.member_lists.get(channel_id, {}), moment.quotas.member_lists
    if len(lists) < most:
        return
    latest = state.member_groups[channel_id]
    in_use = {latest, *state.shown.values(), *state.temp_groups.values()}
    old = (each for each in lists.values() if each not in in_use)
    gone = tuple(islice(old, len(lists) + 1 - int(most) // 2))
    if gone:
        outcome.add(GroupsForgotten(gone))


def _as_change(state: State, latest: Group, event: GroupCreated) -> GroupCreated:
    """Return the event as a difference from `latest`, or as it is if that is no gain."""
    present = frozenset(event.characters)
    without = tuple(each for each in latest.characters if each not in present)
    stayed = tuple(each for each in latest.characters if each in present)
    added = event.characters[len(stayed) :]
    changes = state.lineage(state.groups[latest.group_id])[:-1]
    kept = sum(len(each.characters) + len(each.without) for each in changes)
    too_many = kept + len(without) + len(added) > max(FEWEST, len(present) // 2)
    if too_many or event.characters[: len(stayed)] != stayed:  # somebody left and came back
        return event
    return msgspec.structs.replace(event, characters=added, base=latest.group_id, without=without)
