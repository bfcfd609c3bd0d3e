"""A Platform on a free port, and a raw client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.wire import Person, Socket, Wire, wire_to


@pytest.fixture(params=["memory", "disk"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """Where the Platform keeps its data: every test runs on both stores."""
    return None if request.param == "memory" else tmp_path / "data"


@pytest.fixture
async def platform(data: Path | None) -> AsyncIterator[LocalPlatform]:
    """A running Platform that answers bad logins soon enough for a test."""
    options = PlatformOptions(data=data, limits=Limits(bad_login_seconds=0.05))
    async with LocalPlatform(options) as platform:
        yield platform


@pytest.fixture
async def wire(platform: LocalPlatform) -> AsyncIterator[Wire]:
    """A raw client."""
    async with wire_to(platform.url) as wire:
        yield wire


@pytest.fixture
async def ada(wire: Wire) -> Person:
    """The creator of whatever a test creates."""
    return await wire.sign_up("ada")


@pytest.fixture
async def bob(wire: Wire) -> Person:
    """Somebody else."""
    return await wire.sign_up("bob")


@dataclass
class Room:
    """A channel of Ada's with Bob in it, and perhaps a service."""

    ada: Person
    bob: Person
    channel: str
    ada_socket: Socket
    bob_socket: Socket
    service_id: str = ""
    service: Socket | None = None

    @property
    def bound(self) -> Socket:
        """The service's socket."""
        assert self.service is not None
        return self.service


@pytest.fixture
async def plain_room(ada: Person, bob: Person) -> Room:
    """A channel without a service."""
    channel = await ada.channel()
    await bob.join(channel)
    return Room(ada, bob, channel, await ada.user_socket(), await bob.user_socket())


@pytest.fixture
async def room(plain_room: Room) -> Room:
    """A channel with a service that is connected."""
    plain_room.service_id = await plain_room.ada.bound_service(plain_room.channel)
    plain_room.service = await plain_room.ada.service_socket(plain_room.service_id)
    return plain_room
