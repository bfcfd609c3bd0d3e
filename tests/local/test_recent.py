"""The two short memories."""

from __future__ import annotations

import asyncio
import gc

from moobius.local.model.events import RequestDone
from moobius.local.recent import Coalescer, RecentRequests, RequestsOf


class Disk:
    """What was done before, read as slowly as it is told."""

    def __init__(self) -> None:
        self.done = [RequestDone("DEE", "REQ-OLD", "a")]
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def recall(self, identity: str) -> list[RequestDone]:
        self.asked.append(identity)
        await self.may_answer.wait()
        return [each for each in self.done if each.identity == identity]


def test_the_latest_requests_are_remembered() -> None:
    latest = RequestsOf("ADA", 2)
    for number in range(3):
        done = latest.remember(f"REQ-{number}", "a")
        assert done == RequestDone("ADA", f"REQ-{number}", "a")
    assert [latest.has(f"REQ-{number}", "a") for number in range(3)] == [False, True, True]


def test_what_is_asked_counts_besides_its_id() -> None:
    latest = RequestsOf("ADA", 2, [RequestDone("ADA", "1", "a"), RequestDone("ADA", "OLD")])
    assert latest.has("1", "a")
    assert not latest.has("1", "b")
    assert latest.has("OLD", "whatever it was"), "kept before it was noted what was asked"
    latest.remember("1", "b")
    assert (latest.has("1", "a"), latest.has("1", "b")) == (False, True)
    latest.remember("2", "c")
    assert latest.has("1", "b"), "it is later than the other"
    assert not latest.has("OLD", "whatever it was")


async def test_all_who_speak_for_an_identity_share_what_is_remembered() -> None:
    disk = Disk()
    recent = RecentRequests(2, disk.recall)
    disk.may_answer.clear()
    asking = [asyncio.create_task(recent.of("DEE")) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    disk.may_answer.set()
    await asyncio.wait(asking)
    first, second = (task.result() for task in asking[1:])
    assert first is second is await recent.of("DEE")
    assert first.has("REQ-OLD", "a")
    assert disk.asked == ["DEE"], "once for all"


async def test_what_nobody_holds_is_forgotten_and_read_again() -> None:
    disk = Disk()
    recent = RecentRequests(2, disk.recall)
    held = await recent.of("ADA")
    for number in range(1000):
        await recent.of(f"somebody {number}")
    await asyncio.sleep(0)  # the loop holds what it has just handed out
    gc.collect()
    assert len(recent) == 1
    assert await recent.of("ADA") is held
    del held
    gc.collect()
    disk.done.append(RequestDone("ADA", "REQ-1", "b"))
    assert (await recent.of("ADA")).has("REQ-1", "b")


def test_one_request_a_window_per_user_and_channel() -> None:
    window = Coalescer(500)
    asked = [("ADA", "CH", 0), ("ADA", "CH", 499), ("BOB", "CH", 499), ("ADA", "CH", 500)]
    assert [window.first(*each) for each in asked] == [True, False, True, True]
