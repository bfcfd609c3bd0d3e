"""A Platform in memory, and people at the wire who need no password to be let in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.local.conftest import plain_room, platform, room, wire
from tests.support.wire import Person, Wire

__all__ = ["plain_room", "platform", "room", "wire"]


@pytest.fixture
def data() -> Path | None:
    """Nowhere: what the wire says does not depend on the store."""
    return None


@pytest.fixture
async def ada(wire: Wire) -> Person:
    """The creator of whatever a test creates."""
    return await wire.be("ada@example.org")


@pytest.fixture
async def bob(wire: Wire) -> Person:
    """Somebody else."""
    return await wire.be("bob@example.org")


@pytest.fixture
async def cy(wire: Wire) -> Person:
    """Somebody who has nothing to do with it."""
    return await wire.be("cy@example.org")
