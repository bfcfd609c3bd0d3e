"""The asyncio link over real sockets: what one can do with a peer, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import (
    FileRefused,
    QueueFull,
    RequestFailed,
    RequestTimeout,
)
from moobius.messaging import (
    AsyncLink,
    FilePolicy,
    Limits,
    SharedKey,
    connect,
    serve,
)
from moobius.messaging.aio_link import FLUSH_ON_CLOSE_S, QUEUE_HIGH
from moobius.messaging.messages import encode_action
from tests.messaging.links import pair
from tests.support.clock import forward_clock
from tests.support.patience import until

KEY = SharedKey.new()


@pytest.mark.parametrize(
    "options", [{}, {"key": KEY}, {"error_replies": True}, {"resume_queue": True}]
)
async def test_requests_actions_and_files_in_both_directions(
    options: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    content = os.urandom(3_000_000)
    (tmp_path / "source").write_bytes(content)
    heard: list[Any] = []
    files = FilePolicy.inside(tmp_path / "there")
    async with pair(server={"files": files}, **options) as (server, link):

        @server.on("hi")
        async def hi(peer: AsyncLink, *args: Any, **kwargs: Any) -> None:
            heard.append((args, kwargs, await peer.request("who", timeout=10.0)))

        @server.on_request("add")
        def add(peer: AsyncLink, a: int, b: int = 0) -> int:
            return a + b

        @link.on_request("who")
        async def who(peer: AsyncLink) -> str:
            await asyncio.sleep(0)
            return "me"

        assert await link.request("add", 1, b=2, timeout=10.0) == 3
        await link.send("hi", 1, name="x", action="y", timeout=None)
        await link.send_file(tmp_path / "source", "copy")
        await link.get_file("copy", tmp_path / "back", timeout=10.0)
        assert (tmp_path / "back").read_bytes() == content
        await until(lambda: bool(heard))
        assert heard == [((1,), {"name": "x", "action": "y", "timeout": None}, "me")]


async def test_many_requests_at_once_each_get_their_own_answer() -> None:
    async with pair() as (server, link):

        @server.on_request("echo")
        async def echo(peer: AsyncLink, number: int) -> int:
            await asyncio.sleep(0)
            return number

        answers = await asyncio.gather(
            *(link.request("echo", n, timeout=20.0) for n in range(1000))
        )
        assert answers == list(range(1000))


async def test_what_nobody_answers_runs_out_of_time_and_the_link_lives_on(log: list[str]) -> None:
    async with pair(limits=Limits(request_s=0.05)) as (server, link):
        server.on_request("raises")(lambda peer: 1 // 0)
        server.on_request("set")(lambda peer: {1})
        server.on_request("fine")(lambda peer: "fine")
        for name in ("nobody", "raises", "set"):
            with pytest.raises(RequestTimeout, match=name):
                await link.request(name)
        with pytest.raises(TimeoutError):
            await link.get_file("missing", "copy")
        await link.send("nobody")
        assert await link.request("fine", timeout=10.0) == "fine"
        assert len(link.link.pending) == 0
    assert any("ZeroDivisionError" in line for line in log)


async def test_with_error_replies_the_reason_comes_at_once() -> None:
    async with pair(error_replies=True) as (server, link):

        @server.on_request("raises")
        async def raises(peer: AsyncLink) -> None:
            raise KeyError("a secret of the server")

        with pytest.raises(RequestFailed, match="KeyError") as failed:
            await link.request("raises")
        assert failed.value.kind == "exception"
        assert "secret" not in str(failed.value)
        with pytest.raises(RequestFailed, match="no such request"):
            await link.request("nobody")
        with pytest.raises(RequestFailed, match="refused"):
            await link.get_file("../x", "copy")


async def test_a_callback_that_raises_harms_no_other() -> None:
    seen: list[int] = []
    async with pair() as (server, link):

        @server.on("x")
        async def take(peer: AsyncLink, number: int) -> None:
            if number % 2:
                raise ValueError("odd")
            seen.append(number)

        for number in range(10):
            await link.send("x", number)
        await link.send("x")  # an argument is missing
        server.on_request("fine")(lambda peer: "fine")
        assert await link.request("fine", timeout=10.0) == "fine"
        assert seen == [0, 2, 4, 6, 8]


async def test_closing_sends_what_is_queued_first() -> None:
    seen: list[int] = []
    async with serve() as server:
        server.on("x")(lambda peer, number, text: seen.append(number))
        async with connect("127.0.0.1", server.port) as link:
            for number in range(200):
                await link.send("x", number, "y" * 1000)
        await until(lambda: len(seen) == 200)
        assert seen == list(range(200))


async def test_a_sender_waits_when_the_peer_does_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listening = socket.create_server(("127.0.0.1", 0))  # the system accepts, and nobody reads
    port = listening.getsockname()[1]
    link = await connect("127.0.0.1", port, resume_queue=True)
    wire = link._wire
    assert wire is not None

    sent = 0

    async def flood() -> None:
        nonlocal sent
        while True:
            await link.send("x", "y" * 10_000)
            sent += 1

    flooding = asyncio.create_task(flood())
    # The system has taken all it can, and the queue is as long as it may be.
    before, looks = -1, 0

    def is_still() -> bool:
        nonlocal before, looks
        looks = looks + 1 if before == sent and wire.has_unsent else 0
        before = sent
        return looks == 10

    await until(is_still)
    assert not flooding.done()
    assert QUEUE_HIGH // 2 < link.link.outbox.memory < QUEUE_HIGH + 20_000
    flooding.cancel()
    monkeypatch.setattr("moobius.messaging.aio_link.FLUSH_ON_CLOSE_S", 0.05)
    await asyncio.wait_for(link.close(), 10.0)  # it does not wait for ever either
    listening.close()


async def test_what_does_not_fit_is_refused_at_the_call() -> None:
    async with pair(client={"limits": Limits(queue_bytes=1000)}) as (_, link):
        with pytest.raises(QueueFull):
            await link.send("x", "y" * 1000)
        with pytest.raises(FileRefused):
            await link.send_file("missing", "x")
        with pytest.raises(TypeError):
            await link.send("x", {1})
        assert link.is_connected


async def test_a_cancelled_request_is_forgotten() -> None:
    async with pair() as (server, link):

        @server.on_request("slow")
        async def slow(peer: AsyncLink) -> str:
            await asyncio.sleep(0.05)
            return "late"

        server.on_request("fine")(lambda peer: "fine")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(link.request("slow"), 0.01)
        assert len(link.link.pending) == 0
        assert await link.request("fine", timeout=10.0) == "fine"


def test_importing_is_light_and_needs_no_event_loop() -> None:
    code = (
        "import sys, moobius.messaging as m\n"
        "m.MessageManager, m.SharedKey, m.Limits\n"
        "heavy = ('aio_link', 'aio_server', 'connection_manager', 'client_core', 'server')\n"
        "heavy = ('aiohttp', 'configobj', 'msgspec', *('moobius.messaging.' + n for n in heavy))\n"
        "print(*(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == ""


async def test_closing_waits_as_long_as_the_peer_takes_something(tmp_path: Path) -> None:
    size, piece = 30_000_000, 400_000
    (tmp_path / "large").write_bytes(bytes(size))
    forward = forward_clock()
    got = 0

    async def take_slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        while data := await reader.read(piece):
            got += len(data)
            forward(3 * FLUSH_ON_CLOSE_S * len(data) / size)
        writer.close()

    listening = await asyncio.start_server(take_slowly, "127.0.0.1", 0, limit=piece)
    async with connect("127.0.0.1", listening.sockets[0].getsockname()[1]) as link:
        await link.send_file(tmp_path / "large", "copy")
    await until(lambda: got > size)
    listening.close()


async def test_what_a_silent_peer_does_not_take_is_dropped_and_logged(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.setattr("moobius.messaging.aio_link.FLUSH_ON_CLOSE_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        async with connect("127.0.0.1", listening.getsockname()[1]) as link:
            for _ in range(40):
                link.link.send_action("x", ("y" * 1_000_000,))
    assert any("dropping what it did not take" in line for line in log)


async def test_closing_that_is_cancelled_stops_the_callback_that_runs() -> None:
    stopped = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        link = await connect("127.0.0.1", listening.getsockname()[1])

        @link.on("hold")
        async def hold(_: AsyncLink) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()

        with listening.accept()[0] as peer:
            peer.sendall(encode_action("hold").wire)
            await until(lambda: link._runner._worker is not None)
            for _ in range(40):
                link.link.send_action("x", ("y" * 1_000_000,))
            closing = asyncio.create_task(link.close())
            await asyncio.sleep(0)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            assert stopped.is_set()


async def test_many_files_wait_for_their_turn(tmp_path: Path) -> None:
    folder = tmp_path
    (tmp_path / "a").write_bytes(b"x")
    async with pair(server={"files": FilePolicy.inside(tmp_path)}) as (_, link):
        await asyncio.gather(*(link.send_file(tmp_path / "a", f"b{n}") for n in range(600)))
        await until(lambda: len(list(folder.iterdir())) == 601)
