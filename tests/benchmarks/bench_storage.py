"""How much storage costs beyond what it stands on.

    python -m tests.benchmarks.bench_storage [ROUNDS]

Every line compares two ways of doing the same in the same run. They take turns, so that a busy
moment of the machine falls on both; what is shown is the median of the ratios.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import diskcache  # type: ignore[import-untyped] # comes without types
import redis
import sqlitedict  # type: ignore[import-untyped] # comes without types

from moobius.database.cached_dict import CachedDict
from moobius.database.json_database import JSONDatabase
from moobius.database.redis_database import RedisDatabase
from moobius.database.sqlite_database import SQLiteDatabase
from moobius.typed_json import dump_typed
from tests.support.redis import redis_server

KEYS = [f"6f1c2e0a-{number:04x}-4b7e-9d5f-0a1b2c3d4e5f" for number in range(10_000)]
WRITTEN = KEYS[:200]
VALUE = {"name": "Ada", "points": 12, "ratio": 0.5, "tags": ["first", "seen"], "last": None}
VALUES = [VALUE, {**VALUE, "points": 13}]  # in turns: what is there already may cost nothing
DOMAIN = "service_s.channel_c.scores"
INSERT = "INSERT OR REPLACE INTO r VALUES (?, ?, ?)"


class Contest(NamedTuple):
    """Two ways of doing the same thing.

    Attributes:
        aim: The largest ratio that is good; None where it is only of interest.
        calls: How often the thing is done by one call.
    """

    name: str
    ours: Callable[[], Any]
    reference: Callable[[], Any]
    aim: float | None
    calls: int


# ---- Reading what is in memory ----


def cached_reads(stack: ExitStack, folder: Path) -> Iterator[Contest]:
    database = JSONDatabase(DOMAIN, root_dir=str(folder))
    container = CachedDict(database)
    for key in KEYS[:1000]:
        container[key] = VALUE
    container.load()
    plain = dict(container)

    def read(of: Mapping[str, Any], keys: list[str]) -> None:
        for key in keys:
            of[key]

    def ask(of: Mapping[str, Any], keys: list[str]) -> None:
        for key in keys:
            key in of  # noqa: B015 - asking is the work

    def get(of: Mapping[str, Any], keys: list[str]) -> None:
        for key in keys:
            of.get(key)

    def all_of(of: Mapping[str, Any], keys: list[str]) -> None:
        for _ in of.items():
            pass

    # The frame that brings a key makes a new text of it, whose hash is not known yet.
    def read_as_from_frames(of: Mapping[str, Any], keys: list[str]) -> None:
        for key in json.loads(frame):
            of[key]

    known = list(plain)
    frame = json.dumps(known)
    ways = [
        ("d[key], as a loop does nothing else", read, 1.5),
        ("d[key], the key from a JSON frame", read_as_from_frames, 1.5),
        ("key in d", ask, None),
        ("d.get(key)", get, None),
        ("for key, value in d.items()", all_of, None),
    ]
    for name, way, aim in ways:
        yield Contest(
            f"{name} : plain dict",
            lambda way=way: way(container, known),  # type: ignore[misc]
            lambda way=way: way(plain, known),  # type: ignore[misc]
            aim,
            len(known),
        )


# ---- Writing ----


def json_writes(stack: ExitStack, folder: Path) -> Iterator[Contest]:
    container = CachedDict(JSONDatabase(DOMAIN, root_dir=str(folder / "ours")))
    bare = folder / "bare"
    bare.mkdir()
    contents = cycle([dump_typed(value).encode() for value in VALUES])

    def reference() -> None:
        content = next(contents)
        for key in WRITTEN:
            temporary = f"{bare}/.{secrets.token_hex(8)}.tmp"
            with open(temporary, "xb") as file:  # noqa: PTH123 - as bare as can be
                file.write(content)
            os.replace(temporary, f"{bare}/{key}.json")  # noqa: PTH105

    yield Contest("json: d[key] = v : write and rename", writing(container), reference, 1.5, 200)


def sqlite_writes(stack: ExitStack, folder: Path) -> Iterator[Contest]:
    container = CachedDict(SQLiteDatabase(DOMAIN, root_dir=str(folder / "ours")))
    synced = CachedDict(SQLiteDatabase(DOMAIN, root_dir=str(folder / "synced"), fsync=True))
    bare = bare_sqlite(stack, folder / "bare", "NORMAL")
    bare_synced = bare_sqlite(stack, folder / "bare synced", "FULL")
    cache = stack.enter_context(diskcache.Cache(str(folder / "diskcache")))
    lite = stack.enter_context(sqlitedict.SqliteDict(str(folder / "lite"), autocommit=True))

    def insert_given(into: sqlite3.Connection) -> Callable[[], None]:
        texts = cycle([dump_typed(value, indent=None) for value in VALUES])

        def go() -> None:
            text = next(texts)
            for key in WRITTEN:
                into.execute(INSERT, (DOMAIN, key, text))

        return go

    def insert_dumped() -> None:
        value = next(values)
        for key in WRITTEN:
            bare.execute(INSERT, (DOMAIN, key, json.dumps(value)))

    def into_sqlitedict() -> None:
        writing(lite)()
        lite.commit(blocking=True)  # it writes in a thread of its own; wait until it has

    ours, values = "sqlite: d[key] = v : ", cycle(VALUES)
    given, given_synced = insert_given(bare), insert_given(bare_synced)
    yield Contest(f"{ours}sqlite3 and json.dumps", writing(container), insert_dumped, 1.5, 200)
    yield Contest(f"{ours}sqlite3, bytes given", writing(container), given, 1.5, 200)
    yield Contest(f"{ours}the last, all with fsync", writing(synced), given_synced, 1.5, 200)
    yield Contest(f"{ours}diskcache", writing(container), writing(cache), 1.0, 200)
    yield Contest(f"{ours}sqlitedict", writing(container), into_sqlitedict, 1.0, 200)


def bare_sqlite(stack: ExitStack, file: Path, synchronous: str) -> sqlite3.Connection:
    """Return a connection with the settings that our engine has."""
    bare = sqlite3.connect(file, isolation_level=None)
    stack.callback(bare.close)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute(f"PRAGMA synchronous={synchronous}")
    bare.execute(
        "CREATE TABLE r (domain TEXT, key TEXT, value TEXT, PRIMARY KEY (domain, key)) "
        "WITHOUT ROWID"
    )
    return bare


def writing(container: Any) -> Callable[[], None]:
    values = cycle(VALUES)

    def go() -> None:
        value = next(values)
        for key in WRITTEN:
            container[key] = value

    return go


# ---- Loading 10,000 keys ----


def loads(stack: ExitStack, folder: Path) -> Iterator[Contest]:
    text = dump_typed(VALUE, indent=None)
    json_store = JSONDatabase(DOMAIN, root_dir=str(folder))
    sqlite_store = SQLiteDatabase(DOMAIN, root_dir=str(folder))
    server = stack.enter_context(redis_server())
    redis_store = RedisDatabase(DOMAIN, **server.settings)
    stack.callback(redis_store.close)
    bare_redis: Any = stack.enter_context(contextlib.closing(redis.Redis(**server.settings)))
    bare_redis.hset("bare", mapping=dict.fromkeys(KEYS, text))
    bare_redis.hset(redis_store._name, mapping=dict.fromkeys(KEYS, text))
    bare_sqlite = sqlite3.connect(sqlite_store.path, isolation_level=None)
    stack.callback(bare_sqlite.close)
    with bare_sqlite:
        rows = ((DOMAIN, key, text) for key in KEYS)
        bare_sqlite.executemany("INSERT INTO moobius_records VALUES (?, ?, ?)", rows)
    for key in KEYS:
        (json_store.path / f"{key}.json").write_text(dump_typed(VALUE), "utf-8")

    def open_and_loads() -> dict[str, Any]:
        found = {}
        for name in os.listdir(json_store.path):  # noqa: PTH208
            with open(f"{json_store.path}/{name}", "rb") as file:  # noqa: PTH123
                found[name[:-5]] = json.loads(file.read())
        return found

    def select_and_loads() -> dict[str, Any]:
        query = "SELECT key, value FROM moobius_records WHERE domain = ?"
        return {k: json.loads(v) for k, v in bare_sqlite.execute(query, (DOMAIN,)).fetchall()}

    def hgetall_and_loads() -> dict[str, Any]:
        return {k.decode(): json.loads(v) for k, v in bare_redis.hgetall("bare").items()}

    for name, store, reference in [
        ("json: load : open and json.loads", json_store, open_and_loads),
        ("sqlite: load : SELECT and json.loads", sqlite_store, select_and_loads),
        ("redis: load : HGETALL and json.loads", redis_store, hgetall_and_loads),
    ]:
        assert loading(store)() == reference(), "they must do the same"
        yield Contest(name, loading(store), reference, 1.5, 1)
        yield Contest(name.replace(": load :", ": aload :"), aloading(store), reference, 1.5, 1)


def loading(database: Any) -> Callable[[], CachedDict]:
    def go() -> CachedDict:
        container = CachedDict(database)
        container.load()
        return container

    return go


def aloading(database: Any) -> Callable[[], None]:
    """Load as a service does, while others may run."""

    async def load() -> None:  # asyncio writes out what a task returns, all 10,000 of it
        await CachedDict(database).aload()

    return lambda: asyncio.run(load())


# ---- The contest ----


def milliseconds(work: Callable[[], Any]) -> float:
    gc.collect()
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def compete(contest: Contest, rounds: int) -> str:
    """Return a line of the table."""
    contest.ours()
    contest.reference()
    pairs = []
    for number in range(rounds):
        if number % 2:  # whoever comes second finds warmer caches
            ours, reference = milliseconds(contest.ours), milliseconds(contest.reference)
        else:
            reference, ours = milliseconds(contest.reference), milliseconds(contest.ours)
        pairs.append((ours, reference))
    ratio = statistics.median(ours / reference for ours, reference in pairs)
    each = [statistics.median(side) / contest.calls * 1000 for side in zip(*pairs, strict=True)]
    verdict = ""
    if contest.aim is not None:
        verdict = f"{'met' if ratio <= contest.aim else 'MISSED'} (aim {contest.aim})"
    return f"{contest.name:48} {each[0]:12.2f} {each[1]:12.2f} {ratio:7.2f}  {verdict}"


def main() -> None:
    """Measure, and print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 21
    sys.stdout.write(f"{'ours : reference':48} {'ours us':>12} {'theirs us':>12} {'ratio':>7}\n")
    for topic in (cached_reads, json_writes, sqlite_writes, loads):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            for contest in topic(stack, Path(folder)):
                sys.stdout.write(compete(contest, rounds) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
