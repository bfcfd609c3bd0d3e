"""How requests and sockets travel, and how their failures are told."""

from __future__ import annotations

import asyncio

import pytest

from moobius.errors import TransportError
from moobius.local import LocalPlatform
from moobius.network.transport import CHUNK, HttpTransport, clean_url, encode, open_socket
from tests.support.peer import peer
from tests.support.redis import refusing_port
from tests.support.web import Answer, web_server


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://api.example//auth/sign_in", "https://api.example/auth/sign_in"),
        ("http://h:1/a///b//c", "http://h:1/a/b/c"),
        ("http://h:1/a/b", "http://h:1/a/b"),
        ("http://h:1//a?next=x//y", "http://h:1/a?next=x//y"),
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


async def test_a_server_that_never_answers_is_given_up() -> None:
    async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    transport = HttpTransport(timeout=0.2)
    async with await asyncio.start_server(silence, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TransportError, match=r"no answer within 0\.2 s"):
            await transport.request("GET", f"http://127.0.0.1:{port}/x")
        await transport.close()


async def test_a_reply_in_no_known_encoding_is_still_a_reply() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"Bad Gateway \xff\xfe"
        writer.write(b"HTTP/1.1 502 Oh\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = HttpTransport()
    reply = await transport.request("GET", f"http://127.0.0.1:{port}/")
    await transport.close()
    server.close()
    assert (reply.status, reply.json) == (502, None)
    assert reply.text.startswith("Bad Gateway")


async def test_a_closed_transport_opens_again(memory_platform: LocalPlatform) -> None:
    transport = HttpTransport()
    for _ in range(2):
        assert (await transport.request("GET", memory_platform.url + "/healthz")).status == 200
        await transport.close()


@pytest.mark.defect("D54")
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xfe caf\xe9", "text/html; charset=utf-8"),
        (b"caf\xe9", "text/html; charset=no-such-charset"),
        (b"[" * 100_000, "application/json"),
        (b'{"code": 10000, "da', "application/json"),
    ],
)
async def test_any_reply_is_a_reply(body: bytes, kind: str) -> None:
    async with web_server(Answer(body, headers={"Content-Type": kind})) as script:
        transport = HttpTransport()
        reply = await transport.request("GET", script.url)
        await transport.close()
    assert (reply.status, reply.json) == (200, None)
    assert len(reply.text) > 3


async def test_a_stream_brings_its_pieces_and_then_its_end() -> None:
    content = b"tea" * 500_000
    async with web_server(Answer(content)) as script:
        transport = HttpTransport()
        async with transport.stream(script.url) as stream:
            assert stream.status == 200
            assert stream.headers["Content-Length"] == str(len(content))
            pieces = [piece async for piece in stream.chunks()]
        await transport.close()
    assert b"".join(pieces) == content
    assert max(map(len, pieces)) <= CHUNK < len(content)


def test_a_program_may_run_more_than_one_loop() -> None:
    transport = HttpTransport()

    async def ask() -> int:
        async with web_server(Answer("yes")) as script:
            return (await transport.request("GET", script.url)).status

    assert [asyncio.run(ask()) for _ in range(3)] == [200] * 3

    async def close() -> None:
        await ask()
        await transport.close()

    asyncio.run(close())


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
async def test_a_socket_that_cannot_be_opened_names_the_address(uri: str) -> None:
    with refusing_port() as port:
        uri = uri.format(port=port)
        with pytest.raises(TransportError, match="cannot be reached") as caught:
            async with open_socket(uri):
                pass
    assert uri in str(caught.value)


def test_text_of_any_script_travels_unescaped() -> None:
    assert encode({"text": "茶 ☕"}) == '{"text":"茶 ☕"}'
