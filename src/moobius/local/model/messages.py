"""Messages and updates: up from a member, down from a service (platform.md 3.7 to 3.9)."""

from __future__ import annotations

from typing import Any

from moobius.local.model.commands import MessageDown, MessageUp, Update
from moobius.local.model.events import MessageStored
from moobius.local.model.member_groups import member_group
from moobius.local.model.outcome import Frame, Moment, Outcome, ToService, ToUsers
from moobius.local.model.refusal import malformed, not_permitted
from moobius.local.model.routing import (
    group_for,
    members_among,
    resolve_recipients,
    show_characters,
    update_frame,
)
from moobius.local.model.state import SERVICE, Channel, Group, State


def message_up(state: State, moment: Moment, caller: str, command: MessageUp) -> Outcome:
    """Take a message from a member and pass it on to the service, or to the members."""
    channel = member_channel(state, caller, command.channel_id)
    outcome = Outcome()
    group = _addressed(state, moment, outcome, caller, channel, command)
    message_id = moment.new_id()
    context = {
        **command.context,
        "group_id": group.group_id,
        "group_name": group.name,
        "character_num": len(group.characters),
        "channel_type": channel.type,
    }
    body = _body(command, channel, message_id, caller, moment)
    if channel.service_id:
        sent = {**body, "context": context}
        _store(outcome, (caller,), "message_up", sent)
        delivered = {**sent, "recipients": group.group_id}
        frame = _frame("message_up", delivered)
        outcome.deliver(ToService(channel.service_id, frame, group.characters))
        return outcome
    _store(outcome, (caller,), "message_up", {**body, "context": {**context, "is_dcs": True}})
    receivers = members_among(channel, group.characters)
    received = {**body, "context": {"is_dcs": True, "channel_type": "dcs"}}
    others = tuple(each for each in receivers if each != caller)
    _store(outcome, others, "message_down", received)
    outcome.deliver(ToUsers(receivers, _frame("message_down", received)))
    return outcome


def _addressed(
    state: State,
    moment: Moment,
    outcome: Outcome,
    caller: str,
    channel: Channel,
    command: MessageUp,
) -> Group:
    """Return the group a member addresses; without recipients, the characters shown to it."""
    if command.recipients == SERVICE:
        return Group(SERVICE, (), SERVICE)
    if command.recipients is not None and command.recipients != "":
        return group_for(state, moment, outcome, command.recipients, caller)
    seen = state.group(state.shown.get((caller, channel.channel_id), ""))
    return seen or member_group(state, moment, outcome, channel.channel_id, [*channel.members])


def message_down(
    state: State, moment: Moment, caller: str, service_id: str, command: MessageDown
) -> Outcome:
    """Take a message from a service and give it to the members it names."""
    channel = served_channel(state, caller, service_id, command.channel_id)
    receivers = members_among(channel, resolve_recipients(state, command.recipients))
    body = _body(command, channel, moment.new_id(), command.sender, moment)
    body["context"] = command.context
    outcome = Outcome()
    _store(outcome, receivers, "message_down", body)
    outcome.deliver(ToUsers(receivers, _frame("message_down", body)))
    return outcome


def update(state: State, moment: Moment, caller: str, service_id: str, command: Update) -> Outcome:
    """Take an update from a service and give it to the members it names."""
    channel = served_channel(state, caller, service_id, command.channel_id)
    if command.everyone:
        receivers = tuple(channel.members)
    else:
        receivers = members_among(channel, resolve_recipients(state, command.recipients))
    outcome = Outcome()
    if command.subtype == "characters":
        characters = command.content["characters"]
        if characters == "":
            raise malformed("content.characters must be a group id or a list of character ids")
        group = group_for(state, moment, outcome, characters, caller)
        show_characters(state, outcome, channel, group, receivers, **command.extras)
        return outcome
    frame = update_frame(command.subtype, command.channel_id, command.content, **command.extras)
    outcome.deliver(ToUsers(receivers, frame))
    return outcome


def member_channel(state: State, caller: str, channel_id: str) -> Channel:
    """Return a channel the caller is a member of, or refuse (platform.md 4.2)."""
    channel = state.channel(channel_id)
    if caller not in channel.members:
        raise not_permitted(f"You are not a member of channel {channel_id}")
    return channel


def served_channel(state: State, caller: str, service_id: str, channel_id: str) -> Channel:
    """Return a channel bound to the caller's service, or refuse (platform.md 4.3)."""
    state.owned_service(caller, service_id)
    channel = state.channel(channel_id)
    if channel.service_id != service_id:
        raise not_permitted(f"Channel {channel_id} is not bound to service {service_id}")
    return channel


def _body(
    command: MessageUp | MessageDown, channel: Channel, message_id: str, sender: str, moment: Moment
) -> dict[str, Any]:
    return {
        "subtype": command.subtype,
        "channel_id": channel.channel_id,
        "content": command.content,
        "timestamp": moment.new_stamp() if command.timestamp is None else command.timestamp,
        "sender": sender,
        "message_id": message_id,
    }


def _frame(kind: str, body: dict[str, Any]) -> Frame:
    return {"type": kind, "body": body}


def _store(outcome: Outcome, owners: tuple[str, ...], kind: str, body: dict[str, Any]) -> None:
    """Add a message to the histories of its owners."""
    if owners:
        key = (body["channel_id"], body["message_id"], body["timestamp"])
        outcome.add(MessageStored(owners, *key, {"type": kind, **body}))
