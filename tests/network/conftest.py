"""An account on a real Platform, shared by the tests of a module.

Tests that use it run in the event loop of their module:
`pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from moobius.local import LocalPlatform, PlatformOptions
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from tests.support.wire import wire_to


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def account() -> AsyncIterator[HTTPAPIWrapper]:
    """Ada's account, made once for a module."""
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("MOOBIUS_")]:
            environment.delenv(name)
        async with LocalPlatform(PlatformOptions()) as platform:
            async with wire_to(platform.url) as wire:
                await wire.sign_up("ada")
            # A slash at the end, as configurations have it.
            api = HTTPAPIWrapper(platform.url + "/", "ada@example.net", "ada")
            yield api
            await api.close()


@pytest_asyncio.fixture(loop_scope="module")
async def api(account: HTTPAPIWrapper) -> HTTPAPIWrapper:
    """Ada's account, signed in."""
    account.username, account.password = "ada@example.net", "ada"
    await account.authenticate()
    return account
