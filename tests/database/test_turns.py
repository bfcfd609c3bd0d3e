"""Turns at an engine: one at a time, in order, memory following each before the next."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from moobius.database.turns import Turns, off_loop
from tests.support.loop_guard import unblocked_loop


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
    turns, gate = Turns(), Gate()
    async with unblocked_loop():
        taken = asyncio.gather(*(gate.take(turns, name) for name in "abc"))
        await asyncio.sleep(0)
        assert gate.order == ["prepare a"]
        gate.opened.set()
        assert await taken == ["A", "B", "C"]
    assert gate.order == IN_ORDER


async def test_who_wants_the_engine_at_once_waits_for_the_turns_taken_before() -> None:
    turns, gate = Turns(), Gate()
    taken = asyncio.gather(*(gate.take(turns, name) for name in "abc"))
    await asyncio.sleep(0)
    threading.Timer(0.05, gate.opened.set).start()
    turns.finish()
    assert gate.order == IN_ORDER
    assert await taken == ["A", "B", "C"]
    turns.finish()  # nothing is left to wait for


async def test_a_turn_that_nobody_waits_for_any_more_is_completed() -> None:
    turns, gate = Turns(), Gate()
    first, second = (asyncio.create_task(gate.take(turns, name)) for name in "ab")
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.opened.set()
    assert await second == "B"
    assert gate.order == [step for step in IN_ORDER if step[-1] != "c"]


async def test_trouble_reaches_who_waits_and_the_next_turn_comes(log: list[str]) -> None:
    turns = Turns()

    def fail(*_: Any) -> Any:
        raise OSError("disk full")

    parts: list[tuple[Any, Any]] = [(fail, repr), (lambda: fail, repr), (lambda: int, fail)]
    for prepare, then in parts:
        with pytest.raises(OSError, match="disk full"):
            await turns.take(prepare, then)
    task = asyncio.create_task(turns.take(lambda: fail, repr))
    await asyncio.sleep(0)
    task.cancel()
    assert await turns.take(lambda: int, repr) == "0"
    assert any("nobody waits for it: disk full" in line for line in log)


def test_turns_of_a_loop_that_has_ended_are_still_completed() -> None:
    turns, gate = Turns(), Gate()

    async def take_and_leave() -> None:
        tasks = [asyncio.create_task(gate.take(turns, name)) for name in "abc"]
        await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)

    asyncio.run(take_and_leave())
    gate.opened.set()
    turns.finish()
    assert gate.order == IN_ORDER


async def test_many_containers_wait_at_the_same_time() -> None:
    together = threading.Barrier(8, timeout=20)
    waiting = (Turns().take(lambda: together.wait, lambda _: True) for _ in range(8))
    assert all(await asyncio.gather(*waiting))


async def test_only_what_may_wait_is_called_in_a_thread() -> None:
    class Slow:
        may_wait = True

    here = threading.get_ident()
    assert await off_loop(Slow, threading.get_ident) != here
    assert await off_loop(object, threading.get_ident) == here


FORKING = """
import asyncio, os, threading
from moobius.database.turns import Turns

together = threading.Barrier(2)

async def turns(*calls):
    return await asyncio.gather(*(Turns().take(lambda: call, repr) for call in calls))

asyncio.run(turns(together.wait, together.wait))  # two threads
assert asyncio.run(turns(int)) == ["0"]           # of which one is idle for sure
child = os.fork()
assert asyncio.run(turns(int)) == ["0"]
if child:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_threads_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORKING], check=True, timeout=20)
