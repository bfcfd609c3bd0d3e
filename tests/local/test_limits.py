"""How much is too much: what `Limits` says of connections and requests, over real sockets."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from yarl import URL

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.patience import until
from tests.support.wire import wire_to

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


async def test_an_account_has_only_so_many_connections() -> None:
    limits = Limits(connections_per_account=2, bad_login_seconds=0.01)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada, bob = await wire.sign_up("ada"), await wire.sign_up("bob")
        service_id = await ada.bound_service(await ada.channel())
        first, second = await ada.user_socket(), await ada.service_socket(service_id)
        third = await wire.socket()
        for login in ("user_login", "service_login"):
            text = await third.bad(type=login, access_token=ada.token, service_id=service_id)
            assert text == "This account has 2 connections already; close some"
        # Logging in again, or in the other role, is no further connection.
        await first.good(type="user_login", access_token=ada.token)
        await first.good(type="service_login", access_token=ada.token, service_id=service_id)
        await bob.user_socket()
        await second.close()
        await third.good(type="user_login", access_token=ada.token)


async def test_so_many_connections_may_wait_for_their_login() -> None:
    limits = Limits(strangers=2)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.sign_up("ada")
        first, _ = await wire.socket(), await wire.socket()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await wire.socket()
        assert refused.value.status == 503
        await first.good(type="user_login", access_token=ada.token)
        third = await wire.socket()  # there is room again
        await third.good(type="heartbeat", body={})
        await third.close()
        await until(lambda: platform._hub.strangers == 1)
        await wire.socket()


async def _ask(url: str, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.readline(), 10)
    finally:
        writer.close()


async def test_a_header_has_only_so_many_bytes() -> None:
    limits = Limits(header_bytes=1000)
    async with LocalPlatform(PlatformOptions(limits=limits)) as platform:
        for size, status in ((500, b"200"), (2000, b"400")):
            for request in (
                HEAD + b"X-Long: " + b"x" * size + b"\r\n\r\n",
                HEAD.replace(b"healthz", b"healthz?" + b"x" * size) + b"\r\n",
            ):
                assert (await _ask(platform.url, request)).split()[1] == status


async def test_a_connection_waits_only_so_long_for_its_next_request() -> None:
    limits = Limits(keep_alive_seconds=0.1)
    async with LocalPlatform(PlatformOptions(limits=limits)) as platform:
        reader, writer = await asyncio.open_connection("127.0.0.1", platform.port)
        writer.write(HEAD + b"\r\n")
        answer = await asyncio.wait_for(reader.read(), 10)  # to its end
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()
