"""One suite, both stores."""

from __future__ import annotations

import asyncio
import itertools
import resource
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from moobius.errors import StorageError
from moobius.local.model.events import (
    AccountCreated,
    ChannelCreated,
    Joined,
    MessageStored,
    RequestDone,
)
from moobius.local.store.journal import REQUEST, Journal
from moobius.local.store.memory import MemoryStore
from moobius.local.store.protocol import Message, Store
from moobius.local.store.sqlite import SqliteStore
from tests.support.descriptors import open_in
from tests.support.disk import disk_full_after
from tests.support.patience import PATIENCE

ROOM = [
    AccountCreated("ADA", "ada@x", "", "Ada"),
    AccountCreated("BOB", "bob@x", "", "Bob"),
    ChannelCreated("CH", "room", "", "ADA"),
]


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    make: dict[str, Callable[[], Store]] = {
        "memory": lambda: MemoryStore(requests_kept=2),
        "sqlite": lambda: SqliteStore(tmp_path / "journal", requests_kept=2),
    }
    store = make[request.param]()
    yield store
    await store.close()


def _message(number: int, *owners: str, channel: str = "CH") -> MessageStored:
    body = {"message_id": f"MSG-{number}", "timestamp": number, "content": {"text": "ü"}}
    return MessageStored(owners, channel, f"MSG-{number}", number, body)


async def test_the_state_is_what_the_events_have_led_to(store: Store) -> None:
    await store.append([*ROOM, Joined("CH", "ADA", 1), _message(1, "ADA")])
    await store.append([Joined("CH", "BOB", 2)])
    state = await store.restore()
    assert state.channels["CH"].members == {"ADA": 1, "BOB": 2}


async def test_the_latest_requests_of_every_identity_are_remembered(store: Store) -> None:
    assert not await store.has_requests("ADA")
    for number in range(7):
        await store.append([RequestDone("ADA", f"REQ-{number}", f"{number}")])
    await store.append([RequestDone("BOB", "REQ-0")])
    found = [await store.request("ADA", f"REQ-{number}") for number in range(7)]
    assert (found[0], found[-2:]) == (None, ["5", "6"])
    assert await store.request("BOB", "REQ-0") == ""
    assert await store.request("CY", "REQ-0") is None
    assert [await store.has_requests(each) for each in ("ADA", "BOB", "CY")] == [True, True, False]


async def test_and_what_was_asked_in_the_last_of_an_id(store: Store) -> None:
    await store.append([RequestDone("ADA", "1", "abc"), RequestDone("ADA", "1", "def")])
    assert await store.request("ADA", "1") == "def"


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_none_are_remembered_where_none_are_to_be(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "journal"
    store: Store = MemoryStore(0) if kind == "memory" else SqliteStore(path, requests_kept=0)
    for number in range(2):
        await store.append([RequestDone("ADA", f"{number}")])
        assert await store.request("ADA", f"{number}") is None
    await store.close()


async def test_sqlite_that_cannot_be_opened_whole_leaves_nothing_open(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await SqliteStore(path).close()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    left: list[int] = []
    for most in itertools.count(3):  # until they are enough for all of it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        try:
            store = SqliteStore(path)
            break
        except StorageError as error:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert error.__traceback__ is not None  # as long as that is there, so is the store
            left.append(open_in(tmp_path))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    await store.close()
    assert left
    assert not any(left)


async def test_a_history_is_ones_own_newest_first(store: Store) -> None:
    await store.append([_message(3, "ADA", "BOB"), _message(1, "ADA"), _message(2, "BOB")])
    await store.append([_message(4, "ADA", channel="elsewhere")])
    found = await store.history("ADA", "CH")
    assert [each["timestamp"] for each in found] == [3, 1]
    assert await store.history("CY", "CH") == []


async def test_bounds_are_exclusive_and_the_limit_counts_from_the_newest(store: Store) -> None:
    await store.append([_message(number, "ADA") for number in range(10)])

    async def ask(**how: float) -> list[int]:
        return [each["timestamp"] for each in await store.history("ADA", "CH", **how)]  # type: ignore[arg-type]

    assert await ask(before=4, after=1) == [3, 2]
    assert await ask(before=2.5) == [2, 1, 0]
    assert await ask(limit=2) == [9, 8]
    assert await ask(before=8, limit=2) == [7, 6]


async def test_equal_times_keep_the_order_of_arrival(store: Store) -> None:
    first, second = _message(1, "ADA"), _message(2, "ADA")
    same = [MessageStored(e.owners, "CH", e.message_id, 5, e.message) for e in (first, second)]
    await store.append(same)
    assert [each["message_id"] for each in await store.history("ADA", "CH")] == ["MSG-2", "MSG-1"]


def _at(number: int, timestamp: int) -> MessageStored:
    return replace(_message(number, "ADA"), timestamp=timestamp)


async def test_pages_lose_nothing_that_was_said_at_once(store: Store) -> None:
    await store.append([_at(number, timestamp=number // 4) for number in range(12)])
    found: list[Message] = []
    for before in (None, 2, 1, 0):
        found += await store.history("ADA", "CH", before=before, limit=3)
    assert [each["message_id"] for each in found] == [f"MSG-{n}" for n in range(11, -1, -1)]


async def test_a_page_has_only_so_many_bytes(store: Store) -> None:
    large = [replace(_message(n, "ADA"), message={"n": n, "x": "x" * 1000}) for n in range(5)]
    await store.append(large)
    assert [each["n"] for each in await store.history("ADA", "CH", most_bytes=2500)] == [4, 3]
    assert len(await store.history("ADA", "CH", most_bytes=1)) == 1


async def test_a_message_is_found_by_its_owner_only(store: Store) -> None:
    await store.append([_message(1, "ADA")])
    found = await store.find_message("ADA", "MSG-1")
    assert found is not None
    assert found["content"] == {"text": "ü"}
    assert await store.find_message("BOB", "MSG-1") is None


async def test_sqlite_keeps_everything_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    store = SqliteStore(path)
    await store.append([*ROOM, Joined("CH", "ADA", 1), _message(1, "ADA"), RequestDone("ADA", "R")])
    # Not closed: another connection sees what a killed process had committed.
    again = SqliteStore(path)
    assert (await again.restore()).channels["CH"].members == {"ADA": 1}
    assert len(await again.history("ADA", "CH")) == 1
    assert await again.request("ADA", "R") == ""
    await again.close()
    await store.close()


@pytest.mark.parametrize("at_once", [50, 3])
async def test_sqlite_forgets_old_requests_on_disk_too(tmp_path: Path, at_once: int) -> None:
    path = tmp_path / "journal"
    made = [f"REQ-{number}" for number in range(100)]
    for start in range(0, 100, at_once):
        store = SqliteStore(path, requests_kept=4)
        for request_id in made[start : start + at_once]:
            await store.append([RequestDone("ADA", request_id)])
        for request_id in made[: start + at_once][-4:]:
            assert await store.request("ADA", request_id) == ""
        await store.close()
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM requests").fetchone()
    assert count <= 8


async def test_sqlite_answers_while_it_writes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal")
    await store.append([*ROOM, _message(1, "ADA"), RequestDone("ADA", "R")])
    may_go_on = threading.Event()
    store._writer.submit(may_go_on.wait)
    try:
        writing = asyncio.create_task(store.append([_message(2, "ADA")]))
        assert len(await asyncio.wait_for(store.history("ADA", "CH"), PATIENCE)) == 1
        assert await asyncio.wait_for(store.find_message("ADA", "MSG-1"), PATIENCE) is not None
        assert await asyncio.wait_for(store.request("ADA", "R"), PATIENCE) == ""
        assert not writing.done()
    finally:
        may_go_on.set()
    await writing
    assert len(await store.history("ADA", "CH")) == 2
    await store.close()


async def test_sqlite_finds_single_rows_while_it_reads_a_history(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal")
    await store.append([*ROOM, _message(1, "ADA"), RequestDone("ADA", "R")])
    may_go_on = threading.Event()
    store._readers.submit(may_go_on.wait)
    try:
        reading = asyncio.create_task(store.history("ADA", "CH"))
        assert await asyncio.wait_for(store.find_message("ADA", "MSG-1"), PATIENCE) is not None
        assert await asyncio.wait_for(store.has_requests("ADA"), PATIENCE)
        assert await asyncio.wait_for(store.request("ADA", "R"), PATIENCE) == ""
        assert not reading.done()
    finally:
        may_go_on.set()
    assert len(await reading) == 1
    await store.close()


def test_sqlite_finds_a_request_by_its_index(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal")) as journal:
        plan = journal.connection.execute(f"EXPLAIN QUERY PLAN {REQUEST}", ("ADA", "R"))
        (step,) = plan.fetchall()
    assert "(identity=? AND request_id=?)" in step[-1]


@pytest.mark.parametrize("killed_halfway", [False, True])
async def test_sqlite_reads_what_the_first_format_kept(
    tmp_path: Path, killed_halfway: bool
) -> None:
    path = tmp_path / "journal"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute(
            "CREATE TABLE requests (seq INTEGER PRIMARY KEY, identity TEXT NOT NULL, "
            "request_id TEXT NOT NULL)"
        )
        old.execute("INSERT INTO requests (identity, request_id) VALUES ('ADA', 'R')")
        if killed_halfway:  # after the first step to the second format
            old.execute("ALTER TABLE requests ADD COLUMN digest TEXT NOT NULL DEFAULT ''")
        old.execute("PRAGMA user_version=1")
    for _ in range(2):
        store = SqliteStore(path)
        assert await store.request("ADA", "R") == ""
        await store.close()


async def test_sqlite_keeps_all_of_a_batch_or_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal")
    await store.append(ROOM)
    broken = MessageStored(("ADA",), "CH", "MSG", 2**70, {})
    with pytest.raises((StorageError, OverflowError)):
        await store.append([Joined("CH", "ADA", 1), broken])
    assert (await store.restore()).channels["CH"].members == {}
    await store.append([Joined("CH", "BOB", 1)])
    assert (await store.restore()).channels["CH"].members == {"BOB": 1}
    await store.close()


def test_a_full_disk_is_named_as_a_reason(tmp_path: Path) -> None:
    with disk_full_after(0), pytest.raises(StorageError, match=r"cannot open .*; the disk may be"):
        Journal(tmp_path / "journal")


async def test_sqlite_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match=r"cannot open .* not a database; it is damaged: .* --"):
        SqliteStore(path)
    newer = tmp_path / "newer"
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StorageError, match="newer Moobius"):
        SqliteStore(newer)


async def test_sqlite_says_which_event_it_cannot_read(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal")
    await store.append(ROOM)
    with closing(sqlite3.connect(tmp_path / "journal", isolation_level=None)) as connection:
        connection.execute("""INSERT INTO events (body) VALUES ('{"event":"Levitated"}')""")
    with pytest.raises(StorageError, match="event 4 of the journal cannot be read"):
        await store.restore()
    await store.close()


async def test_sqlite_says_which_event_does_not_fit_the_others(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal")
    await store.append([*ROOM, Joined("NOWHERE", "ADA", 1)])
    with pytest.raises(StorageError, match=r"event 4 of the journal, Joined, names .*'NOWHERE'"):
        await store.restore()
    await store.close()
