"""What the user's code raises is told, and what it does not end is cancelled."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from moobius.core import contain as contain_module
from moobius.core.contain import contain, end_tasks, finish_within, in_full
from moobius.errors import MoobiusError


async def test_our_errors_are_a_line_and_bugs_have_their_traceback(log: list[str]) -> None:
    async def refuse(why: str) -> None:
        raise MoobiusError(why)

    async def fail() -> None:
        raise KeyError("missing")

    await contain("check-in", refuse, "the door is shut")
    await contain("check-in", fail)
    assert log[0] == "ERROR check-in: the door is shut\n"
    assert log[1].startswith("ERROR KeyError raised in check-in: 'missing'\nTraceback")


async def done() -> None:
    """Need no more than one step."""


async def test_what_takes_too_long_is_cancelled() -> None:
    slow = asyncio.create_task(asyncio.sleep(60))
    quick = asyncio.create_task(done())
    assert not await finish_within([slow, quick], 0.05)
    assert slow.cancelled() and not quick.cancelled()
    assert await finish_within([quick], 0.05)
    assert await finish_within([], 0.05)


async def test_all_are_cancelled_with_who_waits_for_them() -> None:
    slow = asyncio.create_task(asyncio.sleep(60))
    waiting = asyncio.create_task(finish_within([slow], 60))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert slow.cancelled()


async def test_who_ignores_being_cancelled_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(contain_module, "STUBBORN_S", 0.05)
    go = asyncio.Event()

    async def stubborn() -> None:
        while not go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await go.wait()

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert await end_tasks([task]) == {task}
    go.set()
    await task


async def test_what_is_done_in_full_is_finished_before_a_cancellation_is_heard() -> None:
    steps: list[str] = []
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def put_away() -> None:
        begun.set()
        await may_end.wait()
        steps.append("put away")

    task = asyncio.create_task(in_full(put_away))
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)  # it hears of that
        assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["put away"]
    with pytest.raises(ZeroDivisionError):
        await in_full(_fail)


async def _fail() -> None:
    raise ZeroDivisionError
