"""Nonsense on every endpoint and on the socket: refused, never a crash, nobody else disturbed.

Seconds in the suite. `MOOBIUS_FUZZ_SECONDS=300` goes on for so long with ever new seeds, for a
night; `MOOBIUS_FUZZ_SEED=17` begins with the seed that a failure has named.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from loguru import logger
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from moobius.local import Limits, LocalPlatform, PlatformOptions
from moobius.local.web.app import ENDPOINTS
from tests.local.conftest import Room
from tests.support.nonsense import CLICKS, FIELDS, SUBTYPES, TYPES, Nonsense, Request
from tests.support.patience import PATIENCE, until
from tests.support.wire import Person, Socket, Wire, wire_to

SECONDS = float(os.environ.get("MOOBIUS_FUZZ_SECONDS", "0"))
SEED = int(os.environ.get("MOOBIUS_FUZZ_SEED") or (random.randrange(10**6) if SECONDS else 1))
PARTS = 3  # tests that share the time

# Whoever uses these two rightly is gone afterwards; they get their nonsense without a token.
FAREWELLS = ("/auth/sign_out", "/auth/delete_account")
ROUTES = [
    *ENDPOINTS,
    *(("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/local/info", "/file/upload")),
    *(("GET", "/local/people"), ("POST", "/local/people/sign_in"), ("POST", "/local/project")),
    *(("POST", "/local/hold"), ("POST", "/local/hold/end")),
    *(("POST", "/files/"), ("GET", "/files/x.png"), ("GET", "/"), ("GET", "/page/app.js")),
]

pytestmark = pytest.mark.timeout(300 + SECONDS)

# Appendix A: mandatory and optional keys of what is delivered to 1.8.0.
MESSAGE = {"subtype", "channel_id", "content", "timestamp", "sender", "message_id"}
ACTION = ({"subtype", "channel_id", "sender"}, {"context"})
CLICK = {"arguments", "bottom_button_id", "context"}
STRICT: dict[str, tuple[set[str], set[str]]] = {
    "message_up": (MESSAGE | {"recipients"}, {"context"}),
    "message_down": (MESSAGE, {"context"}),
    "update": ({"subtype", "channel_id", "content"}, {"group_id", "context"}),
    "refresh": ACTION,
    "button_click": (ACTION[0] | {"button_id"}, CLICK | {"labels", "button_type"}),
    "menu_item_click": (
        ACTION[0] | {"menu_item_id", "message_subtype", "message_content"},
        CLICK | {"message_id"},
    ),
}


def _seeds(least: int = 1) -> Iterator[int]:
    """Return seeds: so many at least, and more as long as there is time."""
    end = time.monotonic() + SECONDS / PARTS
    seed = SEED
    while seed < SEED + least or time.monotonic() < end:
        print(f"seed {seed}")  # noqa: T201 - pytest shows it beside a failure
        yield seed
        seed += 1


class Bystanders:
    """Two who talk with their service all the time, and must not notice anything."""

    def __init__(self, bob: Socket, service: Socket, service_id: str, channel: str) -> None:
        self._bob, self._service = bob, service
        self._service_id, self._channel = service_id, channel
        self.exchanges = 0
        self.may_stop = False

    async def talk(self) -> None:
        """Say something, hear the answer, and so on."""
        while not self.may_stop:
            text = f"exchange {self.exchanges}"
            body = {"subtype": "text", "channel_id": self._channel, "content": {"text": text}}
            await self._bob.good(type="message_up", body={**body, "recipients": "service"})
            sender = (await self._hear(self._service, text))["sender"]
            body |= {"recipients": [sender], "sender": "OWL"}
            await self._service.good(type="message_down", service_id=self._service_id, body=body)
            await self._hear(self._bob, text)
            self.exchanges += 1
            await asyncio.sleep(0)

    async def _hear(self, socket: Socket, text: str) -> dict[str, Any]:
        while True:
            body: dict[str, Any] = (await socket.next())["body"]
            if isinstance(body.get("content"), dict) and body["content"].get("text") == text:
                return body


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """What is logged at WARNING and above; a night of everything would not fit into memory."""
    lines: list[str] = []
    sink = logger.add(lambda text: lines.append(str(text)), format="{level} {message}", level=30)
    yield lines
    logger.remove(sink)


@asynccontextmanager
async def _undisturbed(wire: Wire, complaints: list[str]) -> AsyncIterator[list[str]]:
    """Let two talk meanwhile; give the ids of what is theirs. Fail if anything goes wrong."""
    ada, bob = await wire.sign_up("ada"), await wire.sign_up("bob")
    channel = await ada.channel()
    await bob.join(channel)
    service_id = await ada.bound_service(channel)
    sockets = await bob.user_socket(), await ada.service_socket(service_id)
    bystanders = Bystanders(*sockets, service_id, channel)
    talking = asyncio.create_task(bystanders.talk())

    async def they_talk() -> None:
        before = bystanders.exchanges
        await until(lambda: talking.done() or bystanders.exchanges > before + 10)
        assert not talking.done(), talking.exception()

    try:
        await they_talk()
        yield [channel, service_id, bob.user_id, await ada.group(bob.user_id)]
        await they_talk()
        assert not any(socket.raw.closed for socket in sockets)
    finally:
        bystanders.may_stop = True
        await asyncio.wait({talking}, timeout=PATIENCE)
    wrong = [
        line for line in complaints if line.startswith(("ERROR", "CRITICAL")) or "Traceback" in line
    ]
    assert wrong == []


@pytest.fixture
async def wire(tmp_path: Path) -> AsyncIterator[Wire]:
    """A client of a Platform that does not make guessers wait."""
    limits = Limits(bad_login_seconds=0.0, stalled_seconds=1.0, free_attempts=10**9)
    async with (
        LocalPlatform(PlatformOptions(data=tmp_path / "data", limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        yield wire


async def _mallory(wire: Wire) -> tuple[Person, dict[str, Any]]:
    """Return somebody with a channel and a service, and a frame that they may send."""
    mallory = await wire.sign_up("mallory")
    channel = await mallory.channel()
    service_id = await mallory.bound_service(channel)
    body = {
        "channel_id": channel,
        "content": {"text": "hello"},
        "recipients": [mallory.user_id],
        "sender": "OWL",
        "context": {},
    }
    return mallory, {"service_id": service_id, "request_id": "R", "body": body}


async def _ask(wire: Wire, request: Request) -> None:
    url = wire.url + request.path
    try:
        async with wire.session.request(
            request.method, url, params=request.query, headers=request.headers, data=request.body
        ) as reply:
            content = await reply.read()
    except aiohttp.ClientError:
        return  # no request that a client could send, or a connection that was closed for it
    assert reply.status < 500, (request, content)
    if reply.content_type == "application/json" and content and request.path != "/files/":
        assert json.loads(content)["code"] != 10500, (request, content)


async def test_no_request_is_a_crash_or_disturbs_anybody(wire: Wire, complaints: list[str]) -> None:
    async with _undisturbed(wire, complaints) as ids:
        mallory, _ = await _mallory(wire)
        for seed in _seeds():
            nonsense = Nonsense(seed, [*ids, mallory.user_id])
            for method, path in ROUTES:
                token = "" if path in FAREWELLS else mallory.token
                for _ in range(8):
                    await _ask(wire, nonsense.request(method, path, token))
        await mallory.get("/user/info")


class Nuisance:
    """A connection that says anything, and comes again when it is closed for that."""

    def __init__(self, url: str, logins: list[dict[str, Any]]) -> None:
        self._url = url.replace("http", "ws", 1)
        self._logins = logins
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self.heard: list[str | bytes] = []

    async def say(self, message: str | bytes | list[str]) -> None:
        """Send a message, perhaps in fragments."""
        try:
            if self._socket is None:
                await self._connect()
            assert self._socket is not None
            await self._socket.send(message)
        except ConnectionClosed:
            self._socket = None

    async def _connect(self) -> None:
        self._socket = await connect(self._url + "/", max_size=None, open_timeout=PATIENCE)
        for login in self._logins:
            await self._socket.send(json.dumps(login))
        self._reading = asyncio.create_task(self._read(self._socket))

    async def _read(self, socket: ClientConnection) -> None:
        # When it is closed for a giant frame, answers under way are lost with the connection.
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                self.heard.append(message)

    async def close(self) -> None:
        """Hang up, after everything has been answered."""
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            await self._reading


async def test_no_frame_is_a_crash_or_disturbs_anybody(wire: Wire, complaints: list[str]) -> None:
    async with _undisturbed(wire, complaints) as ids:
        mallory, sensible = await _mallory(wire)
        logins = [
            {"type": "user_login", "request_id": "L", "access_token": mallory.token},
            {**sensible, "type": "service_login", "access_token": mallory.token},
        ]
        heard = 0
        for seed in _seeds():
            nonsense = Nonsense(seed, [*ids, mallory.user_id])
            stranger, known = Nuisance(wire.url, []), Nuisance(wire.url, logins)
            for _ in range(400):
                frame = {**sensible, "type": nonsense.dice.choice(TYPES)}
                frame["body"] = {**sensible["body"], "subtype": nonsense.dice.choice(SUBTYPES)}
                nuisance = known if nonsense.dice.random() < 0.8 else stranger
                await nuisance.say(nonsense.frame(frame))
            await stranger.close()
            await known.close()
            heard += len(known.heard) + len(stranger.heard)
            socket = await mallory.user_socket()
            await socket.good(type="heartbeat", body={})
            await socket.close()
        assert heard


async def test_no_frame_leads_to_a_delivery_that_old_clients_cannot_read(room: Room) -> None:
    modern = "/?dialect=d2"  # whatever older words the nonsense contains
    room.bob_socket = await room.bob.user_socket(modern)
    room.service = await room.ada.service_socket(room.service_id, modern)
    ids = [room.channel, room.service_id, room.bob.user_id, await room.ada.group("OWL")]
    seen = set()
    for seed in _seeds():
        nonsense = Nonsense(seed, ids)
        for _ in range(600):
            frame = _nearly_sensible(nonsense, room)
            socket = nonsense.dice.choice((room.bob_socket, room.bound))
            answer = await socket.ask(**frame)
            assert answer["context"]["message"] != "Internal server error", json.dumps(frame)
        for socket in (room.ada_socket, room.bob_socket, room.bound):
            for delivered in await socket.drain():
                body = delivered["body"]
                kind = body["subtype"] if delivered["type"] == "action" else delivered["type"]
                mandatory, optional = STRICT[kind]
                assert mandatory <= set(body) <= mandatory | optional, delivered
                seen.add(kind)
    assert seen == set(STRICT), "the nonsense was sensible enough to get through"


def _nearly_sensible(nonsense: Nonsense, room: Room) -> dict[str, Any]:
    dice: random.Random = nonsense.dice
    body = {
        "channel_id": room.channel,
        "content": [],
        "recipients": [room.bob.user_id, room.ada.user_id],
        "sender": "OWL",
        "context": {},
        "button_id": "ring",
        "menu_item_id": "quote",
        "message_subtype": "text",
        "group_id": "temp",
        "subtype": dice.choice((*SUBTYPES, *CLICKS)),
    }
    if dice.random() < 0.5:
        body["content"] = {"text": "hello", "characters": ["OWL"]}
    for name in FIELDS:
        if dice.random() < 0.1:
            body[name] = nonsense.value()
        elif dice.random() < 0.1:
            body.pop(name, None)
    return {"type": dice.choice(TYPES), "service_id": room.service_id, "body": body}
