"""Callbacks run one after the other, in order, and may wait for answers of their own."""

from __future__ import annotations

import asyncio
import gc
import math
import warnings
from typing import Any

import pytest

from moobius.errors import RequestFailed
from moobius.messaging import AsyncLink, Callbacks, Limits, Link, connect, serve
from moobius.messaging.aio_runner import BACKLOG_BYTES, BACKLOG_HIGH, Packed, Runner
from moobius.messaging.messages import Action, Request
from tests.messaging.links import pair
from tests.support.patience import until


async def test_a_slow_callback_keeps_those_behind_it_in_order() -> None:
    events: list[Any] = []
    release = asyncio.Event()
    async with pair() as (server, link):

        @server.on("slow")
        async def slow(peer: AsyncLink) -> None:
            events.append("slow begins")
            await release.wait()
            events.append("slow ends")

        server.on("quick")(lambda peer, number: events.append(number))

        @server.on_request("last")
        async def last(peer: AsyncLink) -> str:
            return "done"

        await link.send("slow")
        for number in range(5):
            await link.send("quick", number)
        asking = asyncio.create_task(link.request("last", timeout=20.0))
        await until(lambda: events == ["slow begins"])
        release.set()
        assert await asking == "done"
        assert events == ["slow begins", "slow ends", 0, 1, 2, 3, 4]


async def test_a_callback_may_wait_for_an_answer_that_lies_behind_much_else() -> None:
    got: list[Any] = []
    async with pair() as (server, link):

        @server.on("ask")
        async def ask(peer: AsyncLink) -> None:
            got.append(await peer.request("name", timeout=20.0))

        server.on("noise")(lambda peer, number: got.append(number))

        @link.on_request("name")
        async def name(peer: AsyncLink) -> str:
            for number in range(4 * BACKLOG_HIGH):
                await link.send("noise", number)
            return "Ada"

        await link.send("ask")
        await until(lambda: len(got) == 4 * BACKLOG_HIGH + 1)
        assert got == ["Ada", *range(4 * BACKLOG_HIGH)]


async def test_a_peer_that_sends_faster_than_callbacks_run_has_to_wait() -> None:
    release, seen = asyncio.Event(), 0
    async with pair(limits=Limits(queue_messages=None)) as (server, link):

        @server.on("x")
        async def take(peer: AsyncLink, text: str) -> None:
            nonlocal seen
            await release.wait()
            seen += 1

        async def flood() -> None:
            for _ in range(3000):
                await link.send("x", "y" * 10_000)

        flooding = asyncio.create_task(flood())
        await until(lambda: bool(server.links))
        (peer,) = server.links
        await until(lambda: peer._runner.waiting >= BACKLOG_HIGH)
        before = -1

        def is_still() -> bool:
            nonlocal before
            is_as_before, before = before == peer._runner.waiting, peer._runner.waiting
            return is_as_before

        await until(is_still)
        # What one read brought comes on top of the limit, no more.
        assert peer._runner.waiting < 2 * BACKLOG_HIGH
        assert not flooding.done()
        release.set()
        await flooding
        await until(lambda: seen == 3000)


async def test_a_callback_that_ends_in_a_cancelled_task_is_one_that_failed() -> None:
    got: list[int] = []
    async with pair(error_replies=True) as (server, link):

        @server.on("bad")
        @server.on_request("bad")
        async def bad(peer: AsyncLink) -> None:
            task = asyncio.create_task(asyncio.Event().wait())
            await asyncio.sleep(0)
            task.cancel()
            await task

        server.on("n")(lambda peer, number: got.append(number))
        for begin in (0, BACKLOG_HIGH * 4):
            await link.send("bad")
            for number in range(begin, begin + BACKLOG_HIGH * 4):
                await link.send("n", number)
        await until(lambda: len(got) == BACKLOG_HIGH * 8)
        assert got == sorted(got)
        with pytest.raises(RequestFailed, match="CancelledError"):
            await link.request("bad", timeout=10.0)


async def test_large_messages_that_wait_are_counted_in_bytes() -> None:
    release = asyncio.Event()
    async with pair() as (server, link):

        @server.on("x")
        async def take(peer: AsyncLink, text: str) -> None:
            await release.wait()

        async def flood() -> None:
            for _ in range(40):
                await link.send("x", "y" * 1_000_000)

        flooding = asyncio.create_task(flood())
        await until(lambda: bool(server.links))
        (peer,) = server.links
        await until(lambda: peer._wire is not None and not peer._wire._is_reading)
        assert BACKLOG_BYTES <= peer._runner.waiting_bytes < BACKLOG_BYTES + 2_000_000
        release.set()
        await flooding
        await until(lambda: peer._runner.waiting_bytes == 0)


async def test_a_callback_may_close_the_server_it_belongs_to() -> None:
    closed = asyncio.Event()
    server = await serve()

    @server.on("quit")
    async def leave(peer: AsyncLink) -> None:
        await server.close()
        closed.set()

    async with connect("127.0.0.1", server.port) as link, connect("127.0.0.1", server.port):
        await link.send("quit")
        await asyncio.wait_for(closed.wait(), 10.0)


async def test_a_peer_that_does_not_answer_cannot_fill_the_memory() -> None:
    content: list[Any] = [[{}] * 50_000]  # takes twenty times as much memory as on the wire
    answer = asyncio.Event()
    got: list[int] = []
    async with pair() as (server, link):

        @server.on("ask")
        async def ask(peer: AsyncLink) -> None:
            await peer.request("who", timeout=20.0)

        server.on("x")(lambda peer, *values: got.append(len(values)))

        @link.on_request("who")
        async def who(peer: AsyncLink) -> None:
            await answer.wait()

        await link.send("ask")
        for _ in range(25):
            await link.send("x", *content)
        await until(lambda: bool(server.links))
        (peer,) = server.links
        await until(lambda: peer._runner.waiting == 25)
        assert peer._runner.waiting_bytes > BACKLOG_BYTES  # an answer may lie behind all this
        waiting = [arrival for arrival, _ in peer._runner._backlog]
        packed = [arrival for arrival in waiting if isinstance(arrival, Packed)]
        assert len(packed) >= 23
        assert max(len(each.values) for each in packed) < 200_000
        answer.set()
        await until(lambda: got == [1] * 25)
        assert peer._runner.waiting_bytes == 0


@pytest.mark.parametrize(
    "arrival",
    [
        Action("a\ud800", [None, True, 10**30, 1.5, "\ud800"], {"k": [{}]}),
        Request("r", {"any": ["id"]}, [-math.inf], {}, True),
    ],
)
def test_what_waits_packed_is_the_same_afterwards(arrival: Action | Request) -> None:
    packed = Packed.of(arrival)
    assert isinstance(packed, Packed)
    assert packed.unpacked() == arrival
    assert type(packed.unpacked()) is type(arrival)


def test_what_nests_too_deep_waits_as_it_is() -> None:
    deep: list[Any] = []
    for _ in range(5_000):
        deep = [deep]
    arrival = Action("a", deep, {})
    assert Packed.of(arrival) is arrival


async def test_a_callback_that_is_cancelled_before_its_first_step_leaves_no_warning() -> None:
    async def never_begins(peer: object) -> None:
        raise AssertionError("it was not cancelled")

    registered = Callbacks()
    registered.on("x")(never_begins)
    link = Link(name="peer")
    runner = Runner(link, registered, None, progressed=lambda: None, failed=lambda error: None)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        runner.take(Action("x", [], {}))
        await runner.stop()
        gc.collect()
    assert not [str(each.message) for each in warned]
