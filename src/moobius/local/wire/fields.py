"""Read a field of a decoded frame, or refuse it by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moobius.local.model.refusal import Refused, malformed

Body = Mapping[str, Any]

LARGEST_TIMESTAMP = 253_402_300_799_999  # the end of the year 9999; no clock shows more

WORDS = {"true": True, "false": False, "": False}  # older clients send words for booleans


def text(body: Body, name: str, default: str | None = None) -> str:
    """Return a string field; without a default it has to be there.

    Raises:
        Refused: If it is missing or not a string.
    """
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return value


def required(body: Body, name: str) -> str:
    """Return a string field that may not be empty."""
    value = text(body, name)
    if not value:
        raise malformed(f"{name} is required")
    return value


def mapping(body: Body, name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an object field; null and absent give the default."""
    value = body.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, dict):
        raise _wrong(name, "an object", value)
    return value


def text_or_null(body: Body, name: str, where: str = "") -> str | None:
    """Return a string field that may be null or absent; an error names it with `where` before."""
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise _wrong(f"{where}{name}", "a string", value)
    return value


def flag(body: Body, name: str, where: str = "") -> bool | None:
    """Return a boolean field, or the boolean a word for one means; null and absent give None.

    Raises:
        Refused: If it is anything else; names it with `where` before.
    """
    value = body.get(name)
    if isinstance(value, str):
        value = WORDS.get(value.lower(), value)
    elif type(value) is int and value in (0, 1):
        value = bool(value)
    if value is not None and not isinstance(value, bool):
        raise _wrong(f"{where}{name}", "true or false", value)
    return value


def texts(value: Any, name: str) -> list[str]:
    """Return a list of strings."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise malformed(f"{name} must be a list of strings")
    return value


def objects(value: Any, name: str) -> list[dict[str, Any]]:
    """Return a list of objects; a lone object is a list of one, null an empty one."""
    if value is None:
        return []
    if isinstance(value, dict):
        return [value]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise malformed(f"{name} must be a list of objects")
    return value


def ids(value: Any, name: str) -> tuple[str, ...]:
    """Return a list of ids as a tuple."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise malformed(f"{name} must be a list of character ids")
    return tuple(value)


def recipients(body: Body) -> str | tuple[str, ...] | None:
    """Return `recipients`: a group id, a character id, a literal, an inline list or nothing."""
    value = body.get("recipients")
    if value is None or isinstance(value, str):
        return value
    return ids(value, "recipients")


def timestamp(body: Body) -> int | None:
    """Return the client's time if it is a sane integer; otherwise the Platform sets its own."""
    value = body.get("timestamp")
    sane = type(value) is int and 0 <= value <= LARGEST_TIMESTAMP
    return value if sane else None


def _wrong(name: str, wanted: str, value: Any) -> Refused:
    return malformed(f"{name} is required" if value is None else f"{name} must be {wanted}")
