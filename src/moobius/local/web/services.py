"""Endpoints 20 to 26: services, bindings, agents (platform.md 2.7)."""

from __future__ import annotations

from typing import Any

from moobius.local.model import services
from moobius.local.web.call import Call
from moobius.local.web.sending import encoded


async def create(call: Call) -> Any:
    """Endpoint 20."""
    description = call.parameters.text("description")
    return await call.engine.run(services.create_service, call.caller, description)


async def listing(call: Call) -> Any:
    """Endpoint 21."""
    return await encoded(call, services.service_list(call.engine.state, call.caller))


async def bind(call: Call) -> Any:
    """Endpoint 22."""
    return await call.engine.run(services.bind, call.caller, *_pair(call))


async def unbind(call: Call) -> Any:
    """Endpoint 23."""
    return await call.engine.run(services.unbind, call.caller, *_pair(call))


def _pair(call: Call) -> tuple[str, str]:
    return call.parameters.required("channel_id"), call.parameters.required("service_id")


async def create_agent(call: Call) -> Any:
    """Endpoint 24."""
    service_id, context = call.parameters.required("service_id"), call.parameters.context()
    name = context.required_name("name")
    avatar, description = context.text("avatar"), context.text("description")
    return await call.engine.run(
        services.create_agent, call.caller, service_id, name, avatar, description
    )


async def update_agent(call: Call) -> Any:
    """Endpoint 25; absent fields stay as they are."""
    service_id = call.parameters.required("service_id")
    character_id = call.parameters.required("character_id")
    context = call.parameters.context()
    name = context.optional_name("name")
    avatar, description = context.optional("avatar"), context.optional("description")
    return await call.engine.run(
        services.update_agent, call.caller, service_id, character_id, name, avatar, description
    )


async def agents(call: Call) -> Any:
    """Endpoint 26."""
    service_id = call.parameters.required("service_id")
    return await encoded(call, services.agent_list(call.engine.state, call.caller, service_id))
