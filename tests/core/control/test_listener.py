"""The thread that listens: who is let in, how it ends, and what a fork leaves of it."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from moobius.core.control import protocol
from moobius.core.control.calls import dial
from moobius.core.control.listener import Listener
from moobius.core.control.request_handler import RequestHandler
from moobius.errors import MessagingError, RequestFailed
from moobius.messaging import SharedKey, connect
from tests.support.patience import PATIENCE, wait_until


def new_handler() -> RequestHandler:
    return RequestHandler("this one", lambda handle: None, lambda handle: None, {})


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listener = Listener(new_handler(), tmp_path / "sock")
    listener.start()
    yield listener
    listener.finish()
    listener.join()
    assert not (tmp_path / "sock").exists()


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def ping(address: str, key: SharedKey) -> object:
    async with dial(address, key) as link:
        return protocol.read_answer(await link.request(protocol.PING, timeout=10))


async def test_who_has_the_key_is_answered(listener: Listener) -> None:
    assert listener.address.startswith("unix:")
    assert await ping(listener.address, listener.key) == "this one"


@pytest.mark.defect("D110")
async def test_another_key_or_none_is_refused(listener: Listener, log: list[str]) -> None:
    with pytest.raises(MessagingError):
        await ping(listener.address, SharedKey.new())
    async with connect(path=listener.address.removeprefix("unix:")) as link:
        with pytest.raises(MessagingError):
            await link.request(protocol.PING, timeout=10)
    assert await ping(listener.address, listener.key) == "this one"
    assert listener.key.hex() not in "".join(log)


async def test_nothing_else_can_be_asked_for_and_no_file_travels(
    listener: Listener, in_folder: Path
) -> None:
    (in_folder / "secret").write_text("secret")
    async with dial(listener.address, listener.key) as link:
        with pytest.raises(RequestFailed, match="no such request"):
            await link.request("run", "true", timeout=10)
        with pytest.raises(RequestFailed):
            await link.get_file("secret", in_folder / "stolen", timeout=10)
        await link.send_file("secret", "planted")
        assert await link.request(protocol.PING, timeout=10) == {"value": "this one"}
    assert names_in(in_folder) == {"secret", "sock"}


async def test_where_a_path_is_too_long_for_a_socket_it_is_a_port(tmp_path: Path) -> None:
    listener = Listener(new_handler(), tmp_path / ("long" * 30) / "sock")
    listener.start()
    assert listener.address.startswith("tcp://127.0.0.1:")
    assert await ping(listener.address, listener.key) == "this one"
    with pytest.raises(MessagingError):
        await ping(listener.address, SharedKey.new())
    listener.finish()
    await asyncio.to_thread(listener.join)
    assert not listener.is_open


async def test_what_is_being_done_at_the_end_is_answered(tmp_path: Path) -> None:
    handler = new_handler()
    listener = Listener(handler, tmp_path / "sock")
    listener.start()
    async with dial(listener.address, listener.key) as link:
        handler.idle.clear()  # as while something is being done
        listener.finish()
        await asyncio.to_thread(wait_until, lambda: not (tmp_path / "sock").exists())
        assert await link.request(protocol.PING, timeout=10) == {"value": "this one"}
        handler.idle.set()
    await asyncio.to_thread(listener.join)
    assert not listener.is_open


def test_a_forked_child_keeps_nothing_open_and_disturbs_nothing(listener: Listener) -> None:
    path = listener.address.removeprefix("unix:")
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(path)  # a connection is inherited as well
        asyncio.run(ping(listener.address, listener.key))
        context = multiprocessing.get_context("fork")
        mine, theirs = context.Pipe()
        child = context.Process(target=_tell_what_is_open, args=(theirs, path))
        child.start()
        assert mine.recv() == []
        # The child is still there; the parent's loop hears, and answers, as before.
        assert asyncio.run(ping(listener.address, listener.key)) == "this one"
        mine.send("end")
        child.join(20)
        assert child.exitcode == 0
        assert asyncio.run(ping(listener.address, listener.key)) == "this one"


def _tell_what_is_open(pipe: object, path: str) -> None:
    from multiprocessing.connection import Connection

    assert isinstance(pipe, Connection)
    inodes = {
        line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines() if path in line
    }
    links = []
    for number in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists them
            links.append(str(number.readlink()))
    assert any("socket:" in link for link in links)  # the pipe itself is one
    pipe.send([link for link in links for inode in inodes if f"[{inode}]" in link])
    pipe.recv()


HANGS = """
import asyncio, os, sys, threading, time
from moobius.core.control.request_handler import RequestHandler
from moobius.core.control.listener import Listener
from pathlib import Path

lock = threading.Lock()

class Busy(RequestHandler):
    async def answer(self, request, /, *args, **kwargs):
        with lock:
            time.sleep(0.002)
        return await super().answer(request, *args, **kwargs)

listener = Listener(Busy("this one", None, None, {}), Path(sys.argv[1]))
listener.start()

async def ask(stop):
    from moobius.core.control.calls import dial
    async with dial(listener.address, listener.key) as link:
        while not stop.is_set():
            await link.request("ping", timeout=10)

stop = threading.Event()
asking = threading.Thread(target=lambda: asyncio.run(ask(stop)))
asking.start()
for _ in range(60):
    pid = os.fork()
    if pid == 0:
        free = lock.acquire(timeout=5)
        os._exit(0 if free else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "a fork in the middle of work"
    time.sleep(0.001)
stop.set()
asking.join()
print("fine")
"""


def test_a_fork_never_strikes_in_the_middle_of_a_request(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", HANGS, str(tmp_path / "sock")]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "fine\n", done.stderr


def test_a_fork_does_not_wait_for_a_thread_that_has_ended(tmp_path: Path) -> None:
    listener = Listener(new_handler(), tmp_path / "sock")
    listener.start()
    listener.finish()
    listener.join()
    start = time.monotonic()
    child = multiprocessing.get_context("fork").Process(target=time.time)
    child.start()
    child.join()
    assert time.monotonic() - start < 10 and child.exitcode == 0
