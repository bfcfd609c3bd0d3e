"""Verbs that belong to one mode only: a service sends views, a user clicks (sdk.md 1.2.7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from moobius.errors import WrongMode

if TYPE_CHECKING:
    from moobius.core.sdk import Moobius

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Moobius")
Verb = Callable[Concatenate[S, P], Awaitable[R]]


def service_only(verb: Verb[S, P, R]) -> Verb[S, P, R]:
    """Make a verb raise `WrongMode` in user mode."""
    return _only(verb, True, "a service (service_mode true)")


def user_only(verb: Verb[S, P, R]) -> Verb[S, P, R]:
    """Make a verb raise `WrongMode` in service mode."""
    return _only(verb, False, "a user-mode client (is_agent=True, or service_mode false)")


def _only(verb: Verb[S, P, R], service_mode: bool, whose: str) -> Verb[S, P, R]:
    @wraps(verb)
    async def checked(self: S, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.service_mode is not service_mode:
            name: Any = getattr(verb, "__name__", verb)
            raise WrongMode(f"{name}() is for {whose}; this is not one")
        return await verb(self, *args, **kwargs)

    return checked
