"""Waiting ends: in time, or with the first failure."""

from __future__ import annotations

import asyncio

import pytest

from moobius.network.waiting import time_out_wrap, until_one_fails
from tests.support.patience import PATIENCE


async def fail() -> None:
    raise KeyError("the first failure")


async def forever() -> None:
    await asyncio.Event().wait()


async def test_time_out_wrap() -> None:
    assert await time_out_wrap(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(asyncio.TimeoutError):
        await time_out_wrap(asyncio.sleep(60), timeout=0.01)


async def test_the_newest_being_done_is_enough() -> None:
    older, newest = asyncio.create_task(forever()), asyncio.create_task(asyncio.sleep(0))
    await asyncio.wait_for(until_one_fails([older, newest]), PATIENCE)
    assert not older.done()
    older.cancel()


@pytest.mark.parametrize("order", [1, -1])
async def test_whichever_fails_ends_the_waiting(order: int) -> None:
    tasks = [asyncio.create_task(forever()), asyncio.create_task(fail())]
    with pytest.raises(KeyError, match="the first failure"):
        await asyncio.wait_for(until_one_fails(tasks[::order]), PATIENCE)
    for task in tasks:
        task.cancel()
