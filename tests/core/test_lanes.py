"""Work of one lane starts in order, is bounded, held until it is done, and drained at the end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from moobius.core.lanes import Lanes
from tests.support.patience import until


class Desk:
    """Lanes with a diary; work whose name has a gate waits for it."""

    def __init__(self, limit: int = 100) -> None:
        self.lanes = Lanes(limit)
        self.diary: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def work(self, name: str, *, waits: bool = False) -> Callable[[], Awaitable[None]]:
        if waits:
            self.gates[name] = asyncio.Event()

        async def work() -> None:
            self.diary.append(f"+{name}")
            try:
                if waits:
                    await self.gates[name].wait()
            except asyncio.CancelledError:
                self.diary.append(f"x{name}")
                raise
            self.diary.append(f"-{name}")

        return work

    def spawning(self, name: str) -> Callable[[], Awaitable[None]]:
        """Return work that starts a waiting callback beside the lane."""
        callback = self.work(name, waits=True)

        async def run() -> None:
            await callback()

        async def work() -> None:
            self.lanes.spawn(run(), name)

        return work


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    desk.lanes.open()
    yield desk
    await desk.lanes.drain(0)


async def test_one_lane_is_one_at_a_time_and_lanes_do_not_wait_for_each_other(desk: Desk) -> None:
    await desk.lanes.put("a", desk.work("a1", waits=True))
    await desk.lanes.put("a", desk.work("a2"))
    await desk.lanes.put("b", desk.work("b1"))
    await settle()
    assert desk.diary == ["+a1", "+b1", "-b1"]
    desk.gates["a1"].set()
    await settle()
    assert desk.diary == ["+a1", "+b1", "-b1", "-a1", "+a2", "-a2"]


async def test_a_lane_that_ran_empty_runs_again(desk: Desk) -> None:
    for name in ("1", "2", "3"):
        await desk.lanes.put("a", desk.work(name))
        await settle()
    assert desk.diary == ["+1", "-1", "+2", "-2", "+3", "-3"]


async def test_callbacks_beside_the_lane_overlap_and_start_in_order(desk: Desk) -> None:
    for number in range(5):
        await desk.lanes.put("a", desk.spawning(str(number)))
    await settle()
    assert desk.diary == ["+0", "+1", "+2", "+3", "+4"]
    for number in (3, 0):
        desk.gates[str(number)].set()
    await until(lambda: len(desk.diary) == 7)
    assert set(desk.diary[5:]) == {"-3", "-0"}


async def test_nothing_starts_before_the_lanes_are_open() -> None:
    desk = Desk()
    putting = [
        asyncio.create_task(desk.lanes.put("a", desk.work(str(number)))) for number in range(3)
    ]
    await settle()
    assert desk.diary == []
    assert not any(task.done() for task in putting)
    desk.lanes.open()
    await asyncio.gather(*putting)
    await desk.lanes.drain(5)
    assert desk.diary == ["+0", "-0", "+1", "-1", "+2", "-2"]


@pytest.mark.parametrize("beside", [False, True])
async def test_above_the_limit_put_waits(beside: bool) -> None:
    desk = Desk(limit=2)
    desk.lanes.open()
    make = desk.spawning if beside else lambda name: desk.work(name, waits=True)
    for name in ("1", "2"):
        await desk.lanes.put(name, make(name))
    third = asyncio.create_task(desk.lanes.put("3", make("3")))
    await settle()
    assert desk.diary == ["+1", "+2"]
    assert not third.done()
    desk.gates["1"].set()
    await asyncio.wait_for(third, 5)
    await until(lambda: "+3" in desk.diary)
    assert desk.diary == ["+1", "+2", "-1", "+3"]
    for gate in desk.gates.values():
        gate.set()
    await desk.lanes.drain(5)
    assert sorted(desk.diary) == ["+1", "+2", "+3", "-1", "-2", "-3"]


async def test_queued_work_counts_too() -> None:
    desk = Desk(limit=2)
    desk.lanes.open()
    await desk.lanes.put("a", desk.work("1", waits=True))
    await desk.lanes.put("a", desk.work("2"))
    third = asyncio.create_task(desk.lanes.put("a", desk.work("3")))
    await settle()
    assert not third.done()
    desk.gates["1"].set()
    await asyncio.wait_for(third, 5)
    await desk.lanes.drain(5)
    assert desk.diary == ["+1", "-1", "+2", "-2", "+3", "-3"]


async def test_failing_work_costs_only_itself(desk: Desk, log: list[str]) -> None:
    async def fails() -> None:
        raise ValueError("one bad event")

    await desk.lanes.put("a", fails)
    await desk.lanes.put("a", desk.work("next"))
    await settle()
    assert desk.diary == ["+next", "-next"]
    assert "ERROR an event was not handled" in "".join(log)
    assert "ValueError: one bad event" in "".join(log)


async def test_work_that_waited_for_a_cancelled_task_costs_only_itself(
    desk: Desk, log: list[str]
) -> None:
    async def waits_in_vain() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    await desk.lanes.put("a", waits_in_vain)
    await desk.lanes.put("a", desk.work("next"))
    await settle()
    assert desk.diary == ["+next", "-next"]
    assert "ERROR an event was not handled to its end" in "".join(log)
    await desk.lanes.drain(5)
    assert "did not finish" not in "".join(log)


async def test_draining_waits_for_all_that_is_under_way(desk: Desk, log: list[str]) -> None:
    await desk.lanes.put("a", desk.work("1", waits=True))
    await desk.lanes.put("a", desk.work("2"))
    await desk.lanes.put("b", desk.spawning("3"))
    await settle()
    draining = asyncio.create_task(desk.lanes.drain(30))
    await settle()
    assert not draining.done()
    for gate in desk.gates.values():
        gate.set()
    await asyncio.wait_for(draining, 5)
    assert sorted(desk.diary) == ["+1", "+2", "+3", "-1", "-2", "-3"]
    assert log == []


async def test_draining_cancels_what_is_not_done_in_time(desk: Desk, log: list[str]) -> None:
    await desk.lanes.put("a", desk.work("1", waits=True))
    await desk.lanes.put("a", desk.work("never"))
    await desk.lanes.put("b", desk.spawning("on_message_up"))
    await settle()
    await desk.lanes.drain(0.05)
    assert sorted(desk.diary) == ["+1", "+on_message_up", "x1", "xon_message_up"]
    assert "2 callbacks did not finish within 0.05 s and are cancelled" in "".join(log)
    assert "on_message_up" in "".join(log)


async def test_draining_starts_nothing_new_behind_work_that_swallows_its_cancellation() -> None:
    desk = Desk()
    desk.lanes.open()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            desk.diary.append("swallowed")

    await desk.lanes.put("a", stubborn)
    await desk.lanes.put("a", desk.work("next"))
    await settle()
    await asyncio.wait_for(desk.lanes.drain(0.05), 5)
    assert desk.diary == ["swallowed"]


async def test_draining_nothing_is_quick_and_silent(log: list[str]) -> None:
    await asyncio.wait_for(Desk().lanes.drain(60), 5)
    assert log == []


async def test_a_callback_cancelled_before_its_first_step_is_over(log: list[str]) -> None:
    desk = Desk()

    async def callback() -> None:
        desk.diary.append("it must not run")

    desk.lanes.spawn(callback(), "on_join")
    (task,) = (task for task in asyncio.all_tasks() if task.get_name() == "on_join")
    task.cancel()
    await asyncio.wait_for(desk.lanes.drain(60), 5)
    gc.collect()  # a coroutine that was never awaited would complain here
    assert desk.diary == []
    assert sum("on_join was cancelled" in line for line in log) == len(log) == 1


@pytest.mark.defect("D13")
async def test_tasks_are_held_while_they_run(desk: Desk) -> None:
    await desk.lanes.put("a", desk.spawning("1"))
    await settle()
    gc.collect()
    desk.gates["1"].set()
    await until(lambda: desk.diary == ["+1", "-1"])


async def test_while_draining_nothing_new_is_taken() -> None:
    desk = Desk(limit=2)
    desk.lanes.open()
    await desk.lanes.put("a", desk.work("one", waits=True))
    await desk.lanes.put("a", desk.work("two"))
    waiting = asyncio.create_task(desk.lanes.put("a", desk.work("three")))
    await settle()
    draining = asyncio.create_task(desk.lanes.drain(5))
    await asyncio.wait_for(waiting, 5)  # it would wait for room that nobody makes any more
    await asyncio.wait_for(desk.lanes.put("b", desk.work("four")), 5)
    desk.gates["one"].set()
    await draining
    assert desk.diary == ["+one", "-one", "+two", "-two"]


async def test_putting_never_waits_once_drained(desk: Desk) -> None:
    desk = Desk(limit=1)
    desk.lanes.open()
    await desk.lanes.drain(1)
    for _ in range(3):
        await asyncio.wait_for(desk.lanes.put("a", desk.work("late")), 5)
    assert desk.diary == []


async def test_a_callback_that_ends_cancelled_is_logged(desk: Desk, log: list[str]) -> None:
    async def wait_for_a_cancelled_task() -> None:
        other = asyncio.create_task(asyncio.sleep(3600))
        asyncio.get_running_loop().call_soon(other.cancel)
        await other

    desk.lanes.spawn(wait_for_a_cancelled_task(), "on_message_up")
    await until(lambda: any("on_message_up was cancelled" in line for line in log))
