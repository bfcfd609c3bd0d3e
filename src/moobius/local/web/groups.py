"""Endpoints 27 to 35: groups of characters (platform.md 2.8)."""

from __future__ import annotations

from typing import Any

from moobius.local.model import groups
from moobius.local.web.call import Call
from moobius.local.web.sending import encoded

CHARACTERS = ("characters", "members")


async def create_service_group(call: Call) -> Any:
    """Endpoint 27; the reply's data is the bare id."""
    characters = call.parameters.ids(*CHARACTERS)
    return await call.engine.run(groups.create_service_group, call.caller, characters)


async def resolve(call: Call) -> Any:
    """Endpoints 28 and 29: by the id alone, for any caller (Q11)."""
    return groups.resolve(call.engine.state, call.parameters.required("group_id"))


async def listing(call: Call) -> Any:
    """Endpoint 30; without a channel, all of the caller's groups."""
    channel_id = call.parameters.text("channel_id") or None
    return await encoded(call, groups.user_groups(call.engine.state, call.caller, channel_id))


async def create(call: Call) -> Any:
    """Endpoint 31."""
    channel_id = call.parameters.required("channel_id")
    name = call.parameters.optional_name("group_name") or ""
    characters = call.parameters.ids(*CHARACTERS)
    return await call.engine.run(
        groups.create_user_group, call.caller, channel_id, name, characters
    )


async def update(call: Call) -> Any:
    """Endpoint 32; the reply has the new id, for a group never changes."""
    channel_id = call.parameters.required("channel_id")
    group_id = call.parameters.required("group_id")
    name = call.parameters.optional_name("group_name")
    characters = call.parameters.optional_ids(*CHARACTERS)
    return await call.engine.run(
        groups.update_user_group, call.caller, channel_id, group_id, name, characters
    )


async def delete(call: Call) -> Any:
    """Endpoint 33."""
    channel_id = call.parameters.required("channel_id")
    group_id = call.parameters.required("group_id")
    return await call.engine.run(groups.delete_user_group, call.caller, channel_id, group_id)


async def temp(call: Call) -> Any:
    """Endpoint 34."""
    channel_id = call.parameters.required("channel_id")
    return groups.temp_group(call.engine.state, call.caller, channel_id)


async def set_temp(call: Call) -> Any:
    """Endpoint 35."""
    channel_id = call.parameters.required("channel_id")
    characters = call.parameters.ids(*CHARACTERS)
    return await call.engine.run(groups.set_temp_group, call.caller, channel_id, characters)
