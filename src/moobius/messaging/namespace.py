"""`Namespace`, values by name or by index, and `PendingRequest` (specification 2.1)."""

from __future__ import annotations

from typing import Any


class Namespace:
    """Attributes from keyword arguments, also readable and writable by index.

    >>> place = Namespace(x=1)
    >>> place["y"] = place.x + 1
    >>> place.y
    2
    """

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)

    def __getitem__(self, name: str) -> Any:
        return self.__dict__[name]

    def __setitem__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    # Both also tell a type checker that any name may be there.

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{type(self).__name__} has no {name!r}; it has {list(vars(self))}")

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__[name] = value

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({values})"


class PendingRequest(Namespace):
    """A request that waits for its answer."""
