"""One request for a key at a time; failures are not kept; entries age and are bounded."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from moobius.core.single_flight import SingleFlightCache


class Source:
    """Counts the requests for each key, and answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, asyncio.Future[str]] = {}

    def load(self, key: str) -> Callable[[], Awaitable[str]]:
        async def load() -> str:
            self.asked.append(key)
            self.answers[key] = asyncio.get_running_loop().create_future()
            return await self.answers[key]

        return load


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    """Let every task that can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


async def ask(cache: SingleFlightCache[str, str], source: Source, key: str) -> str:
    """Ask and be answered at once."""
    task = asyncio.ensure_future(cache.get(key, source.load(key)))
    await settle()
    if not task.done():
        source.answers[key].set_result(key.upper())
    return await task


async def test_what_is_known_is_not_asked_again() -> None:
    cache, source = SingleFlightCache[str, str](10), Source()
    assert cache.peek("a") is None
    assert await ask(cache, source, "a") == "A"
    assert await ask(cache, source, "a") == "A"
    assert cache.peek("a") == "A"
    assert source.asked == ["a"]


async def test_an_empty_answer_is_an_answer() -> None:
    cache: SingleFlightCache[str, list[str]] = SingleFlightCache(10)
    asked = []

    async def load() -> list[str]:
        asked.append(1)
        return []

    assert await cache.get("a", load) == await cache.get("a", load) == []
    assert asked == [1]


async def test_misses_of_one_key_share_a_request_and_keys_do_not_wait_for_each_other() -> None:
    cache, source = SingleFlightCache[str, str](10), Source()
    waiters = [asyncio.ensure_future(cache.get("a", source.load("a"))) for _ in range(3)]
    assert await ask(cache, source, "b") == "B"
    assert source.asked == ["a", "b"]
    assert not any(waiter.done() for waiter in waiters)
    source.answers["a"].set_result("A")
    assert await asyncio.gather(*waiters) == ["A", "A", "A"]


async def test_a_failure_reaches_all_who_waited_and_is_not_kept() -> None:
    cache, source = SingleFlightCache[str, str](10), Source()
    waiters = [asyncio.ensure_future(cache.get("a", source.load("a"))) for _ in range(2)]
    await settle()
    source.answers["a"].set_exception(OSError("down"))
    for waiter in waiters:
        with pytest.raises(OSError, match="down"):
            await waiter
    assert len(cache) == 0
    assert await ask(cache, source, "a") == "A"
    assert source.asked == ["a", "a"]


async def test_one_who_gives_up_does_not_take_the_answer_away_from_the_others() -> None:
    cache, source = SingleFlightCache[str, str](10), Source()
    first = asyncio.ensure_future(cache.get("a", source.load("a")))
    second = asyncio.ensure_future(cache.get("a", source.load("a")))
    await settle()
    first.cancel()
    await settle()
    assert first.cancelled()
    source.answers["a"].set_result("A")
    assert await second == "A"
    assert source.asked == ["a"]


async def test_an_answer_nobody_waits_for_any_more_is_kept() -> None:
    cache, source = SingleFlightCache[str, str](10), Source()
    only = asyncio.ensure_future(cache.get("a", source.load("a")))
    await settle()
    only.cancel()
    await settle()
    source.answers["a"].set_result("A")
    await settle()
    assert cache.peek("a") == "A"


async def test_a_failure_nobody_waits_for_any_more_is_no_complaint_of_asyncio() -> None:
    complaints: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: complaints.append(context["message"]))
    cache, source = SingleFlightCache[str, str](10), Source()
    only = asyncio.ensure_future(cache.get("a", source.load("a")))
    await settle()
    only.cancel()
    await settle()
    del only  # whose traceback would keep the request alive
    source.answers.pop("a").set_exception(OSError("down"))
    await settle()
    gc.collect()
    assert complaints == []


async def test_entries_age() -> None:
    clock = Clock()
    cache, source = SingleFlightCache[str, str](10, 300.0, clock), Source()
    await ask(cache, source, "a")
    clock.now = 299.0
    await ask(cache, source, "a")
    assert source.asked == ["a"]
    clock.now = 300.0
    assert cache.peek("a") is None
    await ask(cache, source, "a")
    assert source.asked == ["a", "a"]
    clock.now = 599.0
    assert cache.peek("a") == "A"


async def test_without_an_age_entries_stay() -> None:
    clock = Clock()
    cache, source = SingleFlightCache[str, str](10, None, clock), Source()
    await ask(cache, source, "a")
    clock.now = 1e12
    assert cache.peek("a") == "A"


async def test_an_age_of_zero_switches_the_cache_off() -> None:
    cache, source = SingleFlightCache[str, str](10, 0), Source()
    cache.put("a", "A")
    assert cache.peek("a") is None
    waiters = [asyncio.ensure_future(cache.get("a", source.load("a"))) for _ in range(2)]
    await settle()
    source.answers["a"].set_result("A")
    assert await asyncio.gather(*waiters) == ["A", "A"]
    await ask(cache, source, "a")
    assert source.asked == ["a", "a"]
    assert len(cache) == 0


async def test_the_least_recently_used_entry_goes_first() -> None:
    cache, source = SingleFlightCache[str, str](2), Source()
    await ask(cache, source, "a")
    await ask(cache, source, "b")
    await ask(cache, source, "a")
    await ask(cache, source, "c")
    assert len(cache) == 2
    assert (cache.peek("a"), cache.peek("b"), cache.peek("c")) == ("A", None, "C")


def test_what_was_learned_otherwise_can_be_put_in_and_forgotten() -> None:
    cache = SingleFlightCache[str, str](2)
    cache.put("a", "A")
    cache.put("a", "new")
    assert (cache.peek("a"), len(cache)) == ("new", 1)
    cache.forget("a")
    cache.forget("a")
    assert (cache.peek("a"), len(cache)) == (None, 0)
