"""Channels: create, rename, list (platform.md 2.6)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from moobius.local.model.events import ChannelChanged, ChannelCreated, Joined
from moobius.local.model.outcome import Moment, Outcome, ToUsers
from moobius.local.model.refusal import not_permitted, too_many
from moobius.local.model.routing import channel_info_frame
from moobius.local.model.state import Channel, State, text_size
from moobius.local.model.texts import check_texts

POPULAR = 20


def create_channel(
    state: State, moment: Moment, caller: str, name: str, description: str
) -> Outcome:
    """Create a channel with the caller as its first member."""
    state.account(caller)
    check_channels(state, moment, caller)
    check_texts(state, moment, caller, text_size(name, description))
    event = ChannelCreated(moment.new_id(), name, description, caller)
    outcome = Outcome(_object(event.channel_id, name, description, "dcs"))
    outcome.add(event, Joined(event.channel_id, caller, moment.now))
    return outcome


def check_channels(state: State, moment: Moment, creator: str) -> None:
    """Refuse an account that has created as many channels as it may."""
    if state.created_channels.get(creator, 0) >= moment.quotas.channels:
        raise too_many("This account has created", moment.quotas.channels, "channels")


def update_channel(
    state: State,
    moment: Moment,
    caller: str,
    channel_id: str,
    name: str | None,
    description: str | None,
) -> Outcome:
    """Rename or describe a channel, and tell its members."""
    channel = state.channel(channel_id)
    if channel.creator != caller:
        raise not_permitted("Only the channel creator can change the channel")
    name = channel.name if name is None else name
    description = channel.description if description is None else description
    check_texts(state, moment, caller, text_size(name, description) - channel.size)
    outcome = Outcome(_object(channel_id, name, description, channel.type))
    outcome.add(ChannelChanged(channel_id, name, description))
    frame = channel_info_frame(channel, name, description)
    outcome.deliver(ToUsers(tuple(channel.members), frame))
    return outcome


def channel_object(channel: Channel) -> dict[str, Any]:
    """Build the channel object of platform.md 2.6."""
    return _object(channel.channel_id, channel.name, channel.description, channel.type)


def _object(channel_id: str, name: str, description: str, channel_type: str) -> dict[str, Any]:
    return {
        "channel_id": channel_id,
        "channel_name": name,
        "channel_context": {"channel_description": description, "channel_type": channel_type},
        "user_channel_context": {},
    }


def channel_list(state: State, caller: str) -> Iterator[dict[str, Any]]:
    """Give the channels the caller is a member of, in the order of joining."""
    joined = tuple(state.memberships.get(caller, ()))
    return (channel_object(state.channels[each]) for each in joined)


def popular(state: State) -> list[dict[str, Any]]:
    """List the channels with the most members first."""
    ranked = (each for size in sorted(state.by_size, reverse=True) for each in state.by_size[size])
    return [_with_count(state.channels[each]) for each in islice(ranked, POPULAR)]


def _with_count(channel: Channel) -> dict[str, Any]:
    channel_with_count = channel_object(channel)
    channel_with_count["channel_context"] |= {
        "channel_user_count": len(channel.members),
        "tag": [],
    }
    return channel_with_count


def character_list(state: State, caller: str, channel_id: str) -> dict[str, Any]:
    """List a channel's real members in the order of joining.

    Raises:
        Refused: Unless the caller created it, is in it, or owns the bound service.
    """
    channel = state.channel(channel_id)
    service = state.services.get(channel.service_id)
    allowed = caller in channel.members or caller == channel.creator
    if not allowed and (service is None or service.owner != caller):
        raise not_permitted("Only members, the creator and the bound service see the members")
    return {"character_list": list(channel.members)}
