"""Waiting for a condition, with and without a limit."""

from __future__ import annotations

import asyncio
from functools import partial

from moobius.messaging.waiting import Changes, within


async def test_who_waits_goes_on_when_it_is_so_and_not_before() -> None:
    changes, value = Changes(), 0

    def reached(number: int) -> bool:
        return value >= number

    waiting = [asyncio.create_task(changes.until(partial(reached, n))) for n in (0, 1, 2)]
    for value in (0, 1, 2):
        changes.happened()
        for _ in range(3):
            await asyncio.sleep(0)
        assert [task.done() for task in waiting] == [value >= n for n in (0, 1, 2)]


async def test_one_that_was_cancelled_is_no_trouble_and_is_not_kept() -> None:
    changes = Changes()
    await within(0.01, changes.until(lambda: False))
    assert not changes._waiting
    changes.happened()
    changes.happened()


async def test_what_is_in_time_is_waited_for() -> None:
    done = asyncio.Event()
    asyncio.get_running_loop().call_soon(done.set)

    async def wait() -> None:
        await done.wait()

    await within(20.0, wait())
    assert done.is_set()
