"""Checks that hold for every state: nothing in it names something that is not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from moobius.local.model.state import INDEXES, State


def contradictions(state: State) -> Iterator[str]:
    """Yield what is contradictory in a state, in words; nothing for a sound one."""
    for check in CHECKS:
        yield from check(state)


def _accounts(state: State) -> Iterator[str]:
    for user_id, account in state.accounts.items():
        if account.user_id != user_id or state.account_by_email(account.email) is not account:
            yield f"account {user_id} shares its e-mail address or its id with another"
    for token in state.tokens.values():
        if token.user_id not in state.accounts:
            yield f"a token is that of {token.user_id}, who has no account"


def _members(state: State) -> Iterator[str]:
    here = {(user, each.channel_id) for each in state.channels.values() for user in each.members}
    there = {(user, channel) for user, joined in state.memberships.items() for channel in joined}
    for user_id, channel_id in here ^ there:
        yield f"{user_id} is a member of channel {channel_id} and is not"
    for user_id, channel_id in here:
        if user_id not in state.accounts:
            yield f"{user_id} is a member of channel {channel_id} without an account"


def _bindings(state: State) -> Iterator[str]:
    for channel in state.channels.values():
        service = state.services.get(channel.service_id)
        if channel.service_id and (service is None or channel.channel_id not in service.channels):
            yield f"channel {channel.channel_id} is bound to {channel.service_id}, but not back"
    for service in state.services.values():
        if service.owner not in state.accounts:
            yield f"service {service.service_id} belongs to {service.owner}, who has no account"
        for channel_id in service.channels:
            bound = state.channels.get(channel_id)
            if bound is None or bound.service_id != service.service_id:
                yield f"service {service.service_id} is bound to {channel_id}, but not back"


def _agents(state: State) -> Iterator[str]:
    owned = {(each.service_id, agent) for each in state.services.values() for agent in each.agents}
    known = {(each.service_id, each.character_id) for each in state.agents.values()}
    for service_id, character_id in owned ^ known:
        yield f"agent {character_id} and service {service_id} do not both know of each other"


def _groups(state: State) -> Iterator[str]:
    listed = {group_id for kept in state.channel_groups.values() for group_id in kept}
    for group_id in listed.union(state.temp_groups.values(), state.shown.values()):
        if group_id not in state.groups:
            yield f"group {group_id} is used and not there"
    for group in state.groups.values():
        if group.base and group.base not in state.groups:
            yield f"group {group.group_id} is based on {group.base}, which is not there"


def _places(state: State) -> Iterator[str]:
    """Whatever somebody has in a channel, both are there."""
    for kind in (state.channel_groups, state.temp_groups, state.shown):
        for user_id, channel_id in kind:
            if user_id not in state.accounts or channel_id not in state.channels:
                yield f"{user_id} has a group in {channel_id}, and one of them is not there"


def _projects(state: State) -> Iterator[str]:
    for project in state.projects.values():
        if project.service_id not in state.services or project.channel_id not in state.channels:
            yield f"project {project.project} has a service or a channel that is not there"


def _indexes(state: State) -> Iterator[str]:
    for name, made_from in INDEXES.items():
        if getattr(state, name) != made_from(state):
            yield f"the index {name} does not follow from the rest"


CHECKS: tuple[Callable[[State], Iterator[str]], ...] = (
    _accounts,
    _members,
    _bindings,
    _agents,
    _groups,
    _places,
    _projects,
    _indexes,
)
