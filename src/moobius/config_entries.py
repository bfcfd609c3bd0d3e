"""Checks the storage configuration: its entries, and the settings of engines. Pure."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from moobius.errors import ConfigError


class Kind(NamedTuple):
    """What a value of a configuration may be.

    Attributes:
        words: The kind in words, for errors.
        fits: Whether a value is of this kind.
        may_be_shown: Whether an error may show a wrong value; it could be a password.
    """

    words: str
    fits: Callable[[Any], bool]
    may_be_shown: bool = True


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value)


ANYTHING = Kind("anything", lambda value: True)
SWITCH = Kind("true or false", lambda value: isinstance(value, bool))
TEXT = Kind("text", lambda value: isinstance(value, str))
PLACE = Kind("the name of a file or folder", lambda value: isinstance(value, (str, os.PathLike)))
SECONDS = Kind("a number of seconds above 0", lambda value: _is_number(value) and value > 0)
PATIENCE = Kind("a number of seconds, 0 or more", lambda value: _is_number(value) and value >= 0)
OBJECT = Kind("an object", lambda value: isinstance(value, Mapping), may_be_shown=False)


def or_nothing(kind: Kind) -> Kind:
    """Return the kind that may also be null, which means the default."""
    words = f"{kind.words}, or null"
    return kind._replace(words=words, fits=lambda value: value is None or kind.fits(value))


# Key of an entry (sdk.md 2.3) -> what it may be.
ENTRY: dict[str, Kind] = {
    "implementation": ANYTHING,
    "settings": or_nothing(OBJECT),
    "name": TEXT,
    "load": SWITCH,
    "clear": SWITCH,
    "strict": or_nothing(SWITCH),
}
_REQUIRED = ("implementation", "name")


def check_kinds(where: str, given: Mapping[str, Any], known: Mapping[str, Kind]) -> None:
    """Refuse a value that is not of its kind; names without a kind are not checked.

    Args:
        where: What holds the values, for errors.
        given: Name -> value.
        known: Name -> kind.

    Raises:
        ConfigError: If one does not fit.
    """
    for name, value in given.items():
        kind = known.get(name, ANYTHING)
        if not kind.fits(value):
            found = repr(value) if kind.may_be_shown else f"a {type(value).__name__}"
            raise ConfigError(f"{where}: {name!r} is {found}; it must be {kind.words}")


def check_entries(entries: Iterable[Any], source: object = "the storage configuration") -> None:
    """Refuse entries with mistakes.

    Args:
        entries: One mapping for each container.
        source: Where they come from, for errors.

    Raises:
        ConfigError: If a key is missing, unknown or of a wrong kind, or two have one name.
    """
    names: dict[str, int] = {}
    for position, entry in enumerate(entries):
        where = f"entry {position} of {source}"
        _check_entry(where, entry)
        first = names.setdefault(entry["name"], position)
        if first != position:
            raise ConfigError(f"{where} has the name {entry['name']!r}, and so has entry {first}")


def _check_entry(where: str, entry: Any) -> None:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{where} is a {type(entry).__name__}; it must be an object")
    if unknown := [key for key in entry if key not in ENTRY]:
        raise ConfigError(f"{where} has {unknown[0]!r}; known are {', '.join(ENTRY)}")
    for required in _REQUIRED:
        if required not in entry:
            raise ConfigError(f"{where} has no {required!r}")
    check_kinds(where, entry, ENTRY)
