"""How a wand was asked to run a service, and what it tells of it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

READY_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0
HANG_TIMEOUT = 30.0
STOP_SLACK_S = 10.0
"""What a service needs, besides the time of its callbacks, for last frames, storage and sockets."""


@dataclass(frozen=True)
class Plan:
    """How a service is run.

    Attributes:
        cls: Its class.
        kwargs: What the class is called with.
        name: What it is called from outside.
        ready_timeout: Seconds it may take to get ready.
        stop_timeout: Seconds its callbacks get to end when it stops.
        hang_timeout: Seconds its event loop may stand still before it counts as hanging.
        log_file: Where it logs to if its configuration names no file; empty for nowhere.
    """

    cls: type[Moobius]
    kwargs: dict[str, Any] = field(repr=False)
    name: str
    ready_timeout: float = READY_TIMEOUT
    stop_timeout: float = STOP_TIMEOUT
    hang_timeout: float = HANG_TIMEOUT
    log_file: str = ""


@dataclass(frozen=True)
class ServiceStatus:
    """What a wand knows of one of its services.

    Attributes:
        handle: Its number at that wand.
        name: What it is called from outside.
        state: `starting`, `running`, `hanging` (its event loop stands still), `restarting`,
            `stopping`; at last `stopped`, or `failed`.
        pid: The process it runs in, or ran in last; `None` before there is one.
        restarts: How often in a row it was started again because it had ended.
    """

    handle: int
    name: str
    state: str
    pid: int | None
    restarts: int


def split_keywords(
    cls: type[Moobius], given: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell the wand's own keywords from the constructor's: return both, in this order.

    A constructor that declares one of ours itself, as in `def __init__(self, name, **kwargs)`, is
    older than our use of the word, and gets it.
    """
    declared = inspect.signature(cls.__init__).parameters
    ours = {key: value for key, value in given.items() if key in OWN and key not in declared}
    return ours, {key: value for key, value in given.items() if key not in ours}


OWN = ("name", "restart", "restart_limit", "ready_timeout", "stop_timeout", "hang_timeout")
"""Keywords of `MoobiusWand.run` that are not for the service."""
