"""Section 3.13: sizes and times."""

from __future__ import annotations

import contextlib
import json

import pytest
from aiohttp import WSMsgType

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.conformance.literal import body_of, say
from tests.local.conftest import Room
from tests.support.clock import forward_clock
from tests.support.patience import PATIENCE
from tests.support.wire import Socket, wire_to

KIB = 1024


async def send_bytes(socket: Socket, size: int, filler: str = "x") -> None:
    """Send a roger of exactly so many bytes."""
    frame = {"type": "roger", "request_id": "REQ-1", "pad": ""}
    room = size - len(json.dumps(frame))
    count, rest = divmod(room, len(filler.encode()))
    frame["pad"] = filler * count + "x" * rest
    text = json.dumps(frame, ensure_ascii=False)
    assert len(text.encode()) == size
    await socket.raw.send_str(text)


@pytest.mark.parametrize("filler", ["x", "é", "𝄞"])
async def test_3_13_a_message_of_128_kib_passes_and_a_larger_one_closes(
    room: Room, filler: str
) -> None:
    await send_bytes(room.bob_socket, 128 * KIB, filler)
    assert (await room.bob_socket.copy())["status"] is True
    await send_bytes(room.bob_socket, 128 * KIB + 1, filler)
    assert await room.bob_socket.closed() == 1009


async def test_3_13_an_oversized_message_is_read_to_its_end_before_closing(room: Room) -> None:
    # Whoever is still sending when the close comes would send it again on the next connection.
    await room.bob_socket.raw.send_str("x" * 3 * KIB * KIB)
    assert await room.bob_socket.closed() == 1009
    again = await room.bob.user_socket()
    await again.good(type="heartbeat", body={})


async def test_3_13_beyond_the_hard_cap_a_message_is_not_read(room: Room) -> None:
    with contextlib.suppress(ConnectionError):
        await room.bob_socket.raw.send_str("x" * 5 * KIB * KIB)
    assert await room.bob_socket.closed() in (1009, 1006, None)


async def test_3_13_a_message_to_the_service_may_have_40_kb(room: Room) -> None:
    text = "x" * 40_000
    await say(room, content={"text": text})
    assert (await body_of(room.bound))["content"]["text"] == text


async def test_3_13_strict_mode_has_32_kib() -> None:
    options = PlatformOptions(limits=Limits(frame_bytes=32 * KIB))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        socket = await ada.user_socket()
        await send_bytes(socket, 32 * KIB)
        assert (await socket.copy())["status"] is True
        await send_bytes(socket, 32 * KIB + 1)
        assert await socket.closed() == 1009


async def test_3_13_there_is_no_forced_disconnect_by_default() -> None:
    assert Limits().connection_seconds == 0
    assert Limits().idle_seconds == 600


async def test_3_13_the_forced_disconnect_can_be_imitated() -> None:
    options = PlatformOptions(limits=Limits(connection_seconds=1200))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        socket = await wire.socket()
        forward = forward_clock()
        for _ in range(3):
            await socket.good(type="heartbeat", body={})
            forward(300)
        await socket.good(type="heartbeat", body={})
        forward(300)
        assert await socket.closed() == 1001


async def test_3_13_any_received_frame_counts_against_silence() -> None:
    options = PlatformOptions(limits=Limits(idle_seconds=600))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        silent = await wire.socket()
        async with wire.session.ws_connect(wire.url, autoping=False) as pinging:

            async def ping() -> WSMsgType:
                await pinging.ping()
                return (await pinging.receive(PATIENCE)).type

            forward = forward_clock()
            for _ in range(2):
                assert await ping() is WSMsgType.PONG
                forward(400)
            assert await silent.closed() == 1001
            assert await ping() is WSMsgType.PONG
