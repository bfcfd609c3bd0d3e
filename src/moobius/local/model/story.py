"""The fewest events that lead to a state, for `export`: without what was undone or replaced since.

`apply` turns them into an equal state, with everything in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter
from itertools import pairwise

import msgspec

from moobius.local.model import events as ev
from moobius.local.model.state import State


def story_of(state: State) -> Iterator[ev.Event]:
    """Yield the events that lead from an empty state to this one, in order."""
    for chapter in CHAPTERS:
        yield from chapter(state)


def _accounts(state: State) -> Iterator[ev.Event]:
    for each in state.accounts.values():
        yield ev.AccountCreated(
            each.user_id,
            each.email,
            each.password_hash,
            each.name,
            each.avatar,
            each.description,
            each.confirmed,
        )


def _tokens(state: State) -> Iterator[ev.Event]:
    for digest, token in state.tokens.items():
        yield ev.TokenIssued(digest, token.user_id, token.kind, token.family, token.expires)


def _channels(state: State) -> Iterator[ev.Event]:
    for each in state.channels.values():
        yield ev.ChannelCreated(each.channel_id, each.name, each.description, each.creator)


def _members(state: State) -> Iterator[ev.Event]:
    """Let people join in an order that is right for every channel and for every person.

    Not by the time: clocks go back, and several may have joined within a millisecond.
    """
    order: TopologicalSorter[tuple[str, str]] = TopologicalSorter()
    for channel_id, channel in state.channels.items():
        joined = [(channel_id, user_id) for user_id in channel.members]
        for each in joined:
            order.add(each)
        for earlier, later in pairwise(joined):
            order.add(later, earlier)
    for user_id, channels in state.memberships.items():
        for earlier, later in pairwise((channel_id, user_id) for channel_id in channels):
            order.add(later, earlier)
    for channel_id, user_id in order.static_order():
        yield ev.Joined(channel_id, user_id, state.channels[channel_id].members[user_id])


def _services(state: State) -> Iterator[ev.Event]:
    for service in state.services.values():
        yield ev.ServiceCreated(service.service_id, service.owner, service.description)
        for channel_id in service.channels:
            yield ev.ServiceBound(channel_id, service.service_id)
        for agent in (state.agents[each] for each in service.agents):
            yield ev.AgentSaved(
                agent.character_id, agent.service_id, agent.name, agent.avatar, agent.description
            )


def _groups(state: State) -> Iterator[ev.Event]:
    for each in state.groups.values():
        yield ev.GroupCreated(*msgspec.structs.astuple(each))


def _views(state: State) -> Iterator[ev.Event]:
    for (user_id, channel_id), listed in state.channel_groups.items():
        for group_id in listed:
            yield ev.GroupListed(user_id, channel_id, group_id)
    for (user_id, channel_id), group_id in state.temp_groups.items():
        yield ev.TempGroupSet(user_id, channel_id, group_id)
    for (user_id, channel_id), group_id in state.shown.items():
        yield ev.CharactersShown(channel_id, group_id, (user_id,))


def _projects(state: State) -> Iterator[ev.Event]:
    for each in state.projects.values():
        yield ev.ProjectOpened(
            each.owner, each.project, each.service, each.service_id, each.channel_id
        )


CHAPTERS: tuple[Callable[[State], Iterator[ev.Event]], ...] = (
    _accounts,
    _tokens,
    _channels,
    _services,
    _members,
    _groups,
    _views,
    _projects,
)
