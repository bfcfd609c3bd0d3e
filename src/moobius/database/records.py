"""A value as the text of its record, and back: the same for every engine that keeps text. Pure."""

from __future__ import annotations

import json
from typing import Any

from moobius.database.old_records import looks_old, restore_old
from moobius.errors import BrokenRecord, UnstorableError
from moobius.typed_json import TOO_DEEP, dump_jsonable, load_typed, mark_pairs, to_jsonable


def encode_record(
    key: str, value: Any, *, with_key: bool = False, indent: int | None = None
) -> str:
    """Return the text under which a value is kept, never to be mistaken for an old record.

    Args:
        key: The key, which errors name.
        value: Any value that can be restored.
        with_key: Whether the record says its key, where the place it is kept at cannot.
        indent: As for `json.dumps`.

    Raises:
        UnstorableError: If the value is of a type that could not be restored.
    """
    try:
        data = mark_pairs(value) if looks_old(key, value) else to_jsonable(value)
        return dump_jsonable([key, data] if with_key else data, indent=indent)
    except UnstorableError as error:
        raise UnstorableError(f"{key!r} not stored: {error}") from error
    except RecursionError as error:
        raise UnstorableError(f"{key!r} not stored: {TOO_DEEP}") from error


def decode_record(key: str, raw: Any, where: object, *, with_key: bool = False) -> Any:
    """Return the value of a record of this or any older version.

    Args:
        key: The key it is kept under.
        raw: The record, text or bytes.
        where: The place it is kept at, which errors name.
        with_key: See `encode_record`.

    Raises:
        BrokenRecord: If it cannot be read.
    """
    try:
        return _decode_with_key(key, _text(raw)) if with_key else _decode(key, _text(raw))
    except Exception as error:  # whatever it is, it must not keep other records from being read
        raise broken_record(key, where, error) from error


def broken_record(key: str, where: object, error: Exception) -> BrokenRecord:
    """Return the error that says which record cannot be read, and why."""
    return BrokenRecord(f"the record {key!r} in {where} cannot be read: {error}")


def _text(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    if isinstance(raw, bytes):
        return raw.decode(json.detect_encoding(raw))
    raise ValueError(f"it holds a {type(raw).__name__} instead of text")


def _decode(key: str, text: str) -> Any:
    if '"_type"' in text and looks_old(key, data := json.loads(text)):
        return restore_old(key, data)
    return load_typed(text)


def _decode_with_key(key: str, text: str) -> Any:
    record = load_typed(text)
    if not isinstance(record, list) or len(record) != 2:
        raise ValueError("a record with a long key must be a list of key and value")
    if record[0] != key:
        raise ValueError("it says that it is the record of another key")
    return record[1]
