"""Who has not proved the key takes nobody's place."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from moobius.messaging import AsyncLink, SharedKey, connect, serve
from tests.support.patience import until

KEY = SharedKey.new()


@pytest.mark.parametrize("said", [b"", b"\0\x10nonsense-nonsense"])
async def test_a_stranger_at_the_address_of_a_peer_does_not_disturb_it(said: bytes) -> None:
    met: list[AsyncLink] = []
    server = serve(key=KEY, identify=lambda address: address[0], on_connect=met.append)
    server.on_request("t")(lambda peer: 1)
    async with server, connect("127.0.0.1", server.port, key=KEY) as link:
        assert await link.request("t", timeout=10.0) == 1
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(said)
        assert await asyncio.wait_for(reader.read(1), 10.0)  # the server greets it
        if said:
            with contextlib.suppress(ConnectionResetError):
                while await asyncio.wait_for(reader.read(1000), 10.0):
                    pass  # and hangs up
        assert await link.request("t", timeout=10.0) == 1
        assert server.links == met
        assert len(met) == 1
        writer.close()
        await until(lambda: not server._applicants)


async def test_a_peer_that_proves_itself_takes_its_place_with_what_came_at_once() -> None:
    heard: list[int] = []
    server = serve(key=KEY, identify=lambda address: address[0], resume_queue=True)
    server.on("x")(lambda peer, number: heard.append(number))
    async with server:
        async with connect("127.0.0.1", server.port, key=KEY) as first:
            await first.send("x", 1)
            await until(lambda: heard == [1])
            (peer,) = server.links
            second = await connect("127.0.0.1", server.port, key=KEY)
            await second.send("x", 2)
            await until(lambda: heard == [1, 2])
            await asyncio.wait_for(first.wait_closed(), 10.0)
        assert server.links == [peer]
        second.on_request("who")(lambda link: "second")
        assert await peer.request("who", timeout=10.0) == "second"
        await second.close()


async def test_closing_the_server_hangs_up_on_applicants_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("moobius.messaging.auth.CONFIRM_WITHIN_S", 600.0)
    server = await serve(key=KEY, identify=lambda address: address[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    assert await asyncio.wait_for(reader.read(1), 10.0)
    await asyncio.wait_for(server.close(), 30.0)
    try:
        while await asyncio.wait_for(reader.read(1000), 30.0):
            pass
    except ConnectionResetError:
        pass
    writer.close()


async def test_who_proves_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moobius.messaging.auth.CONFIRM_WITHIN_S", 0.1)
    async with serve(key=KEY, identify=lambda address: address[0]) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await asyncio.wait_for(reader.read(1), 10.0)
        await until(lambda: not server._applicants)
        writer.close()
