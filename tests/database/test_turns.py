"""Turns at an engine: one at a time, in order, memory following each before the next."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from moobius.database.turns import Turns, off_loop
from tests.support.loop_guard import unblocked_loop
from tests.support.patience import until, wait_until


class Gate:
    """Calls that wait until they are let through."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.order: list[str] = []

    def call(self, name: str) -> Callable[[], str]:
        def call() -> str:
            self.opened.wait(20)
            self.order.append(f"call {name}")
            return name

        return call

    async def take(self, turns: Turns, name: str) -> str:
        def prepare() -> Callable[[], str]:
            self.order.append(f"prepare {name}")
            return self.call(name)

        def then(result: str) -> str:
            self.order.append(f"then {result}")
            return result.upper()

        return await turns.take(prepare, then)


IN_ORDER = [f"{part} {name}" for name in "abc" for part in ("prepare", "call", "then")]


async def test_turns_are_over_one_after_the_other_and_block_nobody() -> None:
    turns, gate = Turns(object()), Gate()
    async with unblocked_loop():
        taken = asyncio.gather(*(gate.take(turns, name) for name in "abc"))
        await asyncio.sleep(0)
        assert gate.order == ["prepare a"]
        gate.opened.set()
        assert await taken == ["A", "B", "C"]
    assert gate.order == IN_ORDER


async def test_who_wants_the_engine_at_once_waits_for_the_turns_taken_before() -> None:
    turns, gate = Turns(object()), Gate()
    taken = asyncio.gather(*(gate.take(turns, name) for name in "abc"))
    await asyncio.sleep(0)
    threading.Timer(0.05, gate.opened.set).start()
    assert not turns.are_over
    turns.finish()
    assert turns.are_over
    assert gate.order == IN_ORDER
    assert await taken == ["A", "B", "C"]
    turns.finish()  # nothing is left to wait for


async def test_a_turn_that_nobody_waits_for_any_more_is_completed() -> None:
    turns, gate = Turns(object()), Gate()
    first, second = (asyncio.create_task(gate.take(turns, name)) for name in "ab")
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.opened.set()
    assert await second == "B"
    assert gate.order == [step for step in IN_ORDER if step[-1] != "c"]


def fail(*_: Any) -> Any:
    raise OSError("disk full")


async def test_trouble_reaches_who_waits_and_the_next_turn_comes() -> None:
    turns = Turns(object())
    parts: list[tuple[Any, Any]] = [(fail, repr), (lambda: fail, repr), (lambda: int, fail)]
    for prepare, then in parts:
        with pytest.raises(OSError, match="disk full"):
            await turns.take(prepare, then)
    assert await turns.take(lambda: int, repr) == "0"


@pytest.mark.parametrize("is_settled", [False, True])
async def test_trouble_that_nobody_waits_for_any_more_is_told(
    is_settled: bool, log: list[str]
) -> None:
    turns, opened = Turns(object()), threading.Event()

    def fail_then() -> None:
        opened.wait(20)
        fail()

    task = asyncio.create_task(turns.take(lambda: fail_then, repr))
    await asyncio.sleep(0)
    if is_settled:  # the trouble is on its way to the task, which is cancelled before it arrives
        opened.set()
        turns.finish()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    opened.set()
    assert await turns.take(lambda: int, repr) == "0"
    assert [line for line in log if "nobody waits for it: disk full" in line][1:] == []
    assert any("nobody waits for it: disk full" in line for line in log)


@pytest.mark.parametrize("error", [OSError("disk full"), SystemExit("disk full")])
async def test_trouble_with_a_result_that_nobody_waits_for_is_told_and_the_next_turn_comes(
    error: BaseException, log: list[str]
) -> None:
    def fail_to_apply(_: object) -> None:
        raise error

    turns, opened = Turns(object()), threading.Event()
    task = asyncio.create_task(turns.take(lambda: partial(opened.wait, 20), fail_to_apply))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    opened.set()
    assert await turns.take(lambda: int, repr) == "0"
    assert any("nobody waits for it: disk full" in line for line in log)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyError("disk full")])
async def test_trouble_of_a_single_call_that_nobody_waits_for_any_more_is_told(
    error: Exception, log: list[str]
) -> None:
    class Slow:
        may_wait = True

    began, opened = threading.Event(), threading.Event()

    def call() -> None:
        began.set()
        opened.wait(20)
        raise error

    task = asyncio.create_task(off_loop(Slow, call))
    await until(began.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    opened.set()
    await until(lambda: any("nobody waits for it" in line for line in log))
    assert "disk full" in log[-1]


AT_EXIT = """
import asyncio, atexit
from moobius.database.turns import Turns

turns = Turns(object())

def save():
    try:
        asyncio.run(turns.take(lambda: int, repr))
    except RuntimeError as error:
        print(error)
    turns.finish()
    print("finished")

atexit.register(save)
"""


def test_a_call_that_no_thread_can_make_any_more_keeps_nobody_waiting() -> None:
    command = [sys.executable, "-c", AT_EXIT]
    told = subprocess.run(command, check=True, timeout=20, capture_output=True, text=True).stdout
    assert "after interpreter shutdown" in told
    assert told.endswith("finished\n")


def test_turns_of_a_loop_that_has_ended_are_still_completed() -> None:
    turns, gate = Turns(object()), Gate()

    async def take_and_leave() -> None:
        tasks = [asyncio.create_task(gate.take(turns, name)) for name in "abc"]
        await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)

    asyncio.run(take_and_leave())
    gate.opened.set()
    turns.finish()
    assert gate.order == IN_ORDER


@pytest.mark.parametrize("is_over", [True, False])
def test_turns_that_an_interrupted_run_left_keep_no_later_one_waiting(is_over: bool) -> None:
    turns, gate = Turns(object()), Gate()

    async def take_and_leave() -> None:
        tasks = [asyncio.create_task(gate.take(turns, name)) for name in "ab"]
        await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)

    asyncio.run(take_and_leave())
    if is_over:
        gate.opened.set()
        wait_until(lambda: "call a" in gate.order)
    assert asyncio.run(open_and_take(gate, turns, "c")) == "C"
    assert gate.order == IN_ORDER


def test_turns_of_a_loop_that_stands_still_keep_no_later_one_waiting() -> None:
    turns, gate = Turns(object()), Gate()
    still = asyncio.new_event_loop()
    tasks = [still.create_task(gate.take(turns, name)) for name in "ab"]
    still.run_until_complete(asyncio.sleep(0))
    assert asyncio.run(open_and_take(gate, turns, "c")) == "C"
    assert gate.order == IN_ORDER
    assert still.run_until_complete(asyncio.gather(*tasks)) == ["A", "B"]
    still.close()


async def open_and_take(gate: Gate, turns: Turns, name: str) -> str:
    taken = asyncio.create_task(gate.take(turns, name))
    await asyncio.sleep(0)
    gate.opened.set()
    return await asyncio.wait_for(taken, 20)


async def test_a_place_that_hangs_keeps_no_other_place_waiting() -> None:
    class There:
        may_wait = True

        def __init__(self, place: str) -> None:
            self.waits_for = place

    gate = Gate()
    hanging = [asyncio.create_task(gate.take(Turns(There("a")), "a")) for _ in range(40)]
    await asyncio.sleep(0)
    assert await asyncio.wait_for(Turns(There("b")).take(lambda: int, repr), 20) == "0"
    assert await asyncio.wait_for(off_loop(There("b"), int), 20) == 0
    assert await asyncio.wait_for(off_loop(There, int), 20) == 0
    gate.opened.set()
    assert await asyncio.gather(*hanging) == ["A"] * 40


async def test_many_containers_wait_at_the_same_time() -> None:
    together = threading.Barrier(8, timeout=20)
    waiting = (Turns(object()).take(lambda: together.wait, lambda _: True) for _ in range(8))
    assert all(await asyncio.gather(*waiting))


async def test_only_what_may_wait_is_called_in_a_thread() -> None:
    class Slow:
        may_wait = True

    here = threading.get_ident()
    assert await off_loop(Slow, threading.get_ident) != here
    assert await off_loop(object, threading.get_ident) == here


async def test_however_many_calls_there_are_threads_are_few() -> None:
    class Slow:
        may_wait = True

    gate, threads = threading.Event(), set[int]()

    def call() -> None:
        threads.add(threading.get_ident())
        gate.wait(20)

    calls = asyncio.gather(*(off_loop(Slow, call) for _ in range(40)))
    await until(lambda: len(threads) >= 16)
    gate.set()
    await calls
    assert len(threads) == 16


FORKING = """
import asyncio, os, threading
from moobius.database.turns import Turns

together = threading.Barrier(2)

async def turns(*calls):
    return await asyncio.gather(*(Turns(object()).take(lambda: call, repr) for call in calls))

asyncio.run(turns(together.wait, together.wait))  # two threads
assert asyncio.run(turns(int)) == ["0"]           # of which one is idle for sure
child = os.fork()
assert asyncio.run(turns(int)) == ["0"]
if child:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_threads_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=20)


FORKING_DURING_A_CALL = """
import asyncio, os, threading
from moobius.database.turns import Turns

opened = threading.Event()
turns = Turns(object())

async def main():
    task = asyncio.create_task(turns.take(lambda: opened.wait, repr))
    async with turns.exclusively("key"):
        await asyncio.sleep(0)
        child = os.fork()
        if child:
            opened.set()
            return await task, child
    turns.finish()  # nothing of this process is under way
    asyncio._set_running_loop(None)
    asyncio.run(again())
    os._exit(7)

async def again():
    async with turns.exclusively("key"):
        assert await turns.take(lambda: int, repr) == "0"

answer, child = asyncio.run(main())
assert answer == "True"
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""


def test_a_process_forked_during_a_call_does_not_wait_for_it() -> None:
    subprocess.run([sys.executable, "-c", FORKING_DURING_A_CALL], check=True, timeout=20)
