"""A room to test services in: a Platform, a channel, its owner, and people at the wire."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar

from moobius import Moobius
from moobius.local import LocalPlatform
from tests.support.patience import PATIENCE
from tests.support.wire import Person, Socket, wire_to

S = TypeVar("S", bound=Moobius)


class Room:
    """A channel of the owner's, which a service may take over, with Ada and Bob in it."""

    def __init__(self, platform: LocalPlatform, owner: Person, channel_id: str) -> None:
        self.platform = platform
        self.owner = owner
        self.channel_id = channel_id
        self.people: dict[str, Person] = {}
        self.sockets: dict[str, Socket] = {}

    def config(self, **service_config: Any) -> dict[str, Any]:
        """A nested configuration for a service in this channel."""
        return {
            "account_config": {"email": self.owner.email, "password": "owner"},
            "service_config": {
                "http_server_uri": self.platform.url,
                "ws_server_uri": self.platform.ws_url,
                "channels": [self.channel_id],
                "no_warn_cannot_save_service_id": True,
                **service_config,
            },
        }

    async def enter(self, name: str) -> Socket:
        """Let somebody join; return their socket."""
        person = await self.owner.wire.sign_up(name)
        self.people[name] = person
        self.sockets[name] = socket = await person.user_socket()
        await socket.good(type="action", body={"subtype": "join", "channel_id": self.channel_id})
        return socket

    def id_of(self, name: str) -> str:
        """Return a person's character id."""
        return self.people[name].user_id

    async def say(self, name: str, text: str, *to: str) -> None:
        """Let somebody write to others by name, or to Service."""
        group = "service"
        if to:
            group = (
                await self.people[name].post(
                    "/user/group/create",
                    channel_id=self.channel_id,
                    group_name="mine",
                    characters=[self.id_of(other) for other in to],
                )
            )["group_id"]
        await self.up(name, text, group)

    async def up(self, name: str, text: str, recipients: str) -> None:
        """Send a literal upward message."""
        body = {
            "subtype": "text",
            "channel_id": self.channel_id,
            "content": {"text": text},
            "recipients": recipients,
            "timestamp": 1,
            "context": {},
        }
        await self.sockets[name].good(type="message_up", body=body)

    async def act(self, name: str, subtype: str, **details: Any) -> None:
        """Let somebody do something else."""
        body = {"subtype": subtype, "channel_id": self.channel_id, "context": {}, **details}
        await self.sockets[name].good(type="action", body=body)


@asynccontextmanager
async def room_on(platform: LocalPlatform) -> AsyncIterator[Room]:
    """Open a room with Ada and Bob in it; its owner is not a member."""
    async with AsyncExitStack() as stack:
        wire = await stack.enter_async_context(wire_to(platform.url, platform.ca_file))
        owner = await wire.sign_up("owner")
        room = Room(platform, owner, await owner.channel())
        socket = await owner.user_socket()
        leave = {"subtype": "leave", "channel_id": room.channel_id}
        await socket.good(type="action", body=leave)
        await room.enter("ada")
        await room.enter("bob")
        for name in ("ada", "bob"):
            await room.sockets[name].drop()
        yield room


@asynccontextmanager
async def running(service: S) -> AsyncIterator[S]:
    """Run a service for the length of a block; it is ready when the block begins."""
    ready = asyncio.Event()
    service._when_ready = ready.set
    life = asyncio.create_task(service.start())
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({life, waiting}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if life.done():
            await life
        assert ready.is_set(), f"not ready within {PATIENCE:g} s"
        yield service
    finally:
        waiting.cancel()
        life.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await life
