"""Whether a Platform can be reached and lets us in, as the doctor sees it."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.config import Settings, load_config
from moobius.devtools.findings import Finding
from moobius.devtools.platform_checkup import check_platform
from moobius.local import LocalPlatform
from moobius.local.embedded import find_or_start
from tests.support.room import Room, room_on


def settings(room: Room, **service_config: Any) -> Settings:
    return load_config(room.config(**service_config)).settings


async def findings(given: Settings) -> dict[str, Finding]:
    return {each.topic: each async for each in check_platform(given)}


@pytest.fixture
async def room(memory_platform: LocalPlatform) -> Any:
    async with room_on(memory_platform) as room:
        yield room


async def test_all_is_well(room: Room) -> None:
    service_id = await room.owner.bound_service(room.channel_id)
    found = await findings(settings(room, service_id=service_id))
    assert {each.status for each in found.values()} == {"ok"}
    assert [*found] == [
        "Platform (HTTP)",
        "Platform (WebSocket)",
        "account",
        "service",
        "channels",
    ]
    assert found["service"].detail == f"{service_id} belongs to owner@example.net"
    assert "token is good" in found["account"].detail


async def test_a_wrong_password_is_an_error_that_does_not_show_it(room: Room) -> None:
    config = room.config()
    config["account_config"]["password"] = "mistyped"
    found = await findings(load_config(config).settings)
    assert found["account"].status == "error"
    assert found["account"].advice == "correct email and password"
    assert "mistyped" not in str(found)
    assert "service" not in found


async def test_a_service_of_somebody_else_and_no_channel(room: Room) -> None:
    found = await findings(settings(room, service_id="foreign", channels=[]))
    assert found["service"].status == "error"
    assert "foreign is not a service of owner@example.net" in found["service"].detail
    assert found["channels"].status == "warning"
    fresh = await findings(settings(room))
    assert fresh["service"].detail == "it has no id yet; the first start creates one"


async def test_a_user_needs_no_service(room: Room) -> None:
    found = await findings(settings(room, service_mode=False))
    assert "service" not in found
    assert found["account"].status == "ok"


async def test_nobody_at_either_address(room: Room) -> None:
    found = await findings(settings(room, ws_server_uri="ws://127.0.0.1:1/"))
    assert found["Platform (HTTP)"].status == "ok"
    assert found["Platform (WebSocket)"].status == "error"
    assert found["account"].status == "ok"
    found = await findings(settings(room, http_server_uri="http://127.0.0.1:1/"))
    assert found["Platform (HTTP)"].status == "error"
    assert "http_server_uri" in found["Platform (HTTP)"].advice
    assert "account" not in found


async def test_an_account_is_needed_elsewhere(room: Room) -> None:
    config = room.config()
    config["account_config"] = {}
    found = await findings(load_config(config).settings)
    assert found["account"].detail == "email or password is missing"


@pytest.mark.usefixtures("in_folder")
async def test_the_local_one_comes_by_itself(
    monkeypatch: pytest.MonkeyPatch, in_folder: Any
) -> None:
    monkeypatch.setenv("MOOBIUS_LOCAL_EPHEMERAL", "1")
    given = load_config(None).settings
    found = await findings(given)
    assert "a service starts it by itself" in found["Platform"].detail
    with find_or_start(in_folder, announce=lambda line: None) as running:
        found = await findings(given)
        assert {each.status for each in found.values()} == {"ok"}
        assert running.url in found["Platform (HTTP)"].detail
        assert running.ws_url in found["Platform (WebSocket)"].detail
