"""How requests and sockets travel, and how their failures are told."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from moobius.errors import TransportError
from moobius.local import LocalPlatform
from moobius.network.transport import HttpTransport, clean_url, encode, open_socket, tls_context
from tests.support.peer import peer


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://api.example//auth/sign_in", "https://api.example/auth/sign_in"),
        ("http://h:1/a///b//c", "http://h:1/a/b/c"),
        ("http://h:1/a/b", "http://h:1/a/b"),
    ],
)
def test_double_slashes_collapse(url: str, clean: str) -> None:
    assert clean_url(url) == clean


async def test_a_request_brings_status_text_and_json(memory_platform: LocalPlatform) -> None:
    transport = HttpTransport()
    reply = await transport.request("GET", memory_platform.url + "/no/such/path")
    await transport.close()
    assert reply.status == 404
    assert reply.json["code"] == 10404


async def test_a_server_that_never_answers_is_given_up(unused_tcp_port: int) -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    transport = HttpTransport(timeout=0.2)
    async with await asyncio.start_server(silence, "127.0.0.1", unused_tcp_port):
        with pytest.raises(TransportError, match=r"no answer within 0\.2 s"):
            await transport.request("GET", f"http://127.0.0.1:{unused_tcp_port}/x")
        await transport.close()


async def test_a_closed_transport_opens_again(memory_platform: LocalPlatform) -> None:
    transport = HttpTransport()
    for _ in range(2):
        assert (await transport.request("GET", memory_platform.url + "/healthz")).status == 200
        await transport.close()


async def test_a_socket_carries_texts_both_ways() -> None:
    async with peer() as script, open_socket(script.url) as connection:
        await connection.send(encode({"type": "x", "request_id": "1"}))
        assert '"request_id": "1"' in await connection.receive()
        await script.cut()
        with pytest.raises(TransportError):
            await connection.receive()
        with pytest.raises(TransportError):
            await connection.send("{}")


@pytest.mark.parametrize("uri", ["ws://127.0.0.1:{port}/", "http://wrong.example/"])
async def test_a_socket_that_cannot_be_opened_names_the_address(
    uri: str, unused_tcp_port: int
) -> None:
    uri = uri.format(port=unused_tcp_port)
    with pytest.raises(TransportError, match="cannot be reached") as caught:
        async with open_socket(uri):
            pass
    assert uri in str(caught.value)


def test_certificates_are_always_verified() -> None:
    context = tls_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] > 0


def test_text_of_any_script_travels_unescaped() -> None:
    assert encode({"text": "茶 ☕"}) == '{"text":"茶 ☕"}'
