"""The connection of an asyncio link over real sockets: how it ends, and what is said of that."""

from __future__ import annotations

import asyncio

import pytest

from moobius.errors import (
    NotAuthentic,
    PeerLost,
    RequestTimeout,
)
from moobius.messaging import (
    AsyncLink,
    Limits,
    MessageManager,
    SharedKey,
    connect,
    serve,
)
from tests.messaging.links import pair

KEY = SharedKey.new()


async def test_different_keys_and_no_key_are_refused() -> None:
    async with serve(key=KEY) as server:
        for key in (SharedKey.new(), None):
            with pytest.raises((NotAuthentic, PeerLost)):
                async with connect("127.0.0.1", server.port, key=key) as link:
                    await link.request("x", timeout=10.0)
        async with connect("127.0.0.1", server.port, key=KEY) as link:
            assert link.is_connected


async def test_a_peer_without_a_key_hears_that_the_other_side_has_one() -> None:
    async with serve(key=KEY) as server, connect("127.0.0.1", server.port) as link:
        with pytest.raises(PeerLost, match="this side has none"):
            await link.request("x", timeout=10.0)
        await link.wait_closed()
        with pytest.raises(PeerLost, match="this side has none"):
            await link.send("x")


async def test_an_answer_does_not_put_off_the_time_limit_of_another_request() -> None:
    async with pair() as (server, link):
        server.on_request("fine")(lambda peer: "fine")

        @server.on_request("never")
        async def never(peer: AsyncLink) -> None:
            await asyncio.sleep(60.0)

        assert await link.request("fine", timeout=60.0) == "fine"
        with pytest.raises(RequestTimeout):
            await asyncio.wait_for(link.request("never", timeout=0.1), 10.0)


async def test_a_peer_that_proves_nothing_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moobius.messaging.auth.CONFIRM_WITHIN_S", 0.05)
    async with serve(key=KEY) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert b"nonce" in await asyncio.wait_for(reader.read(), 10.0)  # the hello, then the end
        writer.close()


async def test_an_incomplete_message_ends_the_connection_after_its_time() -> None:
    async with serve(limits=Limits(incomplete_s=0.05)) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(MessageManager.create_action_message("x")[:-1])
        assert await asyncio.wait_for(reader.read(), 10.0) == b""
        writer.close()


async def test_garbage_ends_one_connection_and_no_other() -> None:
    async with pair() as (server, link):
        server.on_request("fine")(lambda peer: "fine")
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"\0\0garbage")
        with pytest.raises(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 10.0) == b""
            raise ConnectionResetError
        writer.close()
        assert await link.request("fine", timeout=10.0) == "fine"


async def test_a_lost_connection_fails_what_waits_for_it() -> None:
    async with pair() as (server, link):

        @server.on_request("never")
        async def never(peer: AsyncLink) -> None:
            await peer.close()

        with pytest.raises(PeerLost):
            await link.request("never")
        await link.wait_closed()
        for call in (link.send("x"), link.request("x"), link.send_file(__file__, "x")):
            with pytest.raises(ConnectionError, match="not connected"):
                await call
