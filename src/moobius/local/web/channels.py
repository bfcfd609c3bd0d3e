"""Endpoints 14 to 19: channels and their histories (platform.md 2.6)."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

import msgspec

from moobius.local.model import channels
from moobius.local.model.refusal import malformed
from moobius.local.store.pages import MOST_MESSAGES
from moobius.local.store.protocol import Message
from moobius.local.web.call import Call
from moobius.local.web.sending import encoded

DEFAULT_LIMIT = 64
SURELY_MILLISECONDS = 1e11
NAMES = 2  # under which the contents of each message are in the reply


async def create(call: Call) -> Any:
    """Endpoint 14."""
    name = call.parameters.required_name("channel_name")
    description = call.parameters.context().text("channel_description")
    return await call.engine.run(channels.create_channel, call.caller, name, description)


async def update(call: Call) -> Any:
    """Endpoint 15."""
    channel_id = call.parameters.required("channel_id")
    name = call.parameters.optional_name("channel_name")
    description = call.parameters.context().optional("channel_description")
    if name == "":
        raise malformed("channel_name may not be empty")
    return await call.engine.run(
        channels.update_channel, call.caller, channel_id, name, description
    )


async def joined(call: Call) -> Any:
    """Endpoint 16."""
    return await encoded(call, channels.channel_list(call.engine.state, call.caller))


async def popular(call: Call) -> Any:
    """Endpoint 17."""
    return channels.popular(call.engine.state)


async def members(call: Call) -> Any:
    """Endpoint 18."""
    channel_id = call.parameters.required("channel_id")
    return channels.character_list(call.engine.state, call.caller, channel_id)


async def history(call: Call) -> Any:
    """Endpoint 19: the caller's own history, newest first."""
    parameters = call.parameters
    channel_id = parameters.required("channel_id")
    call.engine.state.channel(channel_id)
    limit = _number(parameters.value("limit"))
    await call.reply_slot()
    found = await call.engine.store.history(
        call.caller,
        channel_id,
        before=_milliseconds(parameters.value("before")),
        after=_milliseconds(parameters.value("after")),
        limit=DEFAULT_LIMIT if limit is None else int(min(max(limit, 1), MOST_MESSAGES)),
        most_bytes=call.options.limits.history_bytes // NAMES,
    )
    return await asyncio.to_thread(_encoded, found)


def _encoded(messages: Sequence[Message]) -> list[msgspec.Raw]:
    """Encode messages one by one, so that no thread is kept from its work for longer than one."""
    return [msgspec.Raw(msgspec.json.encode(_with_aliases(message))) for message in messages]


def _number(value: Any) -> float | None:
    """Read a number as clients send it; what is none means no bound."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _milliseconds(value: Any) -> float | None:
    number = _number(value)
    if number is None or number > SURELY_MILLISECONDS:
        return number
    return number * 1000


def _with_aliases(message: dict[str, Any]) -> dict[str, Any]:
    """Add the names of February 2024, which some clients still read."""
    return {
        **message,
        "MessageID": message["message_id"],
        "MessageType": message["subtype"],
        "FromUserID": message["sender"],
        "MessageContent": message["content"],
        "MessageContext": message["context"],
        "Status": "sent",
        "Timestamp": message["timestamp"],
    }
