"""Threads for calls that block."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from moobius.core.control.blocking_threads import AT_ONCE, BlockingThreads
from tests.support.patience import until


@pytest.fixture
def threads() -> Iterator[BlockingThreads]:
    threads = BlockingThreads()
    yield threads
    threads.close()


async def test_several_are_run_at_once_and_none_blocks_the_loop(threads: BlockingThreads) -> None:
    together = threading.Barrier(AT_ONCE + 1)
    running = [asyncio.create_task(threads.run(lambda: _wait(together))) for _ in range(AT_ONCE)]
    await until(lambda: together.n_waiting == AT_ONCE)
    assert not any(task.done() for task in running)
    await asyncio.to_thread(together.wait, 20)
    await asyncio.wait_for(asyncio.gather(*running), 20)


def _wait(barrier: threading.Barrier) -> None:
    barrier.wait(20)


async def test_what_is_raised_is_raised_to_who_waits(threads: BlockingThreads) -> None:
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: _divide(0))
    await threads.run(lambda: _divide(1))


def _divide(number: int) -> None:
    assert 1 / number


async def test_who_went_away_harms_nobody(threads: BlockingThreads) -> None:
    may_end = threading.Event()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(threads.run(lambda: _until_set(may_end)), 0.05)
    may_end.set()
    await threads.run(lambda: None)


def _until_set(event: threading.Event) -> None:
    event.wait(20)


async def test_the_threads_end_with_it() -> None:
    before = set(threading.enumerate())
    threads = BlockingThreads()
    begun = {
        each
        for each in set(threading.enumerate()) - before
        if each.name == "moobius blocking calls"
    }
    assert len(begun) == AT_ONCE
    threads.close()
    await until(lambda: not any(each.is_alive() for each in begun))
