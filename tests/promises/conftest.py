"""A stage for whole modules: one Platform, one service and one user client that note all.

Tests that use it run in the event loop of their module:
`pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from moobius.local import LocalPlatform, PlatformOptions
from tests.promises.stage import Recorder, Stage
from tests.support.room import room_on, running

HOURS = 24 * 3600.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def theatre() -> AsyncIterator[Stage]:
    """The stage as it is built once for a module."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("MOOBIUS_")]:
            environment.delenv(name)
        async with LocalPlatform(PlatformOptions()) as platform, room_on(platform) as room:
            person = await room.owner.wire.sign_up("fan")
            config = room.config(service_mode=False)
            config["account_config"] = {"email": person.email, "password": "fan"}
            service, fan = Recorder(config=room.config()), Recorder(config=config)
            for each in (service, fan):
                each.heartbeat_interval = HOURS  # only those of the tests are to be answered
            async with running(service), running(fan):
                yield Stage(room, service, fan)


@pytest_asyncio.fixture(loop_scope="module")
async def stage(theatre: Stage) -> Stage:
    """The stage, swept."""
    await theatre.sweep()
    return theatre
