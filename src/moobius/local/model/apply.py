"""State after an event: the one place where a `State` changes.

A row per kind of event. Nothing here refuses: what is in the journal has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from moobius.local.model import events as ev
from moobius.local.model.state import (
    Account,
    Agent,
    Channel,
    Group,
    Project,
    Service,
    State,
    Token,
    normal_email,
)


def apply(state: State, event: ev.Event) -> None:
    """Change `state` by what happened."""
    APPLY[type(event)](state, event)


def _account_created(state: State, event: ev.AccountCreated) -> None:
    state.accounts[event.user_id] = Account(
        event.user_id,
        event.email,
        event.password_hash,
        event.name,
        event.avatar,
        event.description,
        confirmed=event.confirmed,
    )
    state.emails[normal_email(event.email)] = event.user_id


def _account_confirmed(state: State, event: ev.AccountConfirmed) -> None:
    state.accounts[event.user_id].confirmed = True


def _profile_changed(state: State, event: ev.ProfileChanged) -> None:
    account = state.accounts[event.user_id]
    account.name, account.avatar = event.name, event.avatar
    account.description = event.description


def _password_changed(state: State, event: ev.PasswordChanged) -> None:
    state.accounts[event.user_id].password_hash = event.password_hash


def _account_deleted(state: State, event: ev.AccountDeleted) -> None:
    user_id = event.user_id
    del state.emails[normal_email(state.accounts.pop(user_id).email)]
    state.tokens = {key: token for key, token in state.tokens.items() if token.user_id != user_id}
    for channel_id in state.memberships.pop(user_id, {}):
        del state.channels[channel_id].members[user_id]
    for service in [each for each in state.services.values() if each.owner == user_id]:
        for channel_id in service.channels:
            state.channels[channel_id].service_id = ""
        for character_id in service.agents:
            del state.agents[character_id]
        del state.services[service.service_id]
    for owned in [key for key in state.projects if key[0] == user_id]:
        del state.projects[owned]
    state.group_counts.pop(user_id, None)
    state.channel_groups = _without(user_id, state.channel_groups)
    state.temp_groups = _without(user_id, state.temp_groups)
    state.shown = _without(user_id, state.shown)


def _without(user_id: str, index: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    return {key: value for key, value in index.items() if key[0] != user_id}


def _token_issued(state: State, event: ev.TokenIssued) -> None:
    state.tokens[event.digest] = Token(event.user_id, event.kind, event.family, event.expires)


def _family_revoked(state: State, event: ev.FamilyRevoked) -> None:
    kept = {key: token for key, token in state.tokens.items() if token.family != event.family}
    state.tokens = kept


def _tokens_expired(state: State, event: ev.TokensExpired) -> None:
    kept = {key: token for key, token in state.tokens.items() if token.expires > event.before}
    state.tokens = kept


def _channel_created(state: State, event: ev.ChannelCreated) -> None:
    channel = Channel(event.channel_id, event.name, event.description, event.creator)
    state.channels[event.channel_id] = channel


def _channel_changed(state: State, event: ev.ChannelChanged) -> None:
    channel = state.channels[event.channel_id]
    channel.name, channel.description = event.name, event.description


def _joined(state: State, event: ev.Joined) -> None:
    state.channels[event.channel_id].members[event.user_id] = event.at
    state.memberships.setdefault(event.user_id, {})[event.channel_id] = None


def _left(state: State, event: ev.Left) -> None:
    del state.channels[event.channel_id].members[event.user_id]
    joined = state.memberships[event.user_id]
    del joined[event.channel_id]
    if not joined:
        del state.memberships[event.user_id]
    state.shown.pop((event.user_id, event.channel_id), None)


def _service_created(state: State, event: ev.ServiceCreated) -> None:
    state.services[event.service_id] = Service(event.service_id, event.owner, event.description)


def _service_bound(state: State, event: ev.ServiceBound) -> None:
    state.channels[event.channel_id].service_id = event.service_id
    state.services[event.service_id].channels[event.channel_id] = None


def _service_unbound(state: State, event: ev.ServiceUnbound) -> None:
    state.channels[event.channel_id].service_id = ""
    del state.services[event.service_id].channels[event.channel_id]


def _agent_saved(state: State, event: ev.AgentSaved) -> None:
    state.agents[event.character_id] = Agent(
        event.character_id, event.service_id, event.name, event.avatar, event.description
    )
    state.services[event.service_id].agents[event.character_id] = None


def _group_created(state: State, event: ev.GroupCreated) -> None:
    group = Group(
        event.group_id, event.characters, event.name, event.timestamp, event.shared, event.owner
    )
    state.groups[event.group_id] = group
    if event.shared:
        state.shared_groups[event.characters] = event.group_id
    if event.owner in state.accounts:
        state.group_counts[event.owner] = state.group_counts.get(event.owner, 0) + 1


def _group_listed(state: State, event: ev.GroupListed) -> None:
    listed = state.channel_groups.setdefault((event.user_id, event.channel_id), {})
    if event.replaces in listed:
        renamed = {event.group_id if key == event.replaces else key: None for key in listed}
        state.channel_groups[event.user_id, event.channel_id] = renamed
    else:
        listed[event.group_id] = None


def _group_unlisted(state: State, event: ev.GroupUnlisted) -> None:
    listed = state.channel_groups[event.user_id, event.channel_id]
    del listed[event.group_id]
    if not listed:
        del state.channel_groups[event.user_id, event.channel_id]


def _temp_group_set(state: State, event: ev.TempGroupSet) -> None:
    state.temp_groups[event.user_id, event.channel_id] = event.group_id


def _characters_shown(state: State, event: ev.CharactersShown) -> None:
    for user_id in event.users:
        state.shown[user_id, event.channel_id] = event.group_id


def _project_opened(state: State, event: ev.ProjectOpened) -> None:
    state.projects[event.owner, event.project, event.service] = Project(
        event.owner, event.project, event.service, event.service_id, event.channel_id
    )


def _nothing(state: State, event: ev.Event) -> None:
    """Leave the state alone: this event is a record for the store or for the engine."""


APPLY: Mapping[type[ev.Event], Callable[[State, Any], None]] = {
    ev.AccountCreated: _account_created,
    ev.AccountConfirmed: _account_confirmed,
    ev.ProfileChanged: _profile_changed,
    ev.PasswordChanged: _password_changed,
    ev.AccountDeleted: _account_deleted,
    ev.TokenIssued: _token_issued,
    ev.FamilyRevoked: _family_revoked,
    ev.TokensExpired: _tokens_expired,
    ev.ChannelCreated: _channel_created,
    ev.ChannelChanged: _channel_changed,
    ev.Joined: _joined,
    ev.Left: _left,
    ev.ServiceCreated: _service_created,
    ev.ServiceBound: _service_bound,
    ev.ServiceUnbound: _service_unbound,
    ev.AgentSaved: _agent_saved,
    ev.GroupCreated: _group_created,
    ev.GroupListed: _group_listed,
    ev.GroupUnlisted: _group_unlisted,
    ev.TempGroupSet: _temp_group_set,
    ev.CharactersShown: _characters_shown,
    ev.ProjectOpened: _project_opened,
    ev.MessageStored: _nothing,
    ev.RequestDone: _nothing,
}
