"""An event loop's clock that a test can put forward: no test has to be as quick as a short limit.

Where something happens after a minute, a test lets a minute pass at once, and a machine that
stands still for seconds changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def forward_clock() -> Callable[[float], None]:
    """Return what puts the running loop's clock forward by so many seconds, for the loop's life."""
    loop = asyncio.get_running_loop()
    clock, ahead = loop.time, [0.0]

    def forward(seconds: float) -> None:
        ahead[0] += seconds

    loop.time = lambda: clock() + ahead[0]  # type: ignore[method-assign]
    return forward
