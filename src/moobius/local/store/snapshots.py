"""Snapshots: the whole state as it was after an event, so that a start reads only what followed.

Nothing is lost with a snapshot: the events it was made of are still there. So one that is damaged,
or was written by a version with another kind of `State`, is passed over, and a new one is made.

It is kept in parts of a thousand entries, none of which takes long to make or to write, and it
counts only once its head is written, after all of its parts.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from itertools import islice
from typing import Any, NamedTuple, get_type_hints

import msgspec
from loguru import logger

from moobius.local.model.state import INDEXES, State, index

SCHEMA = """
CREATE TABLE IF NOT EXISTS snapshots (seq INTEGER PRIMARY KEY, shape TEXT NOT NULL,
    entries INTEGER NOT NULL, parts INTEGER NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshot_parts (snapshot INTEGER NOT NULL, part INTEGER NOT NULL,
    field TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (snapshot, part));
"""

APPLY_VERSION = 1
"""Raise this when `apply` makes another state of the same events, for then old snapshots are wrong.
A change of the fields of `State` is noticed without it: `SHAPE` follows them."""

PART = 1000  # entries

_types = get_type_hints(State)
_decoders = {
    field.name: msgspec.msgpack.Decoder(_types[field.name])
    for field in fields(State)
    if field.name not in INDEXES
}
_encode = msgspec.msgpack.Encoder().encode


def _shape() -> str:
    described = repr((APPLY_VERSION, sorted(INDEXES), msgspec.inspect.type_info(State)))
    return hashlib.sha256(described.encode()).hexdigest()[:16]


SHAPE = _shape()


class Part(NamedTuple):
    """Some entries of one field of a state."""

    field: str
    body: bytes


class Snapshot(NamedTuple):
    """A snapshot that could be read.

    Attributes:
        state: The state.
        seq: The number of the last event it has.
        entries: How many entries it consists of.
    """

    state: State
    seq: int
    entries: int


class _Unreadable(Exception):
    """A snapshot that is passed over; says why."""


def parts_of(state: State) -> Iterator[Part]:
    """Cut a state into parts."""
    for field in _decoders:
        entries = iter(getattr(state, field).items())
        while part := dict(islice(entries, PART)):
            yield Part(field, _encode(part))


def state_of(parts: Iterable[Part]) -> State:
    """Put the parts of a state together again."""
    state = State()
    for field, body in parts:
        if field not in _decoders:
            raise _Unreadable(f"it has a part {field!r}, which nothing here has")
        getattr(state, field).update(_decoders[field].decode(body))
    index(state)
    return state


def size_of(state: State) -> int:
    """Count the entries that a snapshot of a state has."""
    return sum(len(getattr(state, field)) for field in _decoders)


def newest(connection: sqlite3.Connection, pause: Callable[[], None]) -> Snapshot | None:
    """Return the newest snapshot that can be read; None if there is none.

    Args:
        connection: The journal's.
        pause: Called after every part; what it raises ends the work.
    """
    heads = "SELECT seq, shape, entries, parts, checksum FROM snapshots ORDER BY seq DESC"
    try:
        found = connection.execute(heads).fetchall()
    except sqlite3.DatabaseError as error:
        logger.warning("the snapshots cannot be read, so all events are: {}", error)
        return None
    for seq, shape, entries, *wanted in found:
        try:
            if shape != SHAPE:
                raise _Unreadable("it was written by another version")
            return Snapshot(_read(connection, seq, wanted, pause), seq, entries)
        except (_Unreadable, msgspec.MsgspecError, sqlite3.DatabaseError) as error:
            logger.warning("the snapshot at event {} is passed over: {}", seq, error)
    return None


def _read(
    connection: sqlite3.Connection, seq: int, wanted: list[int], pause: Callable[[], None]
) -> State:
    def parts() -> Iterator[Part]:
        count, checksum = 0, 0
        query = "SELECT field, body FROM snapshot_parts WHERE snapshot = ? ORDER BY part"
        for field, body in connection.execute(query, (seq,)):
            count, checksum = count + 1, zlib.crc32(body, checksum)
            yield Part(field, body)
            pause()
        if [count, checksum] != wanted:
            raise _Unreadable("it is damaged")

    return state_of(parts())


Step = tuple[str, tuple[Any, ...]]
"""A statement and its values; carried out by itself, so that nothing has to wait long for it."""

PARTS = "SELECT snapshot, part FROM snapshot_parts"


def steps(seq: int, state: State, old: Iterable[tuple[int, int]]) -> Iterator[Step]:
    """Give the steps that write a snapshot and then take away what there was before.

    Args:
        seq: The last event that `state` has.
        state: What to write.
        old: What `PARTS` finds.
    """
    yield "DELETE FROM snapshot_parts WHERE snapshot = ?", (seq,)  # of one that was not finished
    count, checksum = 0, 0
    for part in parts_of(state):
        yield "INSERT INTO snapshot_parts VALUES (?, ?, ?, ?)", (seq, count, *part)
        count, checksum = count + 1, zlib.crc32(part.body, checksum)
    head = (seq, SHAPE, size_of(state), count, checksum)
    yield "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?)", head
    yield "DELETE FROM snapshots WHERE seq <> ?", (seq,)
    for snapshot, number in old:
        if snapshot != seq:
            yield DROP, (snapshot, number)


DROP = "DELETE FROM snapshot_parts WHERE snapshot = ? AND part = ?"
