"""`LocalPlatform` as programs use it: start, address, data, stop."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from moobius.errors import ConfigError
from moobius.local import LocalPlatform, PlatformOptions
from tests.support.ports import free_port
from tests.support.wire import wire_to


async def test_it_takes_a_free_port_and_says_which() -> None:
    async with LocalPlatform() as one, LocalPlatform() as other:
        assert one.port != other.port
        assert one.url == f"http://127.0.0.1:{one.port}"
        assert one.ws_url == f"ws://127.0.0.1:{one.port}/"
        assert one.developer_key != other.developer_key


@pytest.mark.parametrize(("host", "itself"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])
async def test_open_to_all_it_says_how_this_machine_reaches_it(host: str, itself: str) -> None:
    async with LocalPlatform(PlatformOptions(host=host)) as platform:
        assert platform.url == f"http://{itself}:{platform.port}"
        if _has_address(itself.strip("[]")):
            async with wire_to(platform.url) as wire:
                await wire.sign_up("ada")


def _has_address(address: str) -> bool:
    """Tell whether this machine has it: many containers have no IPv6."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


async def test_a_port_that_is_taken_is_named() -> None:
    async with LocalPlatform() as first:
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{first.port} is in use.*--port"):
            await LocalPlatform(PlatformOptions(port=first.port)).start()


async def test_what_is_on_disk_is_there_after_a_restart(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        channel = await ada.channel()
        key, token = platform.developer_key, ada.token
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        reply = await wire.call("GET", "/channel/list", token=token)
        assert [one["channel_id"] for one in reply["data"]] == [channel]
        assert platform.developer_key == key


async def test_two_platforms_never_share_their_data(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options):
        with pytest.raises(ConfigError, match="data"):
            await LocalPlatform(options).start()


async def test_stopping_hangs_up_and_frees_the_port() -> None:
    options = PlatformOptions(port=free_port())
    platform = LocalPlatform(options)
    await platform.start()
    async with wire_to(platform.url) as wire:
        socket = await wire.socket()
        await platform.stop()
        assert await socket.closed() == 1001
    async with LocalPlatform(options):
        pass
