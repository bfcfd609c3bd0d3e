"""Lets attributes answer to their older names; `moobius.legacy` fills the table of these."""

from __future__ import annotations

from typing import Any, TypeVar

C = TypeVar("C", bound=type)

ATTRIBUTES: dict[str, str] = {}
"""Older name of an attribute of `Moobius` -> its name."""


class OlderName:
    """An attribute under an older name, until something is assigned to that name.

    So a service may use a name that was ours in an older version for something else.
    """

    def __init__(self, name: str) -> None:
        """Stand for the attribute `name`."""
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else getattr(instance, self._name)


def with_older_names(cls: C) -> C:
    """Let the instances of a class answer to the names in `ATTRIBUTES`, too."""
    for older, name in ATTRIBUTES.items():
        setattr(cls, older, OlderName(name))
    return cls
