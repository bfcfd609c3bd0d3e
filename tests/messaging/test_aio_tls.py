"""Who fails a TLS handshake is named, and nobody else is kept waiting."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from moobius.messaging import connect, serve
from moobius.messaging.tls import tls_for_client, tls_for_server
from tests.support.patience import until
from tests.support.tls import self_signed


def complaints(log: list[str], port: int) -> list[str]:
    return [line for line in log if f"127.0.0.1:{port}" in line and "TLS handshake failed" in line]


async def test_a_peer_without_tls_is_logged_with_its_address(
    log: list[str], tmp_path: Path
) -> None:
    context, _ = self_signed(tmp_path)
    async with serve(ssl=context) as server:
        link = await connect("127.0.0.1", server.port)
        assert link._wire is not None
        own = link._wire.transport.get_extra_info("sockname")[1]
        await link.send("x")
        await until(lambda: bool(complaints(log, own)))
        await asyncio.wait_for(link.wait_closed(), 10.0)
        assert server.links == []


async def test_a_peer_without_a_certificate_is_logged_with_its_address_and_the_reason(
    log: list[str], tmp_path: Path
) -> None:
    _, certificate = self_signed(tmp_path)
    key = certificate.with_name("key.pem")
    strict = tls_for_server(certificate, key, ca_file=certificate)
    async with serve(ssl=strict) as server:
        context = tls_for_client(certificate)
        link = await connect("127.0.0.1", server.port, ssl=context, server_hostname="localhost")
        assert link._wire is not None
        own = link._wire.transport.get_extra_info("sockname")[1]
        await until(lambda: bool(complaints(log, own)))
        assert "certificate" in complaints(log, own)[0]
        await link.close()


async def test_a_silent_peer_has_its_time_and_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, log: list[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("moobius.messaging.aio_tls.HANDSHAKE_WITHIN_S", 1.0)
    context, certificate = self_signed(tmp_path)
    server = serve(ssl=context)
    server.on_request("echo")(lambda peer, text: text)
    async with server:
        with socket.create_connection(("127.0.0.1", server.port)) as silent:
            own = silent.getsockname()[1]
            await until(lambda: bool(server._tasks))  # its time runs
            monkeypatch.setattr("moobius.messaging.aio_tls.HANDSHAKE_WITHIN_S", 30.0)
            trusting = tls_for_client(certificate)
            async with connect(
                "127.0.0.1", server.port, ssl=trusting, server_hostname="localhost"
            ) as link:
                assert await link.request("echo", "x", timeout=10.0) == "x"
            await until(lambda: bool(complaints(log, own)))


async def test_a_server_that_closes_ends_the_handshakes_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moobius.messaging.aio_tls.HANDSHAKE_WITHIN_S", 600.0)
    context, _ = self_signed(tmp_path)
    server = await serve(ssl=context)
    with socket.create_connection(("127.0.0.1", server.port)) as silent:
        silent.settimeout(10.0)
        await until(lambda: bool(server._tasks))
        await asyncio.wait_for(server.close(), 30.0)
        assert await asyncio.to_thread(silent.recv, 1) == b""
