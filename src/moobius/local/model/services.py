"""Services, their bindings and their agents (platform.md 2.7, 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moobius.local.model.channels import check_channels
from moobius.local.model.events import (
    AgentSaved,
    ChannelCreated,
    ProjectOpened,
    ServiceBound,
    ServiceCreated,
    ServiceUnbound,
)
from moobius.local.model.outcome import Moment, Outcome
from moobius.local.model.refusal import Code, Refused, not_found, not_permitted, too_many
from moobius.local.model.routing import show_members
from moobius.local.model.state import State, profile, text_size
from moobius.local.model.texts import check_texts


def create_service(state: State, moment: Moment, caller: str, description: str) -> Outcome:
    """Give the account one more service."""
    state.account(caller)
    _check_services(state, moment, caller)
    check_texts(state, moment, caller, text_size(description))
    event = ServiceCreated(moment.new_id(), caller, description)
    return Outcome({"service_id": event.service_id}, [event])


def _check_services(state: State, moment: Moment, owner: str) -> None:
    if len(state.owned_services.get(owner, ())) >= moment.quotas.services:
        raise too_many("This account has", moment.quotas.services, "services")


def service_list(state: State, caller: str) -> Iterator[dict[str, Any]]:
    """Give the caller's services with the channels each is bound to."""
    found = map(state.services.get, tuple(state.owned_services.get(caller, ())))
    return (
        {
            "service_id": service.service_id,
            "channel_ids": list(service.channels),
            "description": service.description,
        }
        for service in found
        if service is not None
    )


def bind(state: State, moment: Moment, caller: str, channel_id: str, service_id: str) -> Outcome:
    """Let a service speak in a channel; binding the same pair again succeeds (Q15)."""
    channel = state.channel(channel_id)
    state.owned_service(caller, service_id)
    if channel.creator != caller:
        raise not_permitted("Only the channel creator can bind a service")
    if channel.service_id == service_id:
        return Outcome({})
    if channel.service_id:
        raise Refused(Code.CONFLICT, "Channel is already bound to another service")
    return Outcome({}, [ServiceBound(channel_id, service_id)])


def unbind(state: State, moment: Moment, caller: str, channel_id: str, service_id: str) -> Outcome:
    """Make a channel a default one again, and show its members each other."""
    channel = state.channel(channel_id)
    if channel.creator != caller:
        raise not_permitted("Only the channel creator can unbind a service")
    if not service_id or channel.service_id != service_id:
        raise not_found("This service is not bound to this channel")
    outcome = Outcome({}, [ServiceUnbound(channel_id, service_id)])
    members = tuple(channel.members)
    show_members(state, moment, outcome, channel, members, members)
    return outcome


def create_agent(
    state: State,
    moment: Moment,
    caller: str,
    service_id: str,
    name: str,
    avatar: str,
    description: str,
) -> Outcome:
    """Give a service a fictitious character."""
    service = state.owned_service(caller, service_id)
    if len(service.agents) >= moment.quotas.agents:
        raise too_many("This service has", moment.quotas.agents, "agents")
    check_texts(state, moment, caller, text_size(name, avatar, description))
    event = AgentSaved(moment.new_id(), service_id, name, avatar, description)
    return Outcome(profile(event.character_id, name, avatar, description), [event])


def update_agent(
    state: State,
    moment: Moment,
    caller: str,
    service_id: str,
    character_id: str,
    name: str | None,
    avatar: str | None,
    description: str | None,
) -> Outcome:
    """Change what is given of an agent, keep the rest; clients are not told (platform.md 2.7)."""
    service = state.owned_service(caller, service_id)
    if character_id not in service.agents:
        raise not_found("Agent not found in this service")
    old = state.agents[character_id]
    name = old.name if name is None else name
    avatar = old.avatar if avatar is None else avatar
    description = old.description if description is None else description
    check_texts(state, moment, caller, text_size(name, avatar, description) - old.size)
    event = AgentSaved(character_id, service_id, name, avatar, description)
    return Outcome(profile(character_id, name, avatar, description), [event])


def agent_list(state: State, caller: str, service_id: str) -> Iterator[dict[str, Any]]:
    """Give the agents of a service."""
    service = state.owned_service(caller, service_id)
    found = map(state.agents.get, tuple(service.agents))
    return (agent.profile for agent in found if agent is not None)


def open_project(
    state: State, moment: Moment, owner: str, project: str, service_name: str
) -> Outcome:
    """Find or create the service and the channel of a program, for `POST /local/project`.

    Nobody joins the channel: the developer account is not a person, and nobody would ever see it
    speak. A channel that has been unbound or bound to another service since is left as it is.
    """
    state.account(owner)
    known = state.projects.get((owner, project, service_name))
    if known is not None:
        return Outcome({"service_id": known.service_id, "channels": [known.channel_id]})
    _check_services(state, moment, owner)
    check_channels(state, moment, owner)
    about = f"{service_name} of {project}"
    check_texts(state, moment, owner, text_size(about) + text_size(service_name, about))
    service_id, channel_id = moment.new_id(), moment.new_id()
    events = [
        ServiceCreated(service_id, owner, about),
        ChannelCreated(channel_id, service_name, about, owner),
        ServiceBound(channel_id, service_id),
        ProjectOpened(owner, project, service_name, service_id, channel_id),
    ]
    return Outcome({"service_id": service_id, "channels": [channel_id]}, [*events])


def project_channels(state: State, project: str) -> list[str]:
    """List the channels of all the services of a project."""
    found = state.projects.values()
    return [each.channel_id for each in found if each.project == project]
