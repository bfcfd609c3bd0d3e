"""The 1.8.0 spelling of typed JSON: a face over `moobius.typed_json` (sdk.md 1.10)."""

from __future__ import annotations

from typing import Any

from moobius.typed_json import _DTYPE, _DVAL, from_jsonable, to_jsonable, to_plain
from moobius.utils import enhanced_json_load, enhanced_json_save

__all__ = [
    "_DTYPE",
    "_DVAL",
    "enhanced_json_load",
    "enhanced_json_save",
    "marked_recursive_dataclass",
    "marked_recursive_undataclass",
]


def marked_recursive_dataclass(data: Any) -> Any:
    """Return `data` with every marked value in it restored."""
    return from_jsonable(data)


def marked_recursive_undataclass(data: Any, typemark_dataclasses: bool = True) -> Any:
    """Return `data` in JSON's own types, dataclasses marked or as plain dicts."""
    return to_jsonable(data) if typemark_dataclasses else to_plain(data)
