"""Slow readers and silent clients over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from loguru import logger

from moobius.local import Limits, LocalPlatform, PlatformOptions, connection
from moobius.local.connection import Connection
from moobius.local.wire.outbound import Parcel
from tests.support.patience import until
from tests.support.wire import Person, wire_to


@asynccontextmanager
async def deaf(platform: LocalPlatform, person: Person) -> AsyncIterator[Connection]:
    """Log somebody in who then stops reading; yields the Platform's end of the connection."""
    async with aiohttp.ClientSession() as session:
        slow = await session.ws_connect(platform.url)
        login = {"type": "user_login", "request_id": "REQ-1", "access_token": person.token}
        await slow.send_json(login)
        assert (await slow.receive_json())["body"]["status"] is True
        assert slow._response.connection is not None
        transport = slow._response.connection.transport
        assert isinstance(transport, asyncio.ReadTransport)
        transport.pause_reading()
        peer = next(each for each in platform._hub if each.speaker.user == person.user_id)
        assert isinstance(peer, Connection)
        yield peer
        transport.abort()


def waiting_bytes(connection: Connection) -> int:
    """How much a connection holds for its reader."""
    transport = connection._transport
    assert isinstance(transport, asyncio.WriteTransport)
    return connection._queued_bytes + transport.get_write_buffer_size()


async def test_a_slow_reader_is_cut_off_and_disturbs_nobody() -> None:
    limits = Limits(outbox_bytes=200_000)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada, bob = await wire.be("ada@example.org"), await wire.be("bob@example.org")
        channel = await ada.channel()
        await bob.join(channel)
        service_id = await ada.bound_service(channel)
        service = await ada.service_socket(service_id)
        attentive = await ada.user_socket()
        async with deaf(platform, bob) as slow:
            body = {
                "subtype": "text",
                "channel_id": channel,
                "recipients": [bob.user_id, ada.user_id],
                "content": {"text": "x" * 60_000},
                "sender": "OWL",
            }
            most = sent = 0
            while slow in platform._hub:
                assert sent < 400
                await service.good(type="message_down", service_id=service_id, body=body)
                await attentive.next()
                sent += 1
                if slow._open:
                    most = max(most, waiting_bytes(slow))
            # The limit, and the few frames that the library writes before it looks.
            assert 60_000 < most < 200_000 + 65_536 + 3 * 65_536
            assert (len(slow._queue), slow._open) == (0, False)
            await service.good(type="heartbeat", body={})


async def test_frames_count_besides_bytes() -> None:
    limits = Limits(outbox_frames=20)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        bob = await wire.be("bob@example.org")
        async with deaf(platform, bob) as slow:
            for number in range(21):
                assert slow._open
                slow.send(Parcel({"type": "x"}, str(number), 1))
            assert not slow._open


async def test_who_does_not_read_the_close_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CLOSING_SECONDS", 0.2)
    async with LocalPlatform(PlatformOptions()) as platform, wire_to(platform.url) as wire:
        bob = await wire.sign_up("bob")
        async with deaf(platform, bob) as slow:
            for _ in range(200):  # more than the two ends of a socket hold
                slow.send(Parcel({"type": "x"}, "x" * 60_000, 60_000))
            await bob.post("/auth/delete_account", username=bob.email, password="bob")
            await until(lambda: slow not in platform._hub)


async def test_a_connection_that_cannot_be_written_to_is_cut(log: list[str]) -> None:
    def spoilt(line: str) -> None:
        if line.startswith("frame out"):
            raise OSError("the disk of the log is full")

    async with LocalPlatform(PlatformOptions()) as platform, wire_to(platform.url) as wire:
        socket = await wire.socket()
        sink = logger.add(spoilt, format="{message}", level="DEBUG", catch=False)
        try:
            await socket.send(type="heartbeat", body={})
            await socket.closed()
        finally:
            logger.remove(sink)
        await until(lambda: len(platform._hub) == 0)
    assert any("writing to a client failed" in line for line in log)


async def test_nobody_is_counted_who_has_gone_however_they_went() -> None:
    async with LocalPlatform(PlatformOptions()) as platform, wire_to(platform.url) as wire:
        hub = platform._hub
        people = [await wire.be(f"{name}@example.org") for name in ("ada", "bob", "cy")]
        services = []
        for person in people:
            created = await person.post("/service/create", description="")
            services.append(created["service_id"])
        sockets = await asyncio.gather(*(wire.socket() for _ in range(90)))
        for number, socket in enumerate(sockets):
            person = people[number % 3]
            if number % 2:
                await socket.good(type="user_login", access_token=person.token)
            if number % 5:
                login = {"type": "service_login", "access_token": person.token}
                await socket.good(**login, service_id=services[number % 3])
        assert (len(hub), hub.users, hub.services) == (90, 3, 3)
        assert sum(hub.connections_of(person.user_id) for person in people) == 81
        for number, socket in enumerate(sockets):
            if number % 2:
                await socket.close()
            else:
                assert socket.raw._response.connection is not None
                socket.raw._response.connection.transport.abort()  # type: ignore[union-attr]
        await until(lambda: len(hub) == 0)
        assert (hub.users, hub.services) == (0, 0)
        assert not any(hub.connections_of(person.user_id) for person in people)
