"""A queue of which each end may be used as a queue, or directly."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from aioprocessing import AioQueue

from moobius.core.spells import queue_ends
from moobius.core.spells.queue_ends import (
    DirectWriter,
    LoopReader,
    PuttingWriter,
    Writer,
    number_of,
    read_one,
    watch_gets,
    with_number,
)
from moobius.errors import WandError
from tests.support.patience import until

OBJECTS = ["one", {"two": 2}, None, "x" * 300_000, b"", list(range(1000)), "last"]
GREAT_S = 20


def write_all(writer: Writer) -> None:
    for each in OBJECTS:
        writer.add(pickle.dumps(each))
    while not writer.flush():
        writer.wait(GREAT_S)


@pytest.mark.parametrize("make", [DirectWriter, PuttingWriter])
async def test_what_is_written_can_be_had_with_get(make: Callable[[Any], Writer]) -> None:
    queue = AioQueue()
    writing = asyncio.create_task(asyncio.to_thread(write_all, make(queue)))
    assert [await asyncio.to_thread(queue.get, True, GREAT_S) for _ in OBJECTS] == OBJECTS
    await writing
    assert queue.qsize() == 0 and queue.empty()
    queue.put("as ever")
    assert await queue.coro_get() == "as ever"


@pytest.mark.parametrize("make", [DirectWriter, PuttingWriter])
async def test_a_number_stays_with_its_object(make: Callable[[Any], Writer]) -> None:
    queue = AioQueue()
    writer = make(queue)
    for number, each in enumerate(OBJECTS, 1):
        writer.add(with_number(pickle.dumps(each), number))
        reading = asyncio.create_task(asyncio.to_thread(read_one, queue))
        await until(writer.flush)
        assert number_of(pickled := await reading) == number
        assert pickle.loads(pickled) == each
        queue.put(each)
        assert number_of(own := await asyncio.to_thread(read_one, queue)) == 0
        assert pickle.loads(own) == each


async def test_who_watches_sees_what_get_is_about_to_return() -> None:
    queue = AioQueue()
    seen: list[bytes] = []

    def see(pickled: bytes) -> None:
        seen.append(pickled)
        if pickle.loads(pickled) == "the end":
            raise EOFError("seen")

    watch_gets(queue, see)
    for each in ("one", "two", "the end"):
        queue.put(each)
    assert [queue.get(), await queue.coro_get(timeout=GREAT_S)] == ["one", "two"]
    with pytest.raises(EOFError, match="seen"):
        await queue.coro_get()
    assert [pickle.loads(each) for each in seen] == ["one", "two", "the end"]


class Late:
    """A queue after the end of a script, in Python 3.12."""

    _send_bytes = None

    def __init__(self) -> None:
        self._obj = self

    def put(self, item: Any) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")


def test_a_queue_that_cannot_start_its_thread_says_what_to_do() -> None:
    with pytest.raises(WandError, match=r"hears no spells here \(can't .*\); end .* wand\.join"):
        PuttingWriter(Late()).add(pickle.dumps("spell"))


class Heard(list[Any]):
    """What a reader in the loop has read."""

    def __init__(self, queue: Any) -> None:
        super().__init__()
        self.gone: list[Exception] = []
        self.reader = LoopReader(queue, self.add, self.gone.append)

    def add(self, pickled: list[bytes]) -> None:
        self.extend(map(pickle.loads, pickled))


@pytest.mark.parametrize("read_bytes", [1, 7, 1 << 16])
async def test_a_loop_hears_what_was_put_in_whatever_pieces(
    read_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_ends, "READ_BYTES", read_bytes)
    queue = AioQueue()
    heard = Heard(queue)
    objects = [each if len(repr(each)) < 5000 else "y" * 500 for each in OBJECTS]
    for each in objects:
        queue.put(each)
    await until(lambda: len(heard) == len(OBJECTS))
    assert heard == objects and queue.qsize() == 0
    heard.reader.close()
    queue.put("as ever")
    assert await asyncio.to_thread(queue.get, True, GREAT_S) == "as ever"


async def test_both_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_ends, "_LONGEST", 1000)  # above, in the long form
    queue = AioQueue()
    heard = Heard(queue)
    await asyncio.to_thread(write_all, DirectWriter(queue))
    await until(lambda: len(heard) == len(OBJECTS))
    assert heard == OBJECTS
    heard.reader.close()


async def test_the_long_form_is_that_of_the_queue_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_ends, "_LONGEST", 1000)
    queue = AioQueue()
    writing = asyncio.create_task(asyncio.to_thread(write_all, DirectWriter(queue)))
    found = [await asyncio.to_thread(read_one, queue) for _ in OBJECTS]
    assert [pickle.loads(each) for each in found] == OBJECTS
    await writing


def test_nobody_has_to_write_all_that_waits_in_one_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_ends, "WRITES", 2)
    queue = AioQueue()
    writer = DirectWriter(queue)
    for number in range(5):
        writer.add(pickle.dumps((number, "x" * queue_ends.WRITE_BYTES)))
    goes = 1
    while not writer.flush():  # the pipe has room for all of it
        goes += 1
    assert goes == 3
    assert [queue.get(timeout=GREAT_S)[0] for _ in range(5)] == list(range(5))


async def test_nobody_who_puts_gets_in_the_middle_of_a_great_one() -> None:
    queue = AioQueue()
    writer = DirectWriter(queue)
    writer.add(pickle.dumps(great := "x" * 1_000_000))
    assert not writer.flush()  # more than a pipe holds
    queue.put("from the other side")
    heard = Heard(queue)
    await until(writer.flush)
    await until(lambda: len(heard) == 2)
    assert heard == [great, "from the other side"]
    heard.reader.close()


async def test_who_waits_in_get_keeps_the_loop_from_reading() -> None:
    queue = AioQueue()
    getting = asyncio.create_task(asyncio.to_thread(queue.get, True, GREAT_S))
    await until(queue._rlock._semlock._is_zero)
    with pytest.raises(BlockingIOError, match="somebody else reads this queue"):
        Heard(queue)
    queue.put("for the other")
    assert await getting == "for the other"


async def test_the_end_of_all_writers_is_told_once() -> None:
    queue = AioQueue()
    heard = Heard(queue)
    queue._writer.close()
    await until(lambda: bool(heard.gone))
    await asyncio.sleep(0)
    assert [str(each) for each in heard.gone] == ["it was closed at the other end"]
    heard.reader.close()
