"""A storage engine of somebody else's: the four methods, and nothing inherited."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moobius.database.database_interface import require_text
from moobius.database.records import decode_record, encode_record

_boxes: dict[tuple[str, str], dict[str, str]] = {}


class Attic:
    """Keeps its records for as long as the process lives; `root_dir` says in which corner."""

    def __init__(self, domain: str = "", root_dir: str = "", **kwargs: Any) -> None:
        self._place = (root_dir, domain)

    @property
    def _box(self) -> dict[str, str]:
        return _boxes.setdefault(self._place, {})

    def get_value(self, key: str) -> tuple[bool, Any]:
        if key not in self._box:
            return False, f"no {key!r} in the attic"
        return True, decode_record(key, self._box[key], "the attic")

    def set_value(self, key: str, value: Any) -> tuple[bool, str]:
        self._box[require_text(key)] = encode_record(key, value)
        return True, key

    def delete_key(self, key: str) -> tuple[bool, str]:
        if self._box.pop(key, None) is None:
            return False, f"no {key!r} in the attic"
        return True, key

    def all_keys(self) -> Iterable[str]:
        return list(self._box)
