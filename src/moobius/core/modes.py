"""Verbs that belong to one mode only: a service sends views, a user clicks (sdk.md 1.2.7)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from moobius.errors import WrongMode

P = ParamSpec("P")
R = TypeVar("R")
Verb = Callable[P, Coroutine[Any, Any, R]]


def service_only(verb: Verb[P, R]) -> Verb[P, R]:
    """Make a verb raise `WrongMode` in user mode."""
    return _only(verb, True, "a service (service_mode true)")


def user_only(verb: Verb[P, R]) -> Verb[P, R]:
    """Make a verb raise `WrongMode` in service mode."""
    return _only(verb, False, "a user-mode client (is_agent=True, or service_mode false)")


def _only(verb: Verb[P, R], service_mode: bool, whose: str) -> Verb[P, R]:
    @wraps(verb)
    async def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        service: Any = args[0]  # a method's self
        if service.service_mode is not service_mode:
            raise WrongMode(f"{verb.__name__}() is for {whose}; this is not one")
        return await verb(*args, **kwargs)

    return checked
