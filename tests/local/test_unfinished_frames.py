"""Frames that are never finished, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.patience import PATIENCE
from tests.support.wire import wire_to

FIN, TEXT, CONTINUATION, PING = 0x80, 1, 0, 9


def frame(opcode: int, payload: bytes, size: int | None = None) -> bytes:
    """Build a masked frame whose header promises so many bytes; the mask changes nothing."""
    size = len(payload) if size is None else size
    if size < 126:
        head = bytes([opcode, 0x80 | size])
    else:
        head = bytes([opcode, 0x80 | 127]) + struct.pack(">Q", size)
    return head + bytes(4) + payload


class Raw:
    """A socket on which every byte is ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, data: bytes) -> None:
        """Send it; also if nobody wants it."""
        with contextlib.suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    async def read(self) -> bytes:
        """Return what comes, nothing at the end."""
        try:
            return await asyncio.wait_for(self._reader.read(4096), PATIENCE)
        except ConnectionError:
            return b""

    async def is_answered(self) -> bool:
        """Return whether a heartbeat is."""
        await self.send(frame(FIN | TEXT, b'{"type": "heartbeat", "request_id": "R", "body": {}}'))
        return b'"copy"' in await self.read()

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def raw_socket(platform: LocalPlatform) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection("127.0.0.1", platform.port)
    key = base64.b64encode(os.urandom(16))
    writer.write(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n"
    )
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    raw = Raw(reader, writer)
    try:
        yield raw
    finally:
        raw.close()


def login(token: str) -> bytes:
    return frame(
        FIN | TEXT,
        f'{{"type": "user_login", "request_id": "L", "access_token": "{token}"}}'.encode(),
    )


async def test_a_stranger_keeps_only_so_much_of_a_frame_here() -> None:
    limits = Limits(stranger_bytes=100_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        raw_socket(platform) as raw,
    ):
        await raw.send(frame(FIN | TEXT, b"x" * 110_000, 120_000))
        assert await raw.read() == b""


async def test_not_with_fragments_and_pings_between_them_either() -> None:
    limits = Limits(stranger_bytes=100_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        raw_socket(platform) as raw,
    ):
        await raw.send(frame(TEXT, b"x" * 40_000))
        answers = b""
        for _ in range(5):
            await raw.send(frame(FIN | PING, b"hello"))
            answers = await raw.read()
            if not answers:
                break
            await raw.send(frame(CONTINUATION, b"x" * 40_000))
        assert not answers


async def test_who_has_logged_in_has_more_room() -> None:
    limits = Limits(stranger_bytes=100_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
        raw_socket(platform) as raw,
    ):
        ada = await wire.sign_up("ada")
        await raw.send(login(ada.token))
        assert b'"copy"' in await raw.read()
        text = b'{"type": "heartbeat", "request_id": "R", "body": {"a": "' + b"x" * 120_000 + b'"}}'
        whole = frame(FIN | TEXT, text)
        await raw.send(whole[:-10])
        await wire.sign_up("bob")  # meanwhile
        await raw.send(whole[-10:])
        assert b'"copy"' in await raw.read()


async def test_all_that_is_whole_is_not_counted() -> None:
    limits = Limits(stranger_bytes=20_000, arriving_bytes=20_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        raw_socket(platform) as raw,
    ):
        for _ in range(300):
            assert await raw.is_answered()
            await raw.send(frame(FIN | PING, b"x" * 100))
            assert b"x" * 100 in await raw.read()


@pytest.mark.parametrize("which", [0, 2])
async def test_of_all_together_who_has_sent_most_is_cut_off(which: int) -> None:
    limits = Limits(arriving_bytes=200_000)
    async with LocalPlatform(PlatformOptions(limits=limits)) as platform:
        async with contextlib.AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(raw_socket(platform)) for _ in range(4)]
            for number in sorted(range(3), key=lambda number: number != which):
                # Of these it is always the largest that is one too many, whatever comes first.
                size = 90_000 if number == which else 60_000
                await sockets[number].send(frame(FIN | TEXT, b"x" * size, size + 10))
                assert await sockets[3].is_answered()
            assert await sockets[which].read() == b""
            assert await sockets[3].is_answered()
            # Whoever was left finishes; and who has gone is not counted any more.
            await sockets[1].send(b"x" * 10)
            assert b"Internal server error" in await sockets[1].read()
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(2):
                raw = await stack.enter_async_context(raw_socket(platform))
                await raw.send(frame(FIN | TEXT, b"x" * 90_000, 90_010))
                await raw.send(b"x" * 10)
                assert b"Internal server error" in await raw.read()


async def test_who_leaves_amid_a_frame_is_not_counted_off_twice() -> None:
    limits = Limits(arriving_bytes=200_000)
    async with LocalPlatform(PlatformOptions(limits=limits)) as platform:
        for _ in range(4):
            async with raw_socket(platform) as leaving, raw_socket(platform) as other:
                await leaving.send(frame(FIN | TEXT, b"x" * 90_000, 90_010))
                assert await other.is_answered()
        async with raw_socket(platform) as first, raw_socket(platform) as second:
            await first.send(frame(FIN | TEXT, b"x" * 120_000, 120_010))
            await second.send(frame(FIN | TEXT, b"x" * 100_000, 100_010))
            assert await first.read() == b""
