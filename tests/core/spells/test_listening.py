"""How a service receives spells."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from moobius import Moobius
from moobius.core.spells.listening import StopListening, count_direct_gets, listen
from moobius.core.spells.outgoing import pickle_now
from moobius.core.spells.queue_ends import DirectWriter, with_number
from tests.support.patience import until


class Hearer(Moobius):
    def __init__(self) -> None:
        super().__init__(http_server_uri="local")
        self.heard: list[Any] = []
        self.errors: list[str] = []

    async def on_spell(self, obj: Any) -> None:
        if obj == "choke":
            raise ValueError("choked")
        self.heard.append(obj)

    async def on_error(self, callback: str, event: Any, error: BaseException) -> None:
        self.errors.append(f"{callback}: {event}: {error}")


async def test_spells_are_heard_in_order_and_a_bad_one_stops_nothing(log: list[str]) -> None:
    service = Hearer()
    for number in range(200):
        service.queue.put(number)
    service.queue.put("choke")
    service.queue.put("last")
    service.queue.put(StopListening())
    await asyncio.wait_for(listen(service), 20)
    assert service.heard == [*range(200), "last"]
    assert service.errors == ["on_spell: choke: choked"]
    assert any("ValueError raised in on_spell: choked" in line for line in log)


class Disappointed(Hearer):
    """Waits for something that somebody cancels."""

    async def on_spell(self, obj: Any) -> None:
        if obj == "wait in vain":
            cancelled = asyncio.get_running_loop().create_future()
            cancelled.cancel()
            await cancelled
        await super().on_spell(obj)


async def test_one_that_waits_for_something_cancelled_stops_nothing(log: list[str]) -> None:
    service = Disappointed()
    for spell in ("first", "wait in vain", "last", StopListening()):
        service.queue.put(spell)
    await asyncio.wait_for(listen(service), 20)
    assert service.heard == ["first", "last"]
    assert any("on_spell was cancelled: it waited for something that was" in line for line in log)


async def test_cancelling_the_loop_cancels_what_it_is_doing() -> None:
    ended: list[str] = []

    class Waiting(Hearer):
        async def on_spell(self, obj: Any) -> None:
            self.heard.append(obj)
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(obj)

    service = Waiting()
    listening = asyncio.create_task(listen(service))
    service.queue.put("one")
    await until(lambda: service.heard == ["one"])
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(listening, 20)
    assert ended == ["one"]


async def test_each_is_counted_before_it_is_carried_out() -> None:
    service = Hearer()
    counted: list[tuple[int, int]] = []
    service._spell_taken = lambda number: counted.append((number, len(service.heard)))
    writer = DirectWriter(service.queue)
    for number, spell in ((1, "one"), (2, "two")):
        writer.add(with_number(pickle_now(spell), number))
    assert writer.flush()
    service.queue.put(StopListening())
    await asyncio.wait_for(listen(service), 20)
    assert counted == [(1, 0), (2, 1)]


async def test_a_loop_of_its_own_counts_what_it_gets_and_ends_with_the_service() -> None:
    service = Hearer()
    counted: list[int] = []
    service._spell_taken = counted.append
    count_direct_gets(service)
    writer = DirectWriter(service.queue)
    writer.add(with_number(pickle_now("one"), 7))
    writer.flush()
    found = [await service.queue.coro_get()]
    service.queue.put("note to self")
    service.queue.put(StopListening())
    with pytest.raises(asyncio.CancelledError):
        while True:
            found.append(await service.queue.coro_get())
    assert found == ["one", "note to self"]
    assert counted == [7]


class Unreadable:
    """Travels, and cannot be unpacked."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return int, ("no number",)


async def test_one_that_cannot_be_read_is_told_and_the_next_is_heard(log: list[str]) -> None:
    service = Hearer()
    taken: list[int] = []
    service._spell_taken = taken.append
    writer = DirectWriter(service.queue)
    for number, spell in ((1, Unreadable()), (2, "after it")):
        writer.add(with_number(pickle_now(spell), number))
    assert writer.flush()
    service.queue.put(StopListening())
    await asyncio.wait_for(listen(service), 20)
    assert service.heard == ["after it"]
    assert taken == [1, 2]  # the next process shall not have it either
    assert any("a spell could not be read: ValueError" in line for line in log)


async def test_the_rest_of_the_service_gets_its_turn_in_a_flood() -> None:
    service = Hearer()
    for number in range(1000):
        service.queue.put(number)
    service.queue.put(StopListening())
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while len(service.heard) < 1000:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(listen(service), take_turns()), 20)
    assert turns > 10


class NoPipes:
    """An event loop that cannot wait for a pipe, as the usual one on Windows."""

    def __init__(self, error: type[Exception] = NotImplementedError) -> None:
        self.error = error

    def add_reader(self, *args: Any) -> None:
        raise self.error


@pytest.mark.parametrize("error", [NotImplementedError, PermissionError])
async def test_where_a_loop_cannot_wait_for_a_pipe_a_thread_does(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Hearer()
    monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", NoPipes(error).add_reader)
    before = set(threading.enumerate())
    for spell in (*range(200), Unreadable(), "last"):
        service.queue.put(spell)
    listening = asyncio.create_task(listen(service))
    await until(lambda: "last" in service.heard)
    assert "moobius spells" in {each.name for each in set(threading.enumerate()) - before}
    service.queue.put(StopListening())
    await asyncio.wait_for(listening, 20)
    assert service.heard == [*range(200), "last"]
    await until(lambda: "moobius spells" not in {each.name for each in threading.enumerate()})


async def test_no_thread_is_needed_where_it_can() -> None:
    service = Hearer()
    before = set(threading.enumerate())
    listening = asyncio.create_task(listen(service))
    service.queue.put("one")
    await until(lambda: service.heard == ["one"])
    assert "moobius spells" not in {each.name for each in set(threading.enumerate()) - before}
    service.queue.put(StopListening())
    await asyncio.wait_for(listening, 20)


@pytest.mark.parametrize("in_a_thread", [False, True])
async def test_a_queue_that_is_gone_ends_the_loop(
    in_a_thread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Hearer()
    if in_a_thread:
        monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", NoPipes().add_reader)
    listening = asyncio.create_task(listen(service))
    service.queue.put("one")
    await until(lambda: service.heard == ["one"])
    service.queue.close()  # which lets its thread write what is left, and close its end
    with pytest.raises(OSError, match="the queue of spells is gone"):
        await asyncio.wait_for(listening, 20)
