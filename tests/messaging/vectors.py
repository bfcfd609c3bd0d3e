"""The test vectors of the specification: bytes that the original made, and what it read."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

# What stands for values that JSON does not have.
_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "$tuple": lambda items: tuple(value(item) for item in items),
    "$bytes": bytes.fromhex,
    "$bytearray": bytearray.fromhex,
    "$float": float,
    "$pairs": lambda pairs: {value(key): value(item) for key, item in pairs},
    "$repeat": lambda of: of[0] * of[1],
    "$affine": lambda of: bytes((of[0] * i + of[1]) % 256 for i in range(of[2])),
}


@cache
def vectors() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text("utf-8"))
    return loaded


def value(written: Any) -> Any:
    """Return the value that an input of a vector stands for."""
    if isinstance(written, list):
        return [value(item) for item in written]
    if isinstance(written, dict):
        if len(written) == 1 and (name := next(iter(written))) in _SPECIAL:
            return _SPECIAL[name](written[name])
        return {key: value(item) for key, item in written.items()}
    return written


def named(section: str) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in vectors()[section]}


def negative_bytes(entry: dict[str, Any]) -> bytes:
    """Return the bytes of a malformed input; two of them are written as rules."""
    if entry["hex"] is not None:
        return bytes.fromhex(entry["hex"])
    rule = entry["rule"]
    contents = {
        "content_deep_nesting": "[" * 20000 + "]" * 20000,
        "content_integer_5000_digits": '{"args": [' + "9" * 5000 + '], "kwargs": {}}',
    }
    content = contents[entry["name"]]
    header: str = rule["header"]
    return bytes.fromhex(rule["protoheader"]) + header.encode() + content.encode()
