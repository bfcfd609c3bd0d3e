"""Order, acknowledgement after the store, repeats, and what happens when the store fails."""

from __future__ import annotations

import asyncio
import gc
import itertools
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from moobius.errors import StorageError
from moobius.local.engine import Engine, RequestKey
from moobius.local.model.channels import create_channel
from moobius.local.model.events import AccountCreated, Event
from moobius.local.model.outcome import Delivery, Moment, Outcome, ToUsers
from moobius.local.model.refusal import Refused
from moobius.local.model.state import State
from moobius.local.options import Limits
from moobius.local.store.journal import Journal
from moobius.local.store.memory import MemoryStore
from moobius.local.store.protocol import Store
from moobius.local.store.sqlite import SqliteStore
from tests.support.patience import PATIENCE, until

ADA = AccountCreated("ADA", "ada@x", "", "Ada")


class SlowStore(MemoryStore):
    """A store that says when it may finish, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.may_finish = asyncio.Event()
        self.batches: list[int] = []
        self.broken = False

    async def append(self, events: Sequence[Event]) -> None:
        self.batches.append(len(events))
        await self.may_finish.wait()
        if self.broken:
            raise StorageError("the disk is full")
        await super().append(events)


ids = itertools.count(1)


def _engine(store: Store, told: list[Delivery] | None = None) -> Engine:
    return Engine(
        store,
        (told if told is not None else []).append,
        clock=lambda: 7,
        new_id=lambda: f"id-{next(ids)}",
        limits=Limits(pending_frames=10, pending_bytes=1000),
    )


def _telling(state: State, moment: Moment) -> Outcome:
    outcome = create_channel(state, moment, "ADA", "room", "")
    outcome.deliver(ToUsers(("ADA",), {"n": moment.new_id()}))
    return outcome


def _clicking(state: State, moment: Moment) -> Outcome:
    return Outcome(deliveries=[ToUsers(("ADA",), {"n": 1})])


async def _store_with_ada() -> SlowStore:
    store = SlowStore()
    store.may_finish.set()
    await store.append([ADA])
    store.may_finish.clear()
    store.batches.clear()
    return store


async def _key(engine: Engine, identity: str) -> RequestKey:
    known = await engine.recent.of(identity)
    return RequestKey(known, "REQ-1", "a", await known.stored("REQ-1"))


async def test_nothing_is_told_before_it_is_kept_but_the_next_command_sees_it() -> None:
    store = await _store_with_ada()
    told: list[Delivery] = []
    acknowledged: list[int] = []
    engine = _engine(store, told)
    await engine.start()
    first = engine.submit(_telling, lambda: acknowledged.append(len(told)))
    assert len(engine.state.channels) == 1
    await until(lambda: bool(store.batches))
    later = [engine.submit(_telling) for _ in range(5)]
    assert (told, acknowledged, first.done()) == ([], [], False)
    store.may_finish.set()
    await asyncio.gather(first, *later)
    assert acknowledged == [0], "acknowledged before the effects are delivered"
    assert len(told) == 6
    assert store.batches == [2, 10], "what came meanwhile was kept together"
    await engine.stop()


async def test_a_refusal_changes_nothing() -> None:
    engine = _engine(MemoryStore())
    await engine.start()
    with pytest.raises(Refused):
        await engine.run(create_channel, "nobody", "room", "")
    assert engine.state == State()
    await engine.stop()


async def test_a_repeat_is_known_after_a_restart_too() -> None:
    store = await _store_with_ada()
    store.may_finish.set()
    for identity, channels in (("user:ADA", 1), ("user:ADA", 1), ("user:BOB", 2)):
        engine = _engine(store)
        await engine.start()
        for _ in range(2):
            key = await _key(engine, identity)
            await engine.submit(_telling, request=key)
        assert len(engine.state.channels) == channels, "one for each identity, however often asked"
        await engine.stop()


async def test_so_is_one_that_changed_nothing() -> None:
    store, told = MemoryStore(), list[Delivery]()
    for _ in range(2):
        engine = _engine(store, told)
        await engine.start()
        key = await _key(engine, "user:ADA")
        await engine.submit(_clicking, request=key)
        await engine.stop()
    assert len(told) == 1


async def test_what_is_on_its_way_to_the_store_is_known_although_its_client_has_gone() -> None:
    store = await _store_with_ada()
    engine = _engine(store)
    await engine.start()
    for _ in range(2):
        engine.submit(_telling, request=await _key(engine, "user:ADA"))
        await asyncio.sleep(0)  # the loop holds what it has just handed out
        gc.collect()
    assert len(engine.state.channels) == 1
    store.may_finish.set()
    await engine.stop()


async def test_a_refused_request_may_be_tried_again() -> None:
    store = await _store_with_ada()
    store.may_finish.set()
    engine = _engine(store)
    await engine.start()
    key = await _key(engine, "user:ADA")
    with pytest.raises(Refused):
        engine.submit(lambda state, moment: create_channel(state, moment, "no", "", ""), None, key)
    await engine.submit(_telling, request=key)
    assert len(engine.state.channels) == 1
    await engine.stop()


def _gone() -> None:
    raise ConnectionError("the client has gone")


async def test_a_store_that_fails_acknowledges_nothing_and_stops_the_rest() -> None:
    store = await _store_with_ada()
    told: list[Delivery] = []
    acknowledged: list[int] = []
    engine = _engine(store, told)
    await engine.start()
    assert not engine.failed
    refused: list[int] = []
    first = engine.submit(
        _telling, lambda: acknowledged.append(1), refuse=lambda: refused.append(1)
    )
    await until(lambda: bool(store.batches))
    engine.submit(_telling, lambda: acknowledged.append(2), refuse=lambda: refused.append(2))
    engine.submit(_telling, lambda: acknowledged.append(3), refuse=_gone)
    engine.submit(_telling, lambda: acknowledged.append(4), refuse=lambda: refused.append(4))
    store.broken = True
    store.may_finish.set()
    with pytest.raises(StorageError):
        await first
    with pytest.raises(StorageError, match="no more commands"):
        engine.submit(_telling)
    assert (told, acknowledged) == ([], [])
    assert refused == [1, 2, 4], "also those behind it, in order, whatever becomes of one"
    assert engine.failed
    await engine.stop()


async def test_callers_wait_while_too_much_is_on_its_way() -> None:
    store = await _store_with_ada()
    engine = _engine(store)
    await engine.start()
    engine.submit(_telling)
    await until(lambda: bool(store.batches))
    for _ in range(20):
        engine.submit(_telling)
    waiting = asyncio.create_task(engine.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    store.may_finish.set()
    await asyncio.wait_for(waiting, PATIENCE)
    await engine.stop()


async def test_callers_wait_for_large_frames_besides_many() -> None:
    store = await _store_with_ada()
    engine = _engine(store)
    await engine.start()
    engine.submit(_telling)
    await until(lambda: bool(store.batches))
    engine.submit(_telling, size=999)
    await asyncio.wait_for(engine.wait_for_room(), PATIENCE)
    engine.submit(_telling, size=1)
    waiting = asyncio.create_task(engine.wait_for_room())
    await asyncio.sleep(0)
    assert not waiting.done()
    store.may_finish.set()
    await asyncio.wait_for(waiting, PATIENCE)
    await engine.stop()


@pytest.mark.parametrize("size", [0, 100_000])
async def test_whoever_writes_has_a_turn_while_a_large_batch_is_told(size: int) -> None:
    store = await _store_with_ada()
    told: list[Delivery] = []
    engine = _engine(store, told)
    await engine.start()
    tickets = [engine.submit(_telling, size=size) for _ in range(500)]
    most = written = 0
    store.may_finish.set()
    while not tickets[-1].done():
        await asyncio.sleep(0)
        most, written = max(most, len(told) - written), len(told)
    assert most <= (64 if size == 0 else 3)
    await engine.stop()


async def test_a_store_that_cannot_be_read_is_let_go_of(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal")) as journal:
        journal.append([ADA])
        journal.connection.execute("UPDATE events SET body = 'nonsense'")
    others = set(threading.enumerate())  # earlier tests may have left threads that stay
    engine = _engine(SqliteStore(tmp_path / "journal"))
    with pytest.raises(StorageError, match="event 1 of the journal cannot be read"):
        await engine.start()
    await until(lambda: set(threading.enumerate()) <= others)
    assert not (tmp_path / "journal-wal").exists(), "nobody has it open"
