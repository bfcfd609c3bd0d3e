"""Large replies: in pieces, a few at a time, and not for whoever does not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from loguru import logger

from moobius.local import Limits, LocalPlatform, PlatformOptions
from moobius.local.web import app
from moobius.local.web.sending import LARGE, ReplySlots, send
from tests.support.clock import forward_clock
from tests.support.patience import PATIENCE, until
from tests.support.wire import Person, wire_to

PROFILES = "/character/fetch_profile"


@asynccontextmanager
async def verbose(limits: Limits) -> AsyncIterator[tuple[LocalPlatform, Person]]:
    """Run a Platform with somebody on it whose profile is 32 KiB."""
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.sign_up("ada")
        await ada.post("/user/info", description="x" * 16_384, avatar="y" * 16_384)
        yield platform, ada


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda text: lines.append(str(text)), format="{message}", level="WARNING")
    yield lines
    logger.remove(sink)


@asynccontextmanager
async def unread(platform: LocalPlatform, person: Person, count: int) -> AsyncIterator[None]:
    """Ask for a profile so many times, and do not read the reply."""
    body = ",".join([f'"{person.user_id}"'] * count)
    body = f'{{"character_list": [{body}]}}'
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, ("127.0.0.1", platform.port))
        head = (
            f"POST {PROFILES} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
            f"Authorization: Bearer {person.token}\r\n\r\n"
        )
        await loop.sock_sendall(raw, (head + body).encode())
        yield


async def test_a_list_in_a_reply_has_only_so_many_bytes() -> None:
    async with verbose(Limits(reply_bytes=100_000)) as (_, ada):
        wire = ada.wire
        for path, name in ((PROFILES, "character_list"), ("/user/fetch_profile", "userlist")):
            reply = await wire.call("POST", path, body={name: [ada.user_id] * 3}, token=ada.token)
            assert reply["code"] == 10000
        body = {"character_list": [ada.user_id] * 26_000}
        reply = await wire.call("POST", PROFILES, body=body, token=ada.token)
        text = "the reply would have more than 100000 bytes; ask for less at a time"
        assert (reply["code"], reply["msg"]) == (10001, text)


async def test_others_have_their_turn_while_a_long_list_is_made() -> None:
    async with verbose(Limits()) as (_, ada):
        asking = asyncio.create_task(ada.post(PROFILES, character_list=[ada.user_id] * 400))
        turns = 0
        while not asking.done():
            turns += 1
            await asyncio.sleep(0)
        assert len(await asking) == 400
        assert turns > 200


async def test_who_does_not_read_a_large_reply_is_cut_off(complaints: list[str]) -> None:
    async with verbose(Limits(reply_seconds=0.2)) as (platform, ada):
        async with unread(platform, ada, 450):
            await until(lambda: any("does not read its reply" in line for line in complaints))


async def test_who_reads_slowly_is_not() -> None:
    async with verbose(Limits(reply_seconds=500)) as (platform, ada):
        url, forward = platform.url + PROFILES, forward_clock()
        given: dict[str, Any] = {
            "json": {"character_list": [ada.user_id] * 450},
            "headers": {"Authorization": f"Bearer {ada.token}"},
            "timeout": aiohttp.ClientTimeout(total=None),
        }
        size = 0
        async with ada.wire.session.post(url, **given) as reply:
            async for chunk in reply.content.iter_chunked(1 << 20):
                size += len(chunk)
                forward(len(chunk) / 10_000)  # of 14 MB in all
        assert size == reply.content_length


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> list[ReplySlots]:
    """Those of the Platforms that are started from now on."""
    made: list[ReplySlots] = []

    class Watched(ReplySlots):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)

    monkeypatch.setattr(app, "ReplySlots", Watched)
    return made


async def test_of_an_account_only_so_many_are_made_at_a_time_and_nobody_else_waits(
    turns: list[ReplySlots],
) -> None:
    limits = Limits(large_replies_per_account=1)
    async with verbose(limits) as (platform, ada):
        bob = await ada.wire.sign_up("bob")
        channel = await ada.channel()
        await bob.join(channel)
        where = {"channel_id": channel}
        async with unread(platform, ada, 450):
            own = turns[0]._own
            await until(lambda: ada.user_id in own and own[ada.user_id].locked())
            waiting = asyncio.create_task(ada.get("/channel/history_message", **where))
            for _ in range(3):
                assert await bob.get("/channel/history_message", **where) == []
            assert (await ada.get("/user/info"))["user_id"] == ada.user_id
            assert not waiting.done()
        assert await asyncio.wait_for(waiting, PATIENCE) == []


async def test_a_turn_ends_however_the_request_does() -> None:
    turns = ReplySlots(1, 2)
    for _ in range(3):
        async with turns.slot_of("ADA"):
            assert len(turns._own) == 1
        with pytest.raises(ConnectionError):
            async with turns.slot_of("ADA"):
                raise ConnectionError
        async with turns.slot_of("ADA"), turns.slot_of("BOB"):
            waiting = asyncio.create_task(turns.slot_of("CY").__aenter__())
            await asyncio.sleep(0)
            assert not waiting.done(), "two of everybody"
            waiting.cancel()
            await asyncio.wait([waiting])
        await asyncio.sleep(0)
        del waiting
        assert len(turns._own) == 0


async def test_a_reply_is_let_go_of_when_it_is_sent() -> None:
    replies: list[web.Response] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        replies.append(web.Response(body=b"x" * (LARGE + 1)))
        await send(request, replies[-1], 5)
        return replies[-1]

    app = web.Application()
    app.router.add_get("/", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                async with session.get(f"http://127.0.0.1:{port}/") as reply:
                    assert len(await reply.read()) == LARGE + 1
        assert [reply.body for reply in replies] == [None, None]
    finally:
        await runner.cleanup()
