"""State after an event: the one place where a `State` changes.

A row per kind of event. Nothing here refuses: what is in the journal has happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

import msgspec

from moobius.local.model import events as ev
from moobius.local.model.state import (
    Account,
    Agent,
    Channel,
    Group,
    K,
    Project,
    Service,
    State,
    Token,
    member_list_key,
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
    for family in [*state.logins.get(user_id, {})]:
        _drop_tokens(state, [*state.families[family]])
    for channel_id in state.memberships.pop(user_id, {}):
        _change_members(state, channel_id, lambda members: members.pop(user_id))
    for service_id in state.owned_services.pop(user_id, {}):
        service = state.services.pop(service_id)
        for channel_id in service.channels:
            state.channels[channel_id].service_id = ""
        for character_id in service.agents:
            del state.agents[character_id]
    for owned in [key for key in state.projects if key[0] == user_id]:
        del state.projects[owned]
    state.texts.pop(user_id, None)
    state.group_counts.pop(user_id, None)
    state.passing_counts.pop(user_id, None)
    state.grouped_channels.pop(user_id, None)
    state.channel_groups = _without(user_id, state.channel_groups)
    state.temp_groups = _without(user_id, state.temp_groups)
    state.shown = _without(user_id, state.shown)


def _without(user_id: str, index: Mapping[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    return {key: value for key, value in index.items() if key[0] != user_id}


def _token_issued(state: State, event: ev.TokenIssued) -> None:
    state.tokens[event.digest] = Token(event.user_id, event.kind, event.family, event.expires)
    state.families.setdefault(event.family, {})[event.digest] = None
    state.logins.setdefault(event.user_id, {})[event.family] = None


def _family_revoked(state: State, event: ev.FamilyRevoked) -> None:
    _drop_tokens(state, [*state.families.get(event.family, ())])


def _tokens_expired(state: State, event: ev.TokensExpired) -> None:
    gone = [key for key, token in state.tokens.items() if token.expires <= event.before]
    _drop_tokens(state, gone)


def _tokens_dropped(state: State, event: ev.TokensDropped) -> None:
    _drop_tokens(state, event.digests)


def _drop_tokens(state: State, digests: Iterable[str]) -> None:
    for digest in digests:
        token = state.tokens.pop(digest)
        _discard(state.families, token.family, digest)
        if token.family not in state.families:
            _discard(state.logins, token.user_id, token.family)


def _discard(sets: dict[K, dict[str, None]], key: K, value: str) -> None:
    """Take a value out of the set of a key; a set that is empty then goes too."""
    del sets[key][value]
    if not sets[key]:
        del sets[key]


def _channel_created(state: State, event: ev.ChannelCreated) -> None:
    channel = Channel(event.channel_id, event.name, event.description, event.creator)
    state.channels[event.channel_id] = channel
    _count(state.created_channels, event.creator, 1)
    _count_text(state, event.creator, channel.size)
    state.by_size.setdefault(0, {})[event.channel_id] = None


def _channel_changed(state: State, event: ev.ChannelChanged) -> None:
    channel = state.channels[event.channel_id]
    before = channel.size
    channel.name, channel.description = event.name, event.description
    _count_text(state, channel.creator, channel.size - before)


def _joined(state: State, event: ev.Joined) -> None:
    _change_members(
        state, event.channel_id, lambda members: members.update({event.user_id: event.at})
    )
    state.memberships.setdefault(event.user_id, {})[event.channel_id] = None


def _left(state: State, event: ev.Left) -> None:
    _change_members(state, event.channel_id, lambda members: members.pop(event.user_id))
    _discard(state.memberships, event.user_id, event.channel_id)
    state.shown.pop((event.user_id, event.channel_id), None)


def _change_members(
    state: State, channel_id: str, change: Callable[[dict[str, int]], object]
) -> None:
    """Change the members of a channel, and file it under its new size."""
    members = state.channels[channel_id].members
    before = len(members)
    change(members)
    if len(members) != before:
        _discard(state.by_size, before, channel_id)
        state.by_size.setdefault(len(members), {})[channel_id] = None


def _service_created(state: State, event: ev.ServiceCreated) -> None:
    service = Service(event.service_id, event.owner, event.description)
    state.services[event.service_id] = service
    _count_text(state, event.owner, service.size)
    state.owned_services.setdefault(event.owner, {})[event.service_id] = None


def _service_bound(state: State, event: ev.ServiceBound) -> None:
    state.channels[event.channel_id].service_id = event.service_id
    state.services[event.service_id].channels[event.channel_id] = None


def _service_unbound(state: State, event: ev.ServiceUnbound) -> None:
    state.channels[event.channel_id].service_id = ""
    del state.services[event.service_id].channels[event.channel_id]


def _agent_saved(state: State, event: ev.AgentSaved) -> None:
    old = state.agents.get(event.character_id)
    agent = state.agents[event.character_id] = Agent(
        event.character_id, event.service_id, event.name, event.avatar, event.description
    )
    service = state.services[event.service_id]
    service.agents[event.character_id] = None
    _count_text(state, service.owner, agent.size - (0 if old is None else old.size))


def _count_text(state: State, owner: str, size: int) -> None:
    """Count so many bytes of text more, or fewer, for an account."""
    if owner in state.accounts:
        _count(state.texts, owner, size)


def _group_created(state: State, event: ev.GroupCreated) -> None:
    group = group_of(event)
    state.groups[event.group_id] = group
    if group.shared:
        state.shared_groups[group.characters] = group.group_id
    if group.channel_id:
        state.member_groups[group.channel_id] = group.group_id
        lists = state.member_lists.setdefault(group.channel_id, {})
        lists[member_list_key(group)] = group.group_id
    _count_group(state, group, 1)


def group_of(event: ev.GroupCreated) -> Group:
    """Build the group that an event tells of; its fields are those of the event."""
    return Group(*(getattr(event, name) for name in Group.__struct_fields__))


def _count_group(state: State, group: Group, sign: int) -> None:
    """Count a group for its owner (`sign` 1), or no longer (-1)."""
    if group.owner in state.accounts:
        counts = state.passing_counts if group.passing else state.group_counts
        _count(counts, group.owner, sign * group.weight)


def _count(counts: dict[str, int], key: str, by: int) -> None:
    counts[key] = counts.get(key, 0) + by
    if not counts[key]:
        del counts[key]


def _group_listed(state: State, event: ev.GroupListed) -> None:
    listed = state.channel_groups.setdefault((event.user_id, event.channel_id), {})
    if event.replaces in listed:
        renamed = {event.group_id if key == event.replaces else key: None for key in listed}
        state.channel_groups[event.user_id, event.channel_id] = renamed
        _make_passing(state, event.replaces)
    else:
        listed[event.group_id] = None
        state.grouped_channels.setdefault(event.user_id, {})[event.channel_id] = None


def _group_unlisted(state: State, event: ev.GroupUnlisted) -> None:
    user_in_channel = (event.user_id, event.channel_id)
    _discard(state.channel_groups, user_in_channel, event.group_id)
    if user_in_channel not in state.channel_groups:
        _discard(state.grouped_channels, *user_in_channel)
    _make_passing(state, event.group_id)


def _make_passing(state: State, group_id: str) -> None:
    """Make a group that its owner does not keep any longer a passing one."""
    group = state.groups[group_id]
    _count_group(state, group, -1)
    state.groups[group_id] = passing = msgspec.structs.replace(group, passing=True)
    _count_group(state, passing, 1)


def _groups_forgotten(state: State, event: ev.GroupsForgotten) -> None:
    _make_whole(state, frozenset(event.group_ids))
    for group_id in event.group_ids:
        group = state.groups.pop(group_id)
        lists = state.member_lists.get(group.channel_id, {})
        if lists.get(member_list_key(group)) == group_id:
            del lists[member_list_key(group)]
        if state.shared_groups.get(group.characters) == group_id:
            del state.shared_groups[group.characters]
        _count_group(state, group, -1)


def _make_whole(state: State, gone: Set[str]) -> None:
    """Give whole lists to the groups that are based on those that are about to go."""
    for channel_id in {state.groups[each].channel_id for each in gone}:
        for group_id in state.member_lists.get(channel_id, {}).values():
            group = state.group(group_id) if state.groups[group_id].base in gone else None
            if group is not None and group_id not in gone:
                state.groups[group_id] = group


def _temp_group_set(state: State, event: ev.TempGroupSet) -> None:
    state.temp_groups[event.user_id, event.channel_id] = event.group_id


def _characters_shown(state: State, event: ev.CharactersShown) -> None:
    everyone = state.channels[event.channel_id].members if event.everyone else ()
    for user_id in everyone or event.users:
        state.shown[user_id, event.channel_id] = event.group_id


def _project_opened(state: State, event: ev.ProjectOpened) -> None:
    state.projects[event.owner, event.project, event.service] = Project(
        event.owner, event.project, event.service, event.service_id, event.channel_id
    )


def _no_change(state: State, event: ev.Event) -> None:
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
    ev.TokensDropped: _tokens_dropped,
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
    ev.GroupsForgotten: _groups_forgotten,
    ev.TempGroupSet: _temp_group_set,
    ev.CharactersShown: _characters_shown,
    ev.ProjectOpened: _project_opened,
    ev.MessageStored: _no_change,
    ev.RequestDone: _no_change,
}
