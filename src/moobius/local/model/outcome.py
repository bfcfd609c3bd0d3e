"""The result of a command: a reply, events, and deliveries; and what a rule is given to decide."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Union

from moobius.local.model.events import Event

Frame = dict[str, Any]


@dataclass(frozen=True)
class Quotas:
    """How much an account may have; `options.Limits` says what happens beyond."""

    groups: float = math.inf
    channels: float = math.inf
    services: float = math.inf
    agents: float = math.inf  # of a service
    logins: float = math.inf
    tokens: float = math.inf  # access tokens of a login
    texts: float = math.inf  # bytes written of channels, services and agents
    member_lists: float = math.inf  # of a channel


@dataclass(frozen=True)
class Moment:
    """What a rule cannot find out by itself, because it has no clock and no randomness.

    Attributes:
        now: Milliseconds since the epoch.
        new_stamp: Returns the time of a message, later than that of any before.
        new_id: Returns a fresh id at each call.
        quotas: How much an account may have.
    """

    now: int
    new_stamp: Callable[[], int]
    new_id: Callable[[], str]
    quotas: Quotas = Quotas()


@dataclass(frozen=True)
class ToUsers:
    """Deliver to every live connection of these users, in this order.

    Attributes:
        named: The characters behind a group id in the frame, for clients that know no groups.
    """

    users: tuple[str, ...]
    frame: Frame
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class ToService:
    """Deliver to the connection that logged in last for a service; `named` as for users."""

    service_id: str
    frame: Frame
    named: tuple[str, ...] = ()


@dataclass(frozen=True)
class Farewell:
    """Close all connections of an account."""

    user_id: str


Delivery = Union[ToUsers, ToService, Farewell]  # noqa: UP007 - evaluated at run time on 3.10


@dataclass
class Outcome:
    """The result of one command; nothing has changed until its events are applied."""

    data: Any = None
    events: list[Event] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    def add(self, *events: Event) -> None:
        """Add what happened, in order."""
        self.events.extend(events)

    def deliver(self, *deliveries: Delivery) -> None:
        """Add deliveries, in order."""
        self.deliveries.extend(deliveries)
