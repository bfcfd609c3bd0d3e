"""Who proves nothing cannot keep anybody else out, nor fill the server, nor its log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging import SharedKey, connect, serve
from moobius.messaging.tls import tls_for_client
from tests.support.patience import until
from tests.support.tls import self_signed

KEY = SharedKey.new()
LIMIT = 8


@pytest.fixture(autouse=True)
def nobody_runs_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is hung up on here is one too many, however slow the machine."""
    monkeypatch.setattr("moobius.messaging.auth.CONFIRM_WITHIN_S", 600.0)
    monkeypatch.setattr("moobius.messaging.aio_tls.HANDSHAKE_WITHIN_S", 600.0)
    monkeypatch.setattr("moobius.messaging.strangers.TELL_EVERY_S", 600.0)


@asynccontextmanager
async def flood(port: int, count: int) -> AsyncIterator[list[socket.socket]]:
    """Connect so often, and say nothing."""
    with ExitStack() as stack:
        sockets = []
        for _ in range(count):
            each = await asyncio.to_thread(socket.create_connection, ("127.0.0.1", port), 10.0)
            sockets.append(stack.enter_context(each))
        yield sockets


def still_open(sockets: list[socket.socket]) -> int:
    """Count those on which nobody has hung up; what they were greeted with is read."""
    return sum(_is_open(each) for each in sockets)


def _is_open(each: socket.socket) -> bool:
    each.setblocking(False)
    try:
        while each.recv(10_000):
            pass
    except BlockingIOError:
        return True
    except ConnectionResetError:
        pass
    return False


@pytest.mark.parametrize("identify", [None, lambda address: address])
async def test_only_so_many_are_held_and_who_has_the_key_gets_in(
    identify: Any, log: list[str]
) -> None:
    server = serve(key=KEY, strangers=LIMIT, identify=identify)
    server.on_request("t")(lambda peer: 1)
    async with server:
        early = await connect("127.0.0.1", server.port, key=KEY)
        async with flood(server.port, 5 * LIMIT) as sockets:
            await until(lambda: still_open(sockets) == LIMIT)
            async with connect("127.0.0.1", server.port, key=KEY) as link:
                assert await link.request("t", timeout=10.0) == 1
            assert await early.request("t", timeout=10.0) == 1  # who has proved it is no stranger
        await early.close()
    told = [line for line in log if "had not proved the key" in line]
    assert len(told) == 1  # a sum, not a line for each
    assert f"hung up on {4 * LIMIT + 1} connections" in told[0]


async def test_those_who_have_proved_the_key_may_be_more(log: list[str]) -> None:
    server = serve(key=KEY, strangers=2)
    server.on_request("t")(lambda peer: 1)
    async with server:
        links = [await connect("127.0.0.1", server.port, key=KEY) for _ in range(6)]
        assert [await link.request("t", timeout=10.0) for link in links] == [1] * 6
        for link in links:
            await link.close()
    assert "had not proved" not in "".join(log)


async def test_without_a_key_nobody_is_a_stranger() -> None:
    server = serve(strangers=2)
    async with server:
        async with flood(server.port, 6) as sockets:
            await until(lambda: len(server.links) == 6)
            assert still_open(sockets) == 6


@pytest.mark.parametrize("limit", [1, LIMIT])
async def test_those_who_do_not_end_the_handshake_are_strangers(
    tmp_path: Path, limit: int, log: list[str]
) -> None:
    context, certificate = self_signed(tmp_path)
    server = serve(ssl=context, key=KEY, strangers=limit)
    server.on_request("t")(lambda peer: 1)
    tls = tls_for_client(certificate)
    async with server:
        async with flood(server.port, limit + 3) as sockets:
            await until(lambda: still_open(sockets) == limit)
            dialing = connect(
                "127.0.0.1", server.port, key=KEY, ssl=tls, server_hostname="localhost"
            )
            async with dialing as link:
                assert await link.request("t", timeout=10.0) == 1
    assert "hung up on 4 connections" in "".join(log)


async def test_a_long_flood_is_told_of_now_and_then(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.setattr("moobius.messaging.strangers.TELL_EVERY_S", 0.05)

    def told() -> int:
        return sum("had not proved" in line for line in log)

    async with serve(key=KEY, strangers=1) as server:
        for count in (1, 2):
            async with flood(server.port, 2):
                await until(lambda count=count: told() >= count)  # type: ignore[misc] # bound now


def test_there_has_to_be_room_for_one() -> None:
    with pytest.raises(ValueError, match="strangers=0: there has to be room for one"):
        serve(key=KEY, strangers=0)
