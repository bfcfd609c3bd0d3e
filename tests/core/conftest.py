"""A room with Ada and Bob in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from moobius.local import LocalPlatform
from tests.support.room import Room, room_on


@pytest.fixture
async def room(memory_platform: LocalPlatform) -> AsyncIterator[Room]:
    """A channel on a Platform of its own."""
    async with room_on(memory_platform) as room:
        yield room
