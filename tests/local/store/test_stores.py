"""One suite, both stores."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from moobius.errors import StorageError
from moobius.local.model.events import Joined, MessageStored, RequestDone
from moobius.local.store.memory import MemoryStore
from moobius.local.store.protocol import Store
from moobius.local.store.sqlite import SqliteStore


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


async def test_events_come_back_in_order_and_messages_do_not(store: Store) -> None:
    await store.append([Joined("CH", "ADA", 1), _message(1, "ADA")])
    await store.append([Joined("CH", "BOB", 2)])
    assert list(store.replay()) == [Joined("CH", "ADA", 1), Joined("CH", "BOB", 2)]


async def test_the_latest_requests_of_every_identity_come_last(store: Store) -> None:
    await store.append([RequestDone("ADA", f"REQ-{number}") for number in range(4)])
    await store.append([RequestDone("BOB", "REQ-0"), Joined("CH", "ADA", 1)])
    assert list(store.replay()) == [
        Joined("CH", "ADA", 1),
        RequestDone("ADA", "REQ-2"),
        RequestDone("ADA", "REQ-3"),
        RequestDone("BOB", "REQ-0"),
    ]


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


async def test_a_message_is_found_by_its_owner_only(store: Store) -> None:
    await store.append([_message(1, "ADA")])
    found = await store.find_message("ADA", "MSG-1")
    assert found is not None
    assert found["content"] == {"text": "ü"}
    assert await store.find_message("BOB", "MSG-1") is None


async def test_sqlite_keeps_everything_across_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    store = SqliteStore(path)
    await store.append([Joined("CH", "ADA", 1), _message(1, "ADA")])
    # Not closed: another connection sees what a killed process had committed.
    again = SqliteStore(path)
    assert list(again.replay()) == [Joined("CH", "ADA", 1)]
    assert len(await again.history("ADA", "CH")) == 1
    await again.close()
    await store.close()


async def test_sqlite_keeps_all_of_a_batch_or_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "journal")
    broken = MessageStored(("ADA",), "CH", "MSG", 2**70, {})
    with pytest.raises((StorageError, OverflowError)):
        await store.append([Joined("CH", "ADA", 1), broken])
    assert list(store.replay()) == []
    await store.append([Joined("CH", "BOB", 1)])
    assert list(store.replay()) == [Joined("CH", "BOB", 1)]
    await store.close()


async def test_sqlite_refuses_what_it_cannot_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StorageError, match="cannot open"):
        SqliteStore(path)
    newer = tmp_path / "newer"
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StorageError, match="newer Moobius"):
        SqliteStore(newer)
