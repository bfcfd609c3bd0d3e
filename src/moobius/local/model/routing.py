"""Recipients resolved to characters, and what a channel without a service shows by itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from moobius.local.model.commands import Recipients
from moobius.local.model.events import CharactersShown
from moobius.local.model.groups import passing_group
from moobius.local.model.member_groups import member_group
from moobius.local.model.outcome import Frame, Moment, Outcome, ToUsers
from moobius.local.model.refusal import not_found
from moobius.local.model.state import SERVICE, Channel, Group, State

NO_CHARACTERS = ("", SERVICE)
"""What names no recipients (platform.md 1.3)."""


def resolve_recipients(state: State, recipients: Recipients) -> tuple[str, ...]:
    """Return the characters a downward `recipients` names (platform.md 4.3).

    Raises:
        Refused: If it names neither a group nor a character.
    """
    if recipients is None or recipients in NO_CHARACTERS:
        return ()
    if isinstance(recipients, tuple):
        return recipients
    group = state.group(recipients)
    if group is not None:
        return group.characters
    if state.character_profile(recipients) is not None:
        return (recipients,)
    raise not_found(f"Group not found: {recipients}")


def group_for(
    state: State,
    moment: Moment,
    outcome: Outcome,
    value: str | Sequence[str],
    owner: str,
) -> Group:
    """Return the group a client means by a group id, a character id or an inline list.

    Raises:
        Refused: If the value names neither a group nor a character.
    """
    if not isinstance(value, str):
        return passing_group(state, moment, outcome, value, owner)
    known = state.group(value)
    if known is not None:
        return known
    return passing_group(state, moment, outcome, resolve_recipients(state, value), owner)


def members_among(channel: Channel, characters: Iterable[str]) -> tuple[str, ...]:
    """Keep who is a member at this moment, each once, in the order given."""
    return tuple(dict.fromkeys(each for each in characters if each in channel.members))


def update_frame(subtype: str, channel_id: str, content: Any, **extras: Any) -> Frame:
    """Build an `update` as a user receives it: exactly these keys (platform.md 3.9)."""
    body = {"subtype": subtype, "channel_id": channel_id, "content": content, **extras}
    return {"type": "update", "body": body}


def show_characters(
    state: State,
    outcome: Outcome,
    channel: Channel,
    group: Group,
    users: tuple[str, ...],
    *,
    everyone: bool = False,
    **extras: Any,
) -> None:
    """Deliver a characters update, and remember who was shown which group.

    Args:
        state: What there is.
        outcome: Where to add what happens.
        channel: Where it is shown.
        group: What is shown.
        users: To whom.
        everyone: Whether `users` are all members, so that the event need not name them.
        extras: Further keys of the update.
    """
    group_id = group.group_id
    new_to = tuple(u for u in users if state.shown.get((u, channel.channel_id)) != group_id)
    if new_to:
        named = () if everyone else new_to
        outcome.add(CharactersShown(channel.channel_id, group_id, named, everyone))
    content = {"characters": group_id}
    frame = update_frame("characters", channel.channel_id, content, **extras)
    outcome.deliver(ToUsers(users, frame, group.characters))


def show_members(
    state: State,
    moment: Moment,
    outcome: Outcome,
    channel: Channel,
    members: Sequence[str],
    users: tuple[str, ...],
) -> None:
    """Show `members` as the characters of a default channel (platform.md 4.6)."""
    if users:
        group = member_group(state, moment, outcome, channel.channel_id, members)
        everyone = len(users) == len(members)
        show_characters(state, outcome, channel, group, users, everyone=everyone)


def channel_info_frame(channel: Channel, name: str, description: str) -> Frame:
    """Build the `channel_info` update that members see (platform.md 3.9)."""
    context = {"channel_description": description, "channel_type": channel.type}
    content = {"channel_id": channel.channel_id, "channel_name": name, "context": context}
    return update_frame("channel_info", channel.channel_id, content, context={})


def default_view(
    state: State, moment: Moment, outcome: Outcome, channel: Channel, user_id: str
) -> None:
    """Show one user what a channel without a service looks like (platform.md 4.6)."""
    show_members(state, moment, outcome, channel, tuple(channel.members), (user_id,))
    filler: dict[str, Any] = {"group_id": "temp", "context": {}}
    for subtype, extras in (("buttons", filler), ("menu", {"context": {}}), ("canvas", filler)):
        frame = update_frame(subtype, channel.channel_id, [], **extras)
        outcome.deliver(ToUsers((user_id,), frame))
    frame = channel_info_frame(channel, channel.name, channel.description)
    outcome.deliver(ToUsers((user_id,), frame))
