"""A Platform with many people on it, each of them one cheap connection of this process."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from moobius.local.data import DataDirectory
from moobius.local.model.events import (
    AccountCreated,
    ChannelCreated,
    Event,
    Joined,
    ServiceBound,
    ServiceCreated,
    TokenIssued,
)
from moobius.local.passwords import digest_of, hash_password
from moobius.local.store.journal import Journal
from tests.support.prometheus import parse

FOR_EVER = 2**42
OWNER, PASSWORD = "owner@example.net", "benchmark"
HANDSHAKE = (
    "GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@dataclass(frozen=True)
class Crowd:
    """Who is there: everybody is a member of one channel, which has a service."""

    people: list[str]
    channel_id: str
    service_id: str


def make_crowd(folder: Path, count: int) -> Crowd:
    """Write a data directory; everybody's token is their id."""
    ids = [str(uuid.uuid4()) for _ in range(count + 3)]
    owner, channel_id, service_id, *people = ids
    crowd = Crowd(people, channel_id, service_id)
    folder.mkdir(exist_ok=True)
    with closing(Journal(folder / DataDirectory(Path()).journal)) as journal:
        journal.append([*_events(crowd, owner)])
    return crowd


def _events(crowd: Crowd, owner: str) -> Iterator[Event]:
    hashed = asyncio.run(hash_password(PASSWORD))
    yield AccountCreated(owner, OWNER, hashed, "Owner")
    yield ChannelCreated(crowd.channel_id, "Crowd", "", owner)
    yield ServiceCreated(crowd.service_id, owner, "")
    yield ServiceBound(crowd.channel_id, crowd.service_id)
    for user_id in (owner, *crowd.people):
        if user_id != owner:
            yield AccountCreated(user_id, f"{user_id}@example.net", hashed, "Somebody")
            yield Joined(crowd.channel_id, user_id, 1)
        yield TokenIssued(digest_of(user_id), user_id, "access", user_id, FOR_EVER)


@dataclass(frozen=True)
class Running:
    """A server in a process of its own."""

    url: str
    pid: int

    def resident(self) -> float:
        """Return how much memory it occupies, in MiB, as it says itself."""
        with urllib.request.urlopen(f"{self.url}/metrics") as reply:
            metrics = parse(reply.read().decode())
        return metrics["process_resident_memory_bytes"].value() / 2**20


@contextmanager
def running(*command: str, ready: str = " on ") -> Iterator[Running]:
    """Run `python COMMAND`, which says in one line, last, at which address it is ready."""
    allow_many_files()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Running(line.strip().rpartition(ready)[2], process.pid)
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def platform(folder: Path) -> Iterator[Running]:
    """Run `moobius platform` on a data directory."""
    os.environ["XDG_RUNTIME_DIR"] = str(folder)  # out of sight of other programs
    command = ("-m", "moobius", "platform", "--port", "0", "--data", str(folder))
    with running(*command, "--no-developer", "--log-level", "warning") as server:
        yield server


def allow_many_files() -> None:
    """Let this process, and those that it starts, have as many connections as the system lets."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Listener(asyncio.Protocol):
    """A connection that says one thing and then counts the bytes it hears."""

    def __init__(self, host: str, hello: bytes) -> None:
        self._first = HANDSHAKE.format(host=host).encode() + hello
        self.heard = 0
        self._wanted = 0
        self._enough: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say it."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._first)

    def data_received(self, data: bytes) -> None:
        """Count."""
        self.heard += len(data)
        if self._enough is not None and self.heard >= self._wanted and not self._enough.done():
            self._enough.set_result(None)

    def more(self, count: int) -> asyncio.Future[None]:
        """Return what is done when so many more bytes are here."""
        self._wanted = self.heard + count
        self._enough = asyncio.get_running_loop().create_future()
        return self._enough


def frame(**content: object) -> bytes:
    """Return a frame of a client; its mask is zero, so that it costs nothing."""
    payload = json.dumps(content).encode()
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


def login(token: str) -> bytes:
    """Return the frame with which a user logs in."""
    return frame(type="user_login", request_id="L", access_token=token)


def _same(listener: Listener) -> Listener:
    return listener


async def connected(url: str, hellos: list[bytes], at_once: int = 100) -> list[Listener]:
    """Open a connection for each hello; all are answered when this returns."""
    where = urlsplit(url)
    host, port = where.hostname or "", where.port or 0
    loop = asyncio.get_running_loop()
    listeners: list[Listener] = []
    for start in range(0, len(hellos), at_once):
        batch = [Listener(where.netloc, hello) for hello in hellos[start : start + at_once]]
        answered = [listener.more(150) for listener in batch]  # the upgrade, and the first copy
        for listener in batch:
            await loop.create_connection(partial(_same, listener), host, port)
        await asyncio.wait_for(asyncio.gather(*answered), 30)
        listeners += batch
    await asyncio.sleep(0.5)  # for what still follows
    return listeners
