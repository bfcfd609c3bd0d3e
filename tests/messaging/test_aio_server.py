"""`serve`: who may come in, on what, and who they are."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import PeerLost
from moobius.messaging import AsyncLink, Callbacks, SharedKey, connect, serve
from moobius.messaging.messages import encode_action
from moobius.messaging.tls import tls_for_client
from tests.support.patience import until
from tests.support.ports import free_port
from tests.support.tls import self_signed


async def test_a_unix_socket_is_its_users_own_and_goes_with_the_server(tmp_path: Path) -> None:
    path, key = tmp_path / "spells", SharedKey.new()
    server = serve(path=path, key=key)
    server.on_request("cast")(lambda peer, spell: f"{spell}!")
    async with server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with connect(path=path, key=key) as link:
            assert await link.request("cast", "fireball", timeout=10.0) == "fireball!"
        with pytest.raises(RuntimeError):
            _ = server.port
    assert not path.exists()


async def test_the_socket_of_a_process_that_is_gone_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "spells"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(os.fspath(path))
    async with serve(path=path):
        async with connect(path=path):
            pass
        with pytest.raises(OSError, match="in use"):
            await serve(path=path)
    path.write_text("a file")
    with pytest.raises(OSError, match="in use"):
        await serve(path=path)
    assert path.read_text() == "a file"


async def test_callbacks_can_be_shared_and_names_are_reserved() -> None:
    shared = Callbacks()

    @shared.on_request("who")
    def who(peer: AsyncLink) -> str:
        return "shared"

    assert who.__name__ == "who"
    with pytest.raises(ValueError, match="reserved"):
        shared.on("filetransfer")
    async with serve(shared) as one, serve(shared) as other:
        for server in (one, other):
            async with connect("127.0.0.1", server.port) as link:
                assert await link.request("who", timeout=10.0) == "shared"


@pytest.mark.parametrize("key", [None, SharedKey.new()], ids=["open", "key"])
async def test_each_peer_is_welcomed_when_its_key_is_proved(key: SharedKey | None) -> None:
    met: list[Any] = []

    async def welcome(peer: AsyncLink) -> None:
        assert peer.is_connected
        met.append(await peer.request("name", timeout=10.0))
        await peer.send("hello")

    async with serve(on_connect=welcome, key=key) as server:
        if key is not None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"\0\0")  # a stranger
            await asyncio.wait_for(reader.read(1000), 10.0)
            writer.close()
        callbacks = Callbacks()
        callbacks.on_request("name")(lambda peer: "Ada")
        greeted = asyncio.Event()
        callbacks.on("hello")(lambda peer: greeted.set())
        async with connect("127.0.0.1", server.port, key=key, callbacks=callbacks):
            await asyncio.wait_for(greeted.wait(), 10.0)
    assert met == ["Ada"]


async def test_a_welcome_that_raises_is_logged(log: list[str]) -> None:
    async with serve(on_connect=lambda peer: 1 // 0) as server:  # type: ignore[arg-type,return-value]  # a faulty one
        async with connect("127.0.0.1", server.port) as link:
            await until(lambda: any("on_connect raised" in line for line in log))
            assert link.is_connected


async def test_links_are_those_that_are_connected() -> None:
    async with serve() as server:
        for _ in range(3):
            async with connect("127.0.0.1", server.port):
                await until(lambda: len(server.links) == 1)
            await until(lambda: server.links == [])


async def test_an_identified_peer_that_comes_back_is_the_same_with_its_queue() -> None:
    server = serve(identify=lambda address: address[0], resume_queue=True)
    heard: list[int] = []
    async with server:
        async with connect("127.0.0.1", server.port):
            await until(lambda: len(server.links) == 1)
            (peer,) = server.links
        await until(lambda: not peer.is_connected)
        await peer.send("x", 1)
        asking = asyncio.create_task(peer.request("y", timeout=20.0))
        await asyncio.sleep(0)
        callbacks = Callbacks()
        callbacks.on("x")(lambda link, number: heard.append(number))
        callbacks.on_request("y")(lambda link: "answered")
        async with connect("127.0.0.1", server.port, callbacks=callbacks):
            assert await asking == "answered"
            assert heard == [1]
            assert server.links == [peer]


async def test_a_second_connection_of_an_identified_peer_replaces_the_first() -> None:
    async with serve(identify=lambda address: address[0]) as server:
        first = await connect("127.0.0.1", server.port)
        second = await connect("127.0.0.1", server.port)
        await asyncio.wait_for(first.wait_closed(), 10.0)
        assert second.is_connected
        assert len(server.links) == 1
        await second.close()


@pytest.mark.parametrize("key", [None, SharedKey.new()], ids=["open", "key"])
@pytest.mark.parametrize("identify", [lambda address: address["ip"], lambda address: [address]])
async def test_a_peer_that_cannot_be_identified_is_hung_up_on_and_the_reason_is_logged(
    identify: Any, key: SharedKey | None, log: list[str]
) -> None:
    async with serve(identify=identify, key=key) as server:
        with contextlib.suppress(PeerLost):
            link = await connect("127.0.0.1", server.port, key=key)
            await asyncio.wait_for(link.wait_closed(), 10.0)
        assert (server.links, server._applicants) == ([], set())
    assert any("127.0.0.1" in line and "identify failed" in line for line in log)


async def test_closing_a_server_ends_everything_and_may_be_repeated() -> None:
    server = await serve()
    port = server.port
    link = await connect("127.0.0.1", port)

    @server.on("x")
    async def hang(peer: AsyncLink) -> None:
        await asyncio.Event().wait()

    await link.send("x")
    await link.send("x")
    await until(lambda: bool(server.links))
    await server.close()
    await server.close()
    await asyncio.wait_for(link.wait_closed(), 10.0)
    with pytest.raises(OSError):
        await connect("127.0.0.1", port)


async def test_it_is_started_once_and_may_be_started_again_when_closed() -> None:
    server = await serve()
    port = server.port
    with pytest.raises(RuntimeError, match="listens already"):
        await server.start()
    assert server.port == port
    await server.close()
    with pytest.raises(OSError):
        await connect("127.0.0.1", port)
    async with server, connect("127.0.0.1", server.port) as link:
        assert link.is_connected


async def test_what_cannot_listen_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    server = serve(path=tmp_path / "taken")
    for _ in range(2):
        with pytest.raises(OSError, match=r"in use.*taken") as refused:
            await server.start()
        assert refused.value.errno == errno.EADDRINUSE
    (tmp_path / "taken").unlink()
    async with server:
        pass


async def test_a_path_that_is_too_long_is_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"too long.*xxx"):
        await serve(path=tmp_path / ("x" * 200))


async def test_closing_while_it_begins_to_listen_ends_it_too(tmp_path: Path) -> None:
    places: list[dict[str, Any]] = [
        {"host": "127.0.0.1", "port": free_port()},
        {"path": tmp_path / "spells"},
    ]
    for place in places:
        server = serve(**place)
        await asyncio.gather(server.start(), server.close())
        with pytest.raises(OSError):
            await connect(**place)


async def test_a_peer_that_was_closed_and_comes_back_begins_anew() -> None:
    server = serve(identify=lambda address: address[0])

    @server.on_request("ask")
    async def ask(peer: AsyncLink) -> Any:
        return await peer.request("number", timeout=10.0)

    callbacks = Callbacks()
    callbacks.on_request("number")(lambda link: 5)
    await server.start()
    async with connect(
        "127.0.0.1", server.port, callbacks=callbacks, reconnect=True, resend_requests=False
    ) as link:
        assert await link.request("ask", timeout=10.0) == 5
        (first,) = server.links
        await first.close()
        await until(lambda: server.links not in ([], [first]) and link.is_connected)
        assert await link.request("ask", timeout=10.0) == 5
        (second,) = server.links
        assert second is not first
        await asyncio.wait_for(server.close(), 10.0)
        await until(lambda: not link.is_connected)
    assert server.links == []


async def test_a_server_that_is_started_again_knows_its_peers_anew() -> None:
    server = serve(identify=lambda address: address[0])
    for _ in range(2):
        async with server, connect("127.0.0.1", server.port):
            await until(lambda: len(server.links) == 1)
            await asyncio.wait_for(server.close(), 10.0)


async def test_closing_a_server_that_is_cancelled_stops_the_callback_that_runs() -> None:
    began, stopped = asyncio.Event(), asyncio.Event()
    server = serve()

    @server.on("hold")
    async def hold(_: AsyncLink) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with server:
        with socket.create_connection(("127.0.0.1", server.port)) as peer:
            peer.sendall(encode_action("hold").wire)
            await asyncio.wait_for(began.wait(), 20.0)
            for _ in range(40):  # the peer does not read, so closing would wait
                server.links[0].link.send_action("x", ("y" * 1_000_000,))
            closing = asyncio.create_task(server.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            assert stopped.is_set()


def heard_inside(context: ssl.SSLContext, sock: socket.socket) -> bytes:
    sock.settimeout(10.0)
    with (
        contextlib.suppress(ConnectionError),
        context.wrap_socket(sock, server_hostname="localhost") as inside,
    ):
        return inside.recv(10)
    return b""


async def test_who_comes_in_while_the_server_closes_is_hung_up(tmp_path: Path) -> None:
    context, certificate = self_signed(tmp_path)
    release, is_closing = asyncio.Event(), asyncio.Event()
    met: list[AsyncLink] = []
    server = serve(ssl=context, on_connect=met.append)

    @server.on("hold")
    async def hold(peer: AsyncLink) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            is_closing.set()
            await release.wait()

    await server.start()
    tls, where = tls_for_client(certificate), ("127.0.0.1", server.port)
    async with connect(*where, ssl=tls, server_hostname="localhost") as link:
        await link.send("hold")
        await until(lambda: len(met) == 1 and met[0]._runner._worker is not None)
        late = socket.create_connection(where)
        await until(lambda: len(server._tasks) == 1)  # the handshake of that one
        closing = asyncio.create_task(server.close())
        await asyncio.wait_for(is_closing.wait(), 10.0)
        assert await asyncio.to_thread(heard_inside, tls, late) == b""
        assert (len(met), server.links) == (1, [])
        release.set()
        await asyncio.wait_for(closing, 10.0)


async def test_only_so_many_who_are_away_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moobius.messaging.aio_server.AWAY_AT_MOST", 2)
    async with serve(identify=lambda address: address) as server:
        stays = await connect("127.0.0.1", server.port)
        await until(lambda: len(server.links) == 1)
        (kept,) = server.links
        for _ in range(5):
            async with connect("127.0.0.1", server.port):
                await until(lambda: server.links[-1].is_connected)
            await until(lambda: not server.links[-1].is_connected)
        assert len(server._known) == 4
        assert len(server.links) == 4
        assert kept in server.links
        assert kept.is_connected
        await stays.close()
