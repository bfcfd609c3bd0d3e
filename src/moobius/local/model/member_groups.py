"""The members of a channel as a group (platform.md 4.6), without a full copy for each who joins.

A group never changes, and a channel of thousands has had thousands of different lists of members.
So such a group says how its list differs from the one before it. Only now and then, once
half as much has changed as the list is long, is it given whole: what is kept grows with what
happens, and no list takes much longer to put together than to read.

The same members in the same order are the same group again, so whoever comes and goes in a loop
makes no more. And a channel has only so many: then the older half is forgotten, but for what
somebody is shown at the moment. Members are shown the new list whenever it changes, so nobody needs
an old one but to read in a history whom somebody addressed long ago.
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
"""So many changes are kept as changes, however short the list is."""


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
