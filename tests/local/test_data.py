"""The data directory: private, and one Platform at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from moobius.errors import ConfigError
from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.data import DataDirectory


def test_the_key_is_made_once_and_readable_by_its_user_only(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data") as data:
        key = data.developer_key()
        assert data.developer_key() == key
    assert len(key) >= 43
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / "developer.key").stat().st_mode & 0o777 == 0o600


async def test_a_second_platform_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path)
    async with LocalPlatform(options):
        with pytest.raises(ConfigError, match="in use by a running Platform"):
            await LocalPlatform(options).start()
    async with LocalPlatform(options):
        pass
    assert (tmp_path / "platform.sqlite3").stat().st_mode & 0o777 == 0o600


async def test_a_taken_port_names_the_port_and_lets_go_of_the_data(tmp_path: Path) -> None:
    async with LocalPlatform() as first:
        options = PlatformOptions(port=first.port, data=tmp_path)
        with pytest.raises(ConfigError, match=f"127.0.0.1:{first.port} is in use"):
            await LocalPlatform(options).start()
        async with LocalPlatform(PlatformOptions(data=tmp_path)):
            pass


async def test_a_new_developer_key_opens_the_old_developers_account(tmp_path: Path) -> None:
    from tests.support.wire import data_of, wire_to

    given = []
    for _ in range(2):
        (tmp_path / "developer.key").unlink(missing_ok=True)
        async with LocalPlatform(PlatformOptions(data=tmp_path)) as platform:
            body = {"developer_key": platform.developer_key, "project": "p", "service": "S"}
            async with wire_to(platform.url) as wire:
                given.append(data_of(await wire.call("POST", "/local/project", body=body)))
                login = {"username": given[-1]["email"], "password": given[-1]["password"]}
                data_of(await wire.call("POST", "/auth/sign_in", body=login))
    assert given[0]["service_id"] == given[1]["service_id"]
    assert given[0]["password"] != given[1]["password"]
