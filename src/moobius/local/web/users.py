"""Endpoints 10 to 13: who I am, who they are (platform.md 2.5)."""

from __future__ import annotations

from typing import Any

from moobius.local.model import accounts
from moobius.local.web.call import Call
from moobius.local.web.sending import encoded


async def user_info(call: Call) -> Any:
    """Endpoint 10."""
    return accounts.user_info(call.engine.state.account(call.caller))


async def edit_profile(call: Call) -> Any:
    """Endpoint 11; absent fields stay as they are."""
    name = call.parameters.optional_name("name")
    avatar, description = (call.parameters.optional(each) for each in ("avatar", "description"))
    return await call.engine.run(accounts.edit_profile, call.caller, name, avatar, description)


async def fetch_profiles(call: Call) -> Any:
    """Endpoints 12 and 13; a lost list (JavaScript in a browser) is an empty one."""
    wanted = call.parameters.optional_ids("character_list") or []
    return await encoded(call, accounts.profiles(call.engine.state, wanted))
