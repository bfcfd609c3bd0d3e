"""How one process of a service makes room for the next, so that nothing is lost between them.

`moobius dev` starts a service again whenever its source changes. The old process first has the
local Platform keep whatever comes for the service, then handles all that was sent before; the new
one has it deliver what was kept once it is ready.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

from loguru import logger

from moobius.core.contain import contain
from moobius.core.running import leaving
from moobius.network.ws_client import WSClient
from moobius.private_files import process_lives

HOLDER_VARIABLE = "MOOBIUS_DEV"
"""Set by `moobius dev` for the programs it starts: its process id, its name at the Platform."""
HOLDER_PARAMETER = "holder"
"""In the address of the Platform's socket: whoever logs in without it is given what is held."""
KEEP_SECONDS = 3600.0
"""How long the Platform keeps what comes for a service that does not come back."""
CATCH_UP_SECONDS = 5.0
LEAVE_AFTER_S = 20.0
"""Seconds a program may take to stop in order when `moobius dev` is gone; then it just leaves."""

Hold = Callable[[bool], None]
"""Asks the Platform, and waits for its answer: deliver from now on (true), or keep (false)."""


def holder() -> str:
    """Return the name, at the Platform, of the `moobius dev` we run under; empty without one."""
    name = os.environ.get(HOLDER_VARIABLE, "")
    return name if name.isdecimal() and process_lives(int(name)) else ""


def as_held(ws_url: str) -> str:
    """Return the address at which a service logs in that takes over, if it is one."""
    name = holder()
    return f"{ws_url}?{HOLDER_PARAMETER}={name}" if name else ws_url


async def change_places(ws_client: WSClient, hold: Hold, stack: AsyncExitStack) -> None:
    """Take over from the process before; when the stack is unwound, make room for the next."""
    taking = asyncio.ensure_future(contain("taking over", asyncio.to_thread, hold, True))
    stack.push_async_callback(contain, "making room", _make_room, ws_client, hold, taking)
    # The question goes on when we are cancelled; the next one must not overtake it.
    await asyncio.shield(taking)


async def _make_room(ws_client: WSClient, hold: Hold, taking: asyncio.Future[None]) -> None:
    await asyncio.wait({taking})
    await asyncio.to_thread(hold, False)
    try:
        await asyncio.wait_for(ws_client.catch_up(), CATCH_UP_SECONDS)
    except asyncio.TimeoutError:
        logger.warning("what was on its way did not come within {:g} s", CATCH_UP_SECONDS)


def leave_with(pid: int) -> None:
    """Stop this program when another process is gone, however it went."""
    leaving.leave_with(pid, lambda: os.kill(os.getpid(), signal.SIGTERM), LEAVE_AFTER_S)
