"""Endpoints 40 to 44: what clients asked for until February 2024 (platform.md 2.10).

Aliases of today's endpoints: a `nickname` is a name, and a `user_context` what a profile has.
"""

from __future__ import annotations

from typing import Any

from moobius.local.model import accounts, channels, services
from moobius.local.web.call import Call, Parameters
from moobius.local.web.sending import encoded


async def userlist(call: Call) -> Any:
    """Endpoint 40."""
    channel_id = call.parameters.required("channel_id")
    members = channels.character_list(call.engine.state, call.caller, channel_id)
    found = accounts.profiles(call.engine.state, members["character_list"])
    return {"userlist": await encoded(call, map(_user, found))}


async def fetch_profiles(call: Call) -> Any:
    """Endpoint 41; the users by their ids."""
    wanted = call.parameters.optional_ids("userlist") or []
    state = call.engine.state
    known = [each for each in dict.fromkeys(wanted) if state.character_profile(each) is not None]
    users = (_user(profile) for profile in accounts.profiles(state, known))
    return dict(zip(known, await encoded(call, users), strict=True))


async def create_agent(call: Call) -> Any:
    """Endpoint 42."""
    service_id, context = call.parameters.required("service_id"), call.parameters.context()
    name = _name(call.parameters, context) or call.parameters.required_name("username")
    avatar, description = context.text("avatar"), context.text("description")
    return _user(
        await call.engine.run(
            services.create_agent, call.caller, service_id, name, avatar, description
        )
    )


async def update_agent(call: Call) -> Any:
    """Endpoint 43; absent fields stay as they are."""
    service_id = call.parameters.required("service_id")
    character_id = call.parameters.required("user_id")
    context = call.parameters.context()
    name = _name(call.parameters, context)
    avatar, description = context.optional("avatar"), context.optional("description")
    return _user(
        await call.engine.run(
            services.update_agent, call.caller, service_id, character_id, name, avatar, description
        )
    )


async def agents(call: Call) -> Any:
    """Endpoint 44."""
    service_id = call.parameters.required("service_id")
    found = services.agent_list(call.engine.state, call.caller, service_id)
    return await encoded(call, map(_user, found))


def _name(parameters: Parameters, context: Parameters) -> str | None:
    return context.optional_name("nickname") or parameters.optional_name("username")


def _user(profile: dict[str, Any]) -> dict[str, Any]:
    """Return a profile as it was called then."""
    context = profile["character_context"]
    return {
        "user_id": profile["character_id"],
        "username": context["name"],
        "user_context": {
            "nickname": context["name"],
            "avatar": context["avatar"],
            "description": context["description"],
        },
    }
