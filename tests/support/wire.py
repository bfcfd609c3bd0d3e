"""A raw client for literal frames: knows JSON, HTTP and WebSockets, and nothing of ours."""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from tests.support.patience import PATIENCE

_requests = itertools.count(1)


class Socket:
    """A WebSocket that keeps `copy` frames and everything else apart."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self.raw = socket
        self.order: list[str] = []
        self._copies: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._frames: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.raw:
            frame = message.json()
            self.order.append(frame.get("type", ""))
            queue = self._copies if frame.get("type") == "copy" else self._frames
            queue.put_nowait(frame)

    async def send(self, **frame: Any) -> str:
        """Send a frame with a fresh `request_id`, unless it has one; return that."""
        frame.setdefault("request_id", f"REQ-{next(_requests)}")
        await self.raw.send_json(frame)
        return str(frame["request_id"])

    async def ask(self, **frame: Any) -> dict[str, Any]:
        """Send a frame and return the body of its `copy`."""
        request_id = await self.send(**frame)
        body = await self.copy()
        assert body["request_id"] == request_id
        assert body["origin_type"] == frame["type"]
        return body

    async def good(self, **frame: Any) -> None:
        """Send a frame that has to be accepted."""
        body = await self.ask(**frame)
        assert body["status"] is True, body

    async def bad(self, **frame: Any) -> str:
        """Send a frame that has to be refused; return the text."""
        body = await self.ask(**frame)
        assert body["status"] is False, body
        return str(body["context"]["message"])

    async def copy(self) -> dict[str, Any]:
        """Return the body of the next `copy`."""
        frame = await asyncio.wait_for(self._copies.get(), PATIENCE)
        body: dict[str, Any] = frame["body"]
        return body

    async def next(self) -> dict[str, Any]:
        """Return the next frame that is no `copy`."""
        return await asyncio.wait_for(self._frames.get(), PATIENCE)

    async def drain(self) -> list[dict[str, Any]]:
        """Return every frame that was on its way, copies aside."""
        await self.good(type="heartbeat", body={})
        return [self._frames.get_nowait() for _ in range(self._frames.qsize())]

    async def nothing(self) -> None:
        """Check that no frame has come, after everything sent before has been answered.

        Deliveries to this socket and answers to it leave by one queue, so that once the
        heartbeat is answered, what was on its way is here.
        """
        await self.good(type="heartbeat", body={})
        assert self._frames.empty(), self._frames.get_nowait()

    async def drop(self) -> None:
        """Forget every frame that has come so far."""
        await self.good(type="heartbeat", body={})
        while not self._frames.empty():
            self._frames.get_nowait()

    async def closed(self) -> int | None:
        """Wait for the other side to close; return its code."""
        await asyncio.wait_for(asyncio.shield(self._reader), PATIENCE)
        return self.raw.close_code

    async def close(self) -> None:
        """Close the socket."""
        await self.raw.close()
        await asyncio.wait([self._reader], timeout=PATIENCE)


class Person:
    """An account on a Platform, with its HTTP calls and its sockets."""

    def __init__(self, wire: Wire, email: str, token: str, refresh_token: str) -> None:
        self.wire = wire
        self.email = email
        self.token = token
        self.refresh_token = refresh_token
        self.user_id = ""

    async def get(self, path: str, **query: Any) -> Any:
        """Return the data of a GET that has to succeed."""
        return data_of(await self.wire.call("GET", path, query=query, token=self.token))

    async def post(self, path: str, **body: Any) -> Any:
        """Return the data of a POST that has to succeed."""
        return data_of(await self.wire.call("POST", path, body=body, token=self.token))

    async def refused(self, method: str, path: str, **given: Any) -> int:
        """Return the code of a request that has to fail."""
        where = "query" if method == "GET" else "body"
        reply = await self.wire.call(method, path, token=self.token, **{where: given})
        assert reply["code"] != 10000, reply
        return int(reply["code"])

    async def user_socket(self, path: str = "/") -> Socket:
        """Open a socket and log in as a user."""
        socket = await self.wire.socket(path)
        await socket.good(type="user_login", auth_origin="cognito", access_token=self.token)
        return socket

    async def service_socket(self, service_id: str, path: str = "/") -> Socket:
        """Open a socket and log in a service."""
        socket = await self.wire.socket(path)
        await socket.good(
            type="service_login",
            auth_origin="cognito",
            access_token=self.token,
            service_id=service_id,
        )
        return socket

    async def channel(self, name: str = "Tea room") -> str:
        """Create a channel; return its id."""
        return str(
            (await self.post("/channel/create", channel_name=name, context={}))["channel_id"]
        )

    async def bound_service(self, channel_id: str) -> str:
        """Create a service and bind it; return its id."""
        service_id = str((await self.post("/service/create", description=""))["service_id"])
        await self.post("/service/bind", channel_id=channel_id, service_id=service_id)
        return service_id

    async def group(self, *characters: str) -> str:
        """Return the id of a service group of these characters."""
        return str(await self.post("/service/group/create", group_id="", characters=[*characters]))

    async def join(self, channel_id: str) -> None:
        """Join a channel over a socket of its own."""
        socket = await self.user_socket()
        await socket.good(type="action", body={"subtype": "join", "channel_id": channel_id})
        await socket.close()


class Wire:
    """HTTP and WebSockets to one Platform."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session
        self._sockets: list[Socket] = []

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        token: str = "",
    ) -> dict[str, Any]:
        """Return the whole envelope of a reply."""
        headers = {"Auth-Origin": "cognito", "Authorization": f"Bearer {token}"} if token else {}
        async with self.session.request(
            method, self.url + path, params=query, json=body, headers=headers
        ) as response:
            envelope: dict[str, Any] = await response.json()
            assert envelope["message"] == envelope["msg"]
            return envelope

    async def sign_up(self, name: str) -> Person:
        """Create an account; its password is its name."""
        email = f"{name}@example.net"
        body = {"username": email, "password": name}
        result = data_of(await self.call("POST", "/auth/sign_up", body=body))[
            "AuthenticationResult"
        ]
        person = Person(self, email, result["AccessToken"], result["RefreshToken"])
        person.user_id = (await person.get("/user/info"))["user_id"]
        return person

    async def be(self, email: str) -> Person:
        """Be one of the ready-made people, which takes no password and no time."""
        data = data_of(await self.call("POST", "/local/people/sign_in", body={"email": email}))
        result = data["AuthenticationResult"]
        person = Person(self, email, result["AccessToken"], result["RefreshToken"])
        person.user_id = data["user_id"]
        return person

    async def socket(self, path: str = "/", **options: Any) -> Socket:
        """Open a socket that has not logged in."""
        socket = Socket(await self.session.ws_connect(self.url + path, **options))
        self._sockets.append(socket)
        return socket

    async def close(self) -> None:
        """Close all sockets."""
        for socket in self._sockets:
            await socket.close()


def data_of(envelope: dict[str, Any]) -> Any:
    """Return the data of an envelope that has to say success."""
    assert envelope["code"] == 10000, envelope
    return envelope["data"]


@asynccontextmanager
async def wire_to(url: str, ca_file: str = "") -> AsyncIterator[Wire]:
    """Open a client for a Platform; it trusts the authorities in `ca_file`, if given."""
    # Loading the system's authorities takes longer than most tests.
    trusted = ssl.create_default_context(cafile=ca_file) if ca_file else True
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusted)) as session:
        wire = Wire(url, session)
        try:
            yield wire
        finally:
            await wire.close()
