"""Snapshots: a start reads them instead of the old events, and can do without them."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from moobius.local.model.apply import apply
from moobius.local.model.events import AccountCreated, Event, GroupCreated, MessageStored
from moobius.local.model.state import INDEXES, State
from moobius.local.store import snapshots
from moobius.local.store.journal import Journal
from moobius.local.store.sqlite import SqliteStore
from tests.support.patience import PATIENCE, until

PEOPLE = 30


def events(count: int, seed: int = 1) -> Iterator[Event]:
    """People first, and then ever more groups of them."""
    dice = random.Random(seed)
    for number in range(PEOPLE):
        yield AccountCreated(f"U{number}", f"u{number}@x", "", "Somebody")
    for number in range(count - PEOPLE):
        listed = tuple(f"U{dice.randrange(PEOPLE)}" for _ in range(3))
        yield GroupCreated(f"G{seed}-{number}", listed, shared=number % 2 == 0, owner=listed[0])


async def stored(path: Path, what: Iterable[Event], snapshot_every: int) -> None:
    store = SqliteStore(path, snapshot_every=snapshot_every)
    await store.restore()
    await store.append([*what])
    await store.close()


def ask(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(query).fetchall()


def replayed(path: Path) -> State:
    """What all the events lead to, whatever any snapshot says."""
    state = State()
    with closing(Journal(path)) as journal:
        for event in journal.events():
            apply(state, event)
    return state


async def test_a_start_reads_the_snapshot_and_only_what_followed(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await stored(path, events(5000), snapshot_every=1000)
    assert ask(path, "SELECT seq FROM snapshots") == [(5000,)]
    await stored(path, [AccountCreated("LATE", "late@x", "", "Late")], snapshot_every=1000)
    # The old events are still there, but a start does without them.
    ask(path, "UPDATE events SET body = 'not an event' WHERE seq <= 5000")
    with closing(Journal(path)) as journal:
        state = journal.restore()
        assert journal.since_snapshot == 1
    assert len(state.accounts) == PEOPLE + 1
    assert len(state.groups) == 5000 - PEOPLE
    assert state.account_by_email("LATE@x") is not None


async def test_a_snapshot_with_the_rest_is_what_all_events_lead_to(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await stored(path, events(3000), snapshot_every=1000)
    await stored(path, [*events(500, seed=2)][PEOPLE:], snapshot_every=100_000)
    with closing(Journal(path)) as journal:
        state = journal.restore()
        assert journal.since_snapshot == 500 - PEOPLE
    assert state == replayed(path)


async def test_snapshots_are_made_while_events_keep_coming(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    store = SqliteStore(path, snapshot_every=500)
    await store.restore()
    story = [*events(6000)]
    for start in range(0, 6000, 100):
        await store.append(story[start : start + 100])
        await store.append([MessageStored(("U1",), "CH", f"M{start}", start, {"n": start})])
    await until(lambda: bool(ask(path, "SELECT seq FROM snapshots")))
    assert len(await store.history("U1", "CH")) == 60
    await store.close()
    assert len(ask(path, "SELECT seq FROM snapshots")) == 1, "older ones are taken away"
    assert ask(path, "SELECT DISTINCT snapshot FROM snapshot_parts") == ask(
        path, "SELECT seq FROM snapshots"
    )
    with closing(Journal(path)) as journal:
        assert journal.restore() == replayed(path)


async def test_a_large_state_is_not_written_over_and_over(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await stored(path, events(8000), snapshot_every=100)
    await stored(path, [*events(PEOPLE + 150, seed=2)][PEOPLE:], snapshot_every=100)
    assert ask(path, "SELECT seq FROM snapshots") == [(8000,)], "150 is little beside 8000"
    await stored(path, [*events(PEOPLE + 2000, seed=3)][PEOPLE:], snapshot_every=100)
    assert ask(path, "SELECT seq FROM snapshots") == [(10150,)]


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE snapshot_parts SET body = substr(body, 1, 500) WHERE part = 1",
        "DELETE FROM snapshot_parts WHERE part = 2",
        "UPDATE snapshots SET shape = 'of a later version'",
        "UPDATE snapshot_parts SET field = 'wishes' WHERE part = 0",
        "DROP TABLE snapshot_parts",
    ],
)
async def test_a_snapshot_that_cannot_be_read_is_passed_over_and_made_anew(
    tmp_path: Path, harm: str, log: list[str]
) -> None:
    path = tmp_path / "journal"
    await stored(path, events(3000), snapshot_every=1000)
    ask(path, harm)
    with closing(Journal(path)) as journal:
        state = journal.restore()
        assert journal.since_snapshot == 3000
    assert any("WARNING the snapshot at event 3000 is passed over" in line for line in log)
    assert state == replayed(path)
    await stored(path, [AccountCreated("LATE", "late@x", "", "Late")], snapshot_every=1000)
    assert ask(path, "SELECT seq FROM snapshots") == [(3001,)]


async def test_a_snapshot_that_was_not_finished_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    await stored(path, events(3000), snapshot_every=100_000)
    with closing(Journal(path)) as journal:
        state = journal.restore()
        for statement, values in list(snapshots.steps(3000, state, []))[:3]:
            journal.connection.execute(statement, values)
    await stored(path, [], snapshot_every=1000)
    with closing(Journal(path)) as journal:
        assert journal.restore() == state
        assert journal.since_snapshot == 0


async def test_stopping_does_not_wait_for_a_snapshot_that_was_begun(
    tmp_path: Path, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal"
    store = SqliteStore(path, snapshot_every=10_000)
    pause = store._pause

    def pause_when_stopping() -> None:
        store._closing.wait(PATIENCE)  # it would be finished by then, on some days
        pause()

    monkeypatch.setattr(store, "_pause", pause_when_stopping)
    await store.append([*events(30_000)])
    await store.close()
    assert any("a snapshot is not finished" in line for line in log)
    assert ask(path, "SELECT seq FROM snapshots") == [(30_000,)], "one was made at the end"


def test_every_field_of_a_state_is_in_a_snapshot_or_follows_from_the_rest() -> None:
    everything = {field.name for field in fields(State)}
    assert set(snapshots._decoders) | set(INDEXES) == everything
    assert all(isinstance(getattr(State(), name), dict) for name in everything)


APPENDING = """
import asyncio, sys
from pathlib import Path
from moobius.local.model.events import GroupCreated
from moobius.local.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(Path(sys.argv[1]), snapshot_every=50)
    await store.restore()
    for number in range(100_000):
        await store.append([GroupCreated(f"{sys.argv[2]}-{number}-{n}", ("A",)) for n in range(9)])
        print(number, flush=True)

asyncio.run(main())
"""


async def test_a_kill_in_the_midst_of_a_snapshot_does_no_harm(tmp_path: Path) -> None:
    path, dice = tmp_path / "journal", random.Random(3)
    for start in range(8):
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", APPENDING, str(path), str(start)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert program.stdout is not None
        kept = dice.randrange(50, 150)
        for _ in range(kept):
            assert await program.stdout.readline()
        await until(lambda: bool(ask(path, "SELECT seq FROM snapshots")))
        program.kill()
        await program.communicate()
        with closing(Journal(path)) as journal:
            state = journal.restore()
            assert journal.entries > 0, "there is a snapshot"
        assert len([key for key in state.groups if key.startswith(f"{start}-")]) >= 9 * kept
        assert state == replayed(path)


async def test_the_shape_of_a_state_is_the_same_in_every_process() -> None:
    program = "from moobius.local.store.snapshots import SHAPE; print(SHAPE)"
    for seed in ("1", "2"):
        other = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        output, _ = await other.communicate()
        assert output.decode().strip() == snapshots.SHAPE, "or no start would find a snapshot"
