"""How a service is to be run, as a wand was asked to; and the status it reports of it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moobius.core.running.supervision import Restarts, check_policy
from moobius.core.stopping.time_limits import STOP_SLACK_S, STOP_TIMEOUT
from moobius.errors import ConfigError

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

READY_TIMEOUT = 60.0
HANG_TIMEOUT = 30.0
LONGEST_S = 100_000.0
"""The longest timeout, a bit more than a day: system calls that wait cannot take any number."""


@dataclass(frozen=True)
class Plan:
    """How a service is run.

    Attributes:
        cls: Its class.
        kwargs: What the class is called with.
        name: The name under which other programs reach it.
        ready_timeout: Seconds it may take to get ready.
        stop_timeout: Seconds its callbacks, and `on_stop`, get to end when it stops.
        hang_timeout: Seconds its event loop may be blocked before the service counts as hanging.
        log_file: The log file to use if its configuration names none; empty for no file.
        ensure_platform: Called before it looks for the local Platform, if it needs that.
    """

    cls: type[Moobius]
    kwargs: dict[str, Any] = field(repr=False)
    name: str
    ready_timeout: float = READY_TIMEOUT
    stop_timeout: float = STOP_TIMEOUT
    hang_timeout: float = HANG_TIMEOUT
    log_file: str = ""
    ensure_platform: Callable[[], object] = field(default=lambda: None, repr=False)

    @property
    def patience(self) -> float:
        """Seconds it gets to stop in order, before it is stopped by force."""
        return self.stop_timeout + STOP_SLACK_S


@dataclass(frozen=True)
class ServiceStatus:
    """What a wand knows of one of its services.

    Attributes:
        handle: Its number at that wand.
        name: The name under which other programs reach it.
        state: `starting`, `running`, `hanging` (its event loop is blocked), `restarting`,
            `stopping`; at last `stopped`, or `failed`.
        pid: The process it runs in, or ran in last; `None` before there is one.
        restarts: How often in a row it was restarted because it had ended.
    """

    handle: int
    name: str
    state: str
    pid: int | None
    restarts: int


@dataclass(frozen=True)
class Order:
    """What a wand was asked to run, with arguments that were checked.

    Attributes:
        cls: The class.
        kwargs: What the class is called with.
        name: The name for other programs; `None` for that of the class.
        restarts: When it is restarted.
        limits: The timeouts that were given, by their names in `Plan`.
    """

    cls: type[Moobius]
    kwargs: dict[str, Any] = field(repr=False)
    name: str | None
    restarts: Restarts
    limits: dict[str, float]


def read_order(cls: type[Moobius], given: Mapping[str, Any]) -> Order:
    """Separate our own keywords from those of the constructor, and check ours.

    A constructor that declares one of ours itself, as in `def __init__(self, name, **kwargs)`, was
    written before the keyword was ours, and gets it.

    Raises:
        ConfigError: If one of ours has an impossible value.
    """
    declared = inspect.signature(cls.__init__).parameters
    ours = {key: value for key, value in given.items() if key in OWN and key not in declared}
    rest = {key: value for key, value in given.items() if key not in ours}
    for key, (is_possible, expected) in _POSSIBLE.items():
        if key in ours and not is_possible(ours[key]):
            raise ConfigError(f"{key}={ours[key]!r} is not possible; it takes {expected}")
    name = ours.pop("name", None)
    policy = check_policy(ours.pop("restart", "never"))
    restarts = Restarts(policy, ours.pop("restart_limit", Restarts.limit))
    return Order(cls, rest, name, restarts, ours)


OWN = ("name", "restart", "restart_limit", "ready_timeout", "stop_timeout", "hang_timeout")
"""Keywords of `MoobiusWand.run` that are not for the service."""


def _seconds(least: float) -> tuple[Callable[[Any], bool], str]:
    def is_possible(value: Any) -> bool:
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and least <= value <= LONGEST_S

    return is_possible, f"seconds, as a number from {least:g} to {LONGEST_S:g}"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


# Keyword -> whether a value is possible, and what is.
_POSSIBLE: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "restart_limit": (_is_count, "a whole number, 0 or more"),
    "ready_timeout": _seconds(least=0.1),
    "stop_timeout": _seconds(least=0),
    "hang_timeout": _seconds(least=0.1),
}
