"""How a service moves from one process to the next under `moobius dev`, without losing anything.

`moobius dev` restarts a service whenever its source changes. The old process first asks the local
Platform to keep all events for the service, then handles those that were sent before. The new
process, once it is ready, asks the Platform to deliver what it has kept.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from loguru import logger

from moobius.core.contain import contain
from moobius.core.running import parent_death
from moobius.network.ws_client import WSClient
from moobius.private_files import process_lives

HOLDER_VARIABLE = "MOOBIUS_DEV"
"""Set by `moobius dev` for the programs it starts: its process id, its name at the Platform."""
HOLDER_PARAMETER = "holder"
"""Parameter of the socket's address; a login without it makes the Platform deliver at once."""
KEEP_SECONDS = 3600.0
"""How long the Platform keeps events for a service that does not come back."""
CATCH_UP_SECONDS = 5.0
LEAVE_AFTER_S = 20.0
"""Seconds in which a program must stop in order once `moobius dev` has ended."""

Hold = Callable[[bool], None]
"""Asks the Platform to deliver from now on (true), or to keep (false); waits for the answer."""


def holder() -> str:
    """Return the name at the Platform of the `moobius dev` that started us; empty without one."""
    name = os.environ.get(HOLDER_VARIABLE, "")
    return name if name.isdecimal() and process_lives(int(name)) else ""


def as_held(ws_url: str) -> str:
    """Return the address for a login after which the Platform goes on keeping, under `dev`."""
    name = holder()
    return f"{ws_url}?{HOLDER_PARAMETER}={name}" if name else ws_url


async def change_places(ws_client: WSClient, hold: Hold, stack: AsyncExitStack) -> None:
    """Take over from the process before; when the stack is unwound, hand over to the next."""
    taking = asyncio.ensure_future(contain("taking over", asyncio.to_thread, hold, True))
    stack.push_async_callback(contain, "making room", _make_room, ws_client, hold, taking)
    # The request continues when we are cancelled; `_make_room` waits for its end.
    await asyncio.shield(taking)


async def _make_room(ws_client: WSClient, hold: Hold, taking: asyncio.Future[None]) -> None:
    await asyncio.wait({taking})
    await asyncio.to_thread(hold, False)
    try:
        await asyncio.wait_for(ws_client.catch_up(), CATCH_UP_SECONDS)
    except asyncio.TimeoutError:
        logger.warning("events that were under way did not arrive within {:g} s", CATCH_UP_SECONDS)


def leave_with(pid: int) -> None:
    """Stop this program when another process has ended, in whatever way."""
    parent_death.leave_with(pid, lambda: os.kill(os.getpid(), signal.SIGTERM), LEAVE_AFTER_S)
