"""How long to wait before connecting again: a policy without a clock."""

from __future__ import annotations

import random
from collections.abc import Iterator

STABLE_AFTER = 30.0  # seconds; a connection that lived this long was a good one

_FIRST = 0.2
_FACTOR = 1.6
_SHORT_CAP = 1.5
_LONG_CAP = 30.0
_PATIENCE = 8.0


def backoff() -> Iterator[float]:
    """Yield the seconds to wait before each attempt, spread so that clients scatter.

    The wait grows with the outage: never above an eighth of the time already waited, or 1.5 s
    if that is more, so a short outage ends promptly and a long one costs next to nothing.
    """
    delay, waited = _FIRST, 0.0
    while True:
        cap = min(max(_SHORT_CAP, waited / _PATIENCE), _LONG_CAP)
        delay = min(delay, cap)
        spread = delay * random.uniform(0.5, 1.0)
        yield spread
        waited += spread
        delay *= _FACTOR
