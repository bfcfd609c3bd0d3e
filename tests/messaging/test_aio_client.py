"""`connect`: how a connection is made, refused, and made again."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from moobius.errors import ConnectTimeout, PeerLost, RequestFailed
from moobius.messaging import AsyncLink, Limits, Link, SharedKey, connect, serve
from moobius.messaging.aio_client import LONGEST_DELAY_S, Connecting, pause
from moobius.messaging.aio_wire import Wire
from tests.support.patience import until
from tests.support.ports import free_port
from tests.support.redis import refusing_port


async def test_somewhere_to_connect_to_is_needed() -> None:
    for where in ({}, {"host": "a"}, {"host": "a", "port": 1, "path": "b"}):
        with pytest.raises(ValueError, match="either host and port, or path"):
            connect(**where)


async def test_nobody_there_is_an_os_error(tmp_path: Path) -> None:
    with refusing_port() as port, pytest.raises(OSError, match="Connect call failed"):
        await connect("127.0.0.1", port)
    with pytest.raises(OSError):
        await connect(path=tmp_path / "nobody")


async def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with pytest.raises(ConnectTimeout):
            await connect("127.0.0.1", port, key=SharedKey.new(), timeout=0.05)


async def test_await_and_async_with_give_the_same() -> None:
    async with serve() as server:
        link = await connect("127.0.0.1", server.port)
        async with link:
            assert link.is_connected
        assert not link.is_connected
        assert link.is_over


@pytest.mark.parametrize("key", [None, SharedKey.new()], ids=["open", "key"])
async def test_a_lost_connection_is_made_again_until_it_is_closed(key: SharedKey | None) -> None:
    seen: list[int] = []
    met: list[AsyncLink] = []
    port = free_port()  # it is the same when the server is back
    server = serve(port=port, key=key, on_connect=met.append)
    server.on("x")(lambda peer, number: seen.append(number))
    async with server:
        link = await connect("127.0.0.1", port, key=key, reconnect=True, resume_queue=True)
        await link.send("x", 1)
        await until(lambda: seen == [1])
        for number in range(3):
            await until(lambda: len(met) == number + 1)  # noqa: B023  # awaited in its turn
            await met[-1].close()
        await until(lambda: len(met) == 4)
        await link.send("x", 2)
        await until(lambda: seen == [1, 2])
    await until(lambda: not link.is_connected)
    await link.send("x", 3)  # nobody is there now
    again = serve(server.callbacks, port=port, key=key)
    async with again:
        await asyncio.wait_for(link.wait_connected(), 20.0)
        await until(lambda: seen == [1, 2, 3])
        await link.close()
        with pytest.raises(PeerLost):
            await link.wait_connected()


async def test_a_request_outlives_its_connection() -> None:
    asked = 0
    async with serve() as server:

        @server.on_request("time")
        async def time(peer: AsyncLink) -> float:
            nonlocal asked
            asked += 1
            if asked == 1:
                await peer.close()
            return 12.5

        async with connect("127.0.0.1", server.port, reconnect=True) as link:
            assert await link.request("time", timeout=20.0) == 12.5
        assert asked == 2


async def test_without_resending_a_request_fails_with_its_connection() -> None:
    async with serve() as server:

        @server.on_request("time")
        async def time(peer: AsyncLink) -> None:
            await peer.close()

        where = ("127.0.0.1", server.port)
        async with connect(*where, reconnect=True, resend_requests=False) as link:
            with pytest.raises(PeerLost):
                await link.request("time")
            await asyncio.wait_for(link.wait_connected(), 20.0)


async def test_a_connection_that_is_lost_as_soon_as_it_stands_is_made_again() -> None:
    async with serve() as server:
        server.on_request("echo")(lambda peer, number: number)
        async with connect("127.0.0.1", server.port, reconnect=True) as link:
            for number in range(30):
                assert await link.request("echo", number, timeout=20.0) == number
                before = link._wire
                assert before is not None
                before.transport.abort()
                # In the very turn of the loop in which the next one is attached, or soon after.
                while link._wire in {before, None}:  # noqa: ASYNC110  # at once, not soon
                    await asyncio.sleep(0)
                for _ in range(number % 4):
                    await asyncio.sleep(0)
                if number % 2 and link._wire is not None:
                    link._wire.transport.abort()


async def test_a_peer_that_hangs_up_at_once_is_not_called_all_the_time() -> None:
    met: list[float] = []

    def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(asyncio.get_running_loop().time())
        writer.close()

    listening = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    async with connect("127.0.0.1", port, reconnect=True):
        await until(lambda: len(met) == 5)
    assert met[4] - met[0] >= 0.05 + 0.1 + 0.2 + 0.4
    listening.close()


def test_pauses_grow_up_to_a_limit_and_are_spread() -> None:
    assert pause(0) == 0.0
    assert 0.05 <= pause(1) <= 0.1
    late = [pause(attempts) for attempts in (6, 7, 8, 1000, 10**6)]
    assert all(LONGEST_DELAY_S / 2 <= delay <= LONGEST_DELAY_S for delay in late)
    assert len(set(late)) > 1


async def test_what_takes_too_long_says_how_far_it_came() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        tries = [
            connect("127.0.0.1", port, key=SharedKey.new(), timeout=2.5),  # time to come so far
            connect("127.0.0.1", port, ssl=ssl.create_default_context(), timeout=2.5),
        ]
        proof, tls = await asyncio.gather(*tries, return_exceptions=True)
    assert isinstance(proof, ConnectTimeout)
    assert isinstance(proof, TimeoutError)
    assert "did not prove its key" in str(proof)
    assert isinstance(tls, ConnectTimeout)
    assert "use TLS" in str(tls)


async def test_a_peer_whose_answer_we_cannot_take_is_not_called_all_the_time() -> None:
    met: list[float] = []
    now = asyncio.get_running_loop().time
    ours = Limits(json_content=1000)
    async with serve(on_connect=lambda peer: met.append(now())) as server:
        server.on_request("small")(lambda peer: 1)
        server.on_request("big")(lambda peer: "x" * 2000)
        where = ("127.0.0.1", server.port)
        async with connect(*where, reconnect=True, limits=ours) as link:
            for number in range(1, 4):
                assert await link.request("small", timeout=20.0) == 1
                with pytest.raises(RequestFailed, match="the limit is 1000"):
                    await link.request("big", timeout=20.0)
                await until(lambda: len(met) == number + 1)  # noqa: B023  # awaited in its turn
            assert await link.request("small", timeout=20.0) == 1
    assert met[3] - met[0] >= 0.05 + 0.1 + 0.2


async def test_proving_a_key_and_hanging_up_is_no_use_either(log: list[str]) -> None:
    key, now = SharedKey.new(), asyncio.get_running_loop().time
    async with serve(key=key, limits=Limits(json_content=1000)) as server:
        async with connect("127.0.0.1", server.port, key=key, reconnect=True) as link:
            began = now()
            asking = asyncio.create_task(link.request("small", "x" * 2000))
            await until(lambda: sum("the limit is 1000" in line for line in log) >= 5)
            assert now() - began >= 0.05 + 0.1 + 0.2 + 0.4
            asking.cancel()


async def test_a_connection_that_comes_after_close_is_hung_up() -> None:
    gate, waits = asyncio.Event(), asyncio.Event()
    gate.set()
    met: list[AsyncLink] = []
    async with serve(on_connect=met.append) as server:

        async def open_wire(new_wire: Callable[[], Wire]) -> object:
            waits.set()
            await gate.wait()
            loop = asyncio.get_running_loop()
            return await loop.create_connection(new_wire, "127.0.0.1", server.port)

        def new_link() -> AsyncLink:
            return AsyncLink(Link(name="there"))

        link = await Connecting(new_link, open_wire, reconnect=True, timeout=10.0)
        await until(lambda: len(met) == 1)
        gate.clear()
        waits.clear()
        await met[0].close()
        await asyncio.wait_for(waits.wait(), 10.0)
        await link.close()
        gate.set()
        await until(lambda: len(met) == 2)
        await until(lambda: server.links == [])
        assert not link.is_connected


async def test_closing_while_away_says_what_is_lost(log: list[str]) -> None:
    async with serve() as server:
        where = ("127.0.0.1", server.port)
        link = await connect(*where, reconnect=True, resume_queue=True)
    await until(lambda: not link.is_connected)
    for number in range(3):
        await link.send("important", number)
    await link.close()
    assert any("3 messages that waited" in line for line in log)
    await link.close()
    assert sum("that waited" in line for line in log) == 1
