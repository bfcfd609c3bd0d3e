"""Threads for what blocks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from moobius.core.control.errands import AT_ONCE, Errands
from tests.support.patience import until


@pytest.fixture
def errands() -> Iterator[Errands]:
    errands = Errands()
    yield errands
    errands.close()


async def test_several_are_run_at_once_and_none_blocks_the_loop(errands: Errands) -> None:
    together = threading.Barrier(AT_ONCE + 1)
    running = [asyncio.create_task(errands.run(lambda: _wait(together))) for _ in range(AT_ONCE)]
    await until(lambda: together.n_waiting == AT_ONCE)
    assert not any(task.done() for task in running)
    await asyncio.to_thread(together.wait, 20)
    await asyncio.wait_for(asyncio.gather(*running), 20)


def _wait(barrier: threading.Barrier) -> None:
    barrier.wait(20)


async def test_what_is_raised_is_raised_to_who_waits(errands: Errands) -> None:
    with pytest.raises(ZeroDivisionError):
        await errands.run(lambda: _divide(0))
    await errands.run(lambda: _divide(1))


def _divide(number: int) -> None:
    assert 1 / number


async def test_who_went_away_harms_nobody(errands: Errands) -> None:
    may_end = threading.Event()
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(errands.run(lambda: _until_set(may_end)), 0.05)
    may_end.set()
    await errands.run(lambda: None)


def _until_set(event: threading.Event) -> None:
    event.wait(20)


async def test_the_threads_end_with_it() -> None:
    before = threading.active_count()
    errands = Errands()
    assert threading.active_count() == before + AT_ONCE
    errands.close()
    await until(lambda: threading.active_count() <= before)
