"""Slow readers and silent clients over real sockets."""

from __future__ import annotations

import asyncio

import aiohttp

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.wire import Wire, wire_to


async def test_a_slow_reader_is_cut_off_and_disturbs_nobody() -> None:
    limits = Limits(outbox_bytes=200_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada, bob = await wire.sign_up("ada"), await wire.sign_up("bob")
        channel = await ada.channel()
        await bob.join(channel)
        service_id = await ada.bound_service(channel)
        service = await ada.service_socket(service_id)
        attentive = await ada.user_socket()
        async with aiohttp.ClientSession() as session:
            slow = await session.ws_connect(platform.url)
            login = {"type": "user_login", "request_id": "REQ-1", "access_token": bob.token}
            await slow.send_json(login)
            assert (await slow.receive_json())["body"]["status"] is True
            assert slow._response.connection is not None
            transport = slow._response.connection.transport
            assert isinstance(transport, asyncio.ReadTransport)
            transport.pause_reading()
            body = {
                "subtype": "text",
                "channel_id": channel,
                "recipients": [bob.user_id, ada.user_id],
                "content": {"text": "x" * 60_000},
                "sender": "OWL",
            }
            peers = len(platform._hub)
            for _ in range(400):
                await service.good(type="message_down", service_id=service_id, body=body)
                await attentive.next()
                if len(platform._hub) < peers:
                    break
            assert len(platform._hub) == peers - 1
            await slow.close()


async def test_an_idle_socket_is_closed() -> None:
    limits = Limits(idle_seconds=0.1)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        assert await (await wire.socket()).closed() == 1001


async def test_a_binary_frame_is_unreadable(wire: Wire) -> None:
    socket = await wire.socket()
    await socket.raw.send_bytes(b"{}")
    assert (await socket.next())["message"] == "Internal server error"
    await socket.good(type="heartbeat", body={})


async def test_beyond_the_hard_cap_the_socket_is_closed_too() -> None:
    limits = Limits(frame_bytes=1000, frame_cap_bytes=10_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        for size in (1001, 20_000):
            socket = await wire.socket()
            await socket.raw.send_str("x" * size)
            assert await socket.closed() == 1009
