"""What members do in a channel: join, leave, refresh, click (platform.md 3.10, 4.2, 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from moobius.local.model.commands import Action
from moobius.local.model.events import Joined, Left, ServiceUnbound
from moobius.local.model.messages import member_channel
from moobius.local.model.outcome import Moment, Outcome, ToService
from moobius.local.model.routing import default_view, show_members
from moobius.local.model.state import Channel, State


def act(state: State, moment: Moment, caller: str, command: Action) -> Outcome:
    """Carry out an action of a user.

    Raises:
        Refused: If there is no such channel, or the user has to be a member and is none.
    """
    state.account(caller)
    outcome = Outcome()
    ACTIONS[command.subtype](state, moment, outcome, caller, command)
    return outcome


def _join(state: State, moment: Moment, outcome: Outcome, caller: str, command: Action) -> None:
    channel = state.channel(command.channel_id)
    if caller in channel.members:
        return
    outcome.add(Joined(channel.channel_id, caller, moment.now))
    if not _forward(outcome, channel, caller, command):
        members = (*channel.members, caller)
        show_members(state, moment, outcome, channel, members, members)


def _leave(state: State, moment: Moment, outcome: Outcome, caller: str, command: Action) -> None:
    channel = state.channel(command.channel_id)
    if caller not in channel.members:
        return
    outcome.add(Left(channel.channel_id, caller))
    if not _forward(outcome, channel, caller, command):
        _show_remaining(state, moment, outcome, channel, caller)


def _show_remaining(
    state: State, moment: Moment, outcome: Outcome, channel: Channel, leaver: str
) -> None:
    remaining = tuple(each for each in channel.members if each != leaver)
    show_members(state, moment, outcome, channel, remaining, remaining)


def leave_everything(state: State, moment: Moment, outcome: Outcome, user_id: str) -> None:
    """Take an account out of all channels, as a member and as their service, and tell the others.

    Channels whose service goes with the account become default ones (platform.md 4.5).
    """
    services = [state.services[each] for each in state.owned_services.get(user_id, ())]
    unserved = {channel: each.service_id for each in services for channel in each.channels}
    for channel_id in state.memberships.get(user_id, ()):
        if channel_id not in unserved:
            _leave(state, moment, outcome, user_id, Action("leave", channel_id, {"context": {}}))
    for channel_id, service_id in unserved.items():
        channel = state.channels[channel_id]
        if user_id in channel.members:
            outcome.add(Left(channel_id, user_id))
        outcome.add(ServiceUnbound(channel_id, service_id))
        _show_remaining(state, moment, outcome, channel, user_id)


def _refresh(state: State, moment: Moment, outcome: Outcome, caller: str, command: Action) -> None:
    channel = member_channel(state, caller, command.channel_id)
    if not _forward(outcome, channel, caller, command):
        default_view(state, moment, outcome, channel, caller)


def _click(state: State, moment: Moment, outcome: Outcome, caller: str, command: Action) -> None:
    channel = member_channel(state, caller, command.channel_id)
    _forward(outcome, channel, caller, command)


def _forward(outcome: Outcome, channel: Channel, caller: str, command: Action) -> bool:
    """Hand the action to the channel's service; return whether it has one."""
    if not channel.service_id:
        return False
    body = {
        "subtype": command.subtype,
        "channel_id": command.channel_id,
        **command.details,
        "sender": caller,
    }
    outcome.deliver(ToService(channel.service_id, {"type": "action", "body": body}))
    return True


Rule = Callable[[State, Moment, Outcome, str, Action], None]

ACTIONS: Mapping[str, Rule] = {
    "join": _join,
    "leave": _leave,
    "refresh": _refresh,
    "button_click": _click,
    "menu_item_click": _click,
}
