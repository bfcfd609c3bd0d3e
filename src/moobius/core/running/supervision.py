"""The rules for restarting a service that has ended, without processes or clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from moobius.errors import ConfigError

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 30.0
STEADY_AFTER_S = 60.0
"""After a run of so many seconds, restarts are counted from 0 again."""

# Policy -> whether a service that ended with this exit status is restarted.
POLICIES: Mapping[str, Callable[[int], bool]] = {
    "never": lambda status: False,
    "on-failure": lambda status: status != 0,
    "always": lambda status: True,
}


def check_policy(restart: str) -> str:
    """Return the name of a policy if there is one.

    Raises:
        ConfigError: If there is none of that name.
    """
    if not isinstance(restart, str) or restart not in POLICIES:
        raise ConfigError(f"restart={restart!r} is none of {', '.join(map(repr, POLICIES))}")
    return restart


@dataclass
class Restarts:
    """The restart policy of one service, and how often it was restarted.

    Attributes:
        policy: `"never"`, `"on-failure"` or `"always"`.
        limit: How often in a row it may be restarted.
        in_a_row: How often it was; 0 again after a run of a minute.
    """

    policy: str = "never"
    limit: int = 5
    in_a_row: int = field(default=0, init=False)

    def after_end(self, status: int, ran_seconds: float) -> float | None:
        """Return in how many seconds to restart it; `None` if it is not to be restarted.

        Args:
            status: Its exit status; 0 means success, a negative number the signal that ended it.
            ran_seconds: How long it had been ready.
        """
        if not POLICIES[self.policy](status):
            return None
        if ran_seconds >= STEADY_AFTER_S:
            self.in_a_row = 0
        if self.in_a_row >= self.limit:
            return None
        self.in_a_row += 1
        return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (self.in_a_row - 1)))
