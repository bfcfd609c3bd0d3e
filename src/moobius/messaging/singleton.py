"""`Singleton`: a base class whose subclasses have one instance each (specification 2.1)."""

from __future__ import annotations

from threading import RLock
from typing import Any


class _OneInstance(type):
    """Makes a class return its first instance ever after; later arguments are ignored."""

    def __init__(cls, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        cls._lock = RLock()
        cls._instance: Any = None

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        # Two threads that ask first at the same time get the same one.
        with cls._lock:
            if cls._instance is None:
                cls._instance = super().__call__(*args, **kwargs)
            return cls._instance


class Singleton(metaclass=_OneInstance):
    """Base of classes with one instance: constructing it again returns the first."""
