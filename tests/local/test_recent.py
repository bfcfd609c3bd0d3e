"""The two short memories."""

from __future__ import annotations

import asyncio
import gc

from moobius.local.model.events import RequestDone
from moobius.local.recent import Coalescer, RecentRequests, RequestsOf


class Disk:
    """What was done before, read as slowly as it is told."""

    def __init__(self, *done: RequestDone) -> None:
        self.done = [*done]
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def has_requests(self, identity: str) -> bool:
        self.asked.append(identity)
        await self.may_answer.wait()
        return any(each.identity == identity for each in self.done)

    async def request(self, identity: str, request_id: str) -> str | None:
        self.asked.append(f"{identity} {request_id}")
        asked = (identity, request_id)
        found = [each.digest for each in self.done if (each.identity, each.request_id) == asked]
        await self.may_answer.wait()  # with what was there before
        return found[-1] if found else None

    def keep(self, known: RequestsOf, done: RequestDone) -> None:
        self.done.append(done)
        known.mark_stored(done)


async def _has(known: RequestsOf, request_id: str, digest: str) -> bool:
    return known.has(request_id, digest, await known.stored(request_id))


async def test_what_was_done_is_known_on_its_way_to_the_store_and_from_there() -> None:
    disk = Disk()
    latest = RequestsOf("ADA", 2, disk, is_new=True)
    done = latest.remember("1", "a")
    assert done == RequestDone("ADA", "1", "a")
    for _ in ("on its way", "there"):
        assert await _has(latest, "1", "a")
        assert not await _has(latest, "1", "b"), "what is asked counts besides the id"
        disk.keep(latest, done)
    assert not await _has(latest, "2", "a")


async def test_the_latest_under_an_id_counts() -> None:
    disk = Disk()
    latest = RequestsOf("ADA", 100, disk, is_new=True)
    first, second, third = (latest.remember("1", digest) for digest in "aba")
    for done, known in ((first, "a"), (second, "a"), (third, "a")):
        assert [await _has(latest, "1", digest) for digest in "ab"] == [known == "a", known == "b"]
        disk.keep(latest, done)
    assert await _has(latest, "1", "a")


async def test_what_is_surely_new_is_not_looked_up() -> None:
    disk = Disk(RequestDone("ADA", "OLD"))
    old, new = (RequestsOf(name, 100, disk, is_new=name == "BOB") for name in ("ADA", "BOB"))
    assert await _has(old, "OLD", "whatever it was"), "kept before it was noted what was asked"
    for number in range(100):
        for latest in (old, new):
            assert not await _has(latest, f"REQ-{number}", "a")
            disk.keep(latest, latest.remember(f"REQ-{number}", "a"))
    looked_up = disk.asked.count
    assert sum(looked_up(f"ADA REQ-{number}") for number in range(100)) == 100
    assert sum(looked_up(f"BOB REQ-{number}") for number in range(100)) < 30
    disk.asked.clear()
    for number in range(100, 200):  # by now what was before is no longer among the latest
        await old.stored(f"REQ-{number}")
    assert len(disk.asked) < 30


async def test_what_is_kept_while_it_is_looked_up_is_known() -> None:
    disk = Disk(RequestDone("ADA", "OLD", "a"))
    latest = RequestsOf("ADA", 2, disk, is_new=False)
    disk.may_answer.clear()
    repeats = [asyncio.create_task(_has(latest, "1", "a")) for _ in range(2)]
    await asyncio.sleep(0)
    disk.keep(latest, latest.remember("1", "a"))
    disk.may_answer.set()
    assert await asyncio.gather(*repeats) == [True, True]
    await asyncio.sleep(0)
    assert (latest._not_stored, latest._stored_meanwhile, dict(latest._lookups)) == ({}, {}, {})


async def test_all_who_speak_for_an_identity_share_what_is_remembered() -> None:
    disk = Disk(RequestDone("DEE", "REQ-OLD", "a"))
    recent = RecentRequests(2, disk)
    disk.may_answer.clear()
    asking = [asyncio.create_task(recent.of("DEE")) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    disk.may_answer.set()
    await asyncio.wait(asking)
    first, second = (task.result() for task in asking[1:])
    assert first is second is await recent.of("DEE")
    assert disk.asked == ["DEE"], "once for all"
    assert await _has(first, "REQ-OLD", "a")


async def test_what_nobody_holds_is_forgotten_and_found_again() -> None:
    disk = Disk()
    recent = RecentRequests(2, disk)
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
    assert await _has(await recent.of("ADA"), "REQ-1", "b")


def test_one_request_a_window_per_user_and_channel() -> None:
    window = Coalescer(500)
    asked = [("ADA", "CH", 0), ("ADA", "CH", 499), ("BOB", "CH", 499), ("ADA", "CH", 500)]
    assert [window.first(*each) for each in asked] == [True, False, True, True]


def test_many_open_windows_are_not_searched_at_every_request_and_ended_ones_are_forgotten() -> None:
    many = Coalescer(500)
    for number in range(300_000):  # searching all of them each time would take half an hour
        assert many.first(f"user {number}", "CH", 0)
    for number in range(300_000):
        assert many.first(f"later user {number}", "CH", 500)
    assert len(many) == 300_000
