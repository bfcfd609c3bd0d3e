"""Waiting for a condition instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds until a test gives up: far more than anything takes on a slow, busy machine."""


async def until(
    is_so: Callable[[], bool],
    explain: Callable[[], str] = lambda: "it did not happen",
    timeout: float = PATIENCE,
) -> None:
    """Return as soon as the condition holds; fail with the explanation when it takes too long."""
    deadline = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < deadline, explain()
        await asyncio.sleep(0.02)


def wait_until(
    is_so: Callable[[], object],
    explain: Callable[[], str] = lambda: "it did not happen",
    timeout: float = PATIENCE,
) -> None:
    """Do the same where there is no event loop."""
    deadline = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.02)
