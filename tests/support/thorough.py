"""How long random tests search: seconds in the suite, as long as you like with `THOROUGH=N`."""

from __future__ import annotations

import os


def times(few: int) -> int:
    """Return how many examples to try: `few`, or so many times more as `THOROUGH` says."""
    return few * int(os.environ.get("THOROUGH", "1"))


def is_thorough() -> bool:
    """Tell whether to look for what no run before has found."""
    return "THOROUGH" in os.environ
