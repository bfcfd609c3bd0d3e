"""Whether a Platform can be reached and lets us in, as the doctor sees it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

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


async def test_addresses_that_nobody_could_have(room: Room) -> None:
    found = await findings(
        settings(room, http_server_uri="http://x:99999", ws_server_uri="ws://127.0.0.1:99999")
    )
    for topic, setting in (("HTTP", "http_server_uri"), ("WebSocket", "ws_server_uri")):
        finding = found[f"Platform ({topic})"]
        assert finding.status == "error" and setting in finding.advice


async def test_a_channel_that_cannot_be_used_is_named(room: Room) -> None:
    found = await findings(settings(room, channels=[room.channel_id, "nope"]))
    assert found["channels"].status == "error"
    assert "cannot be used: nope (" in found["channels"].detail
    assert room.channel_id not in found["channels"].detail


@pytest.mark.parametrize("answer", ["<html>hello</html>", "[]"])
async def test_another_server_is_no_platform_and_no_password_helps(room: Room, answer: str) -> None:
    async with answering(lambda path: answer) as url:
        found = await findings(settings(room, http_server_uri=url))
    http = found["Platform (HTTP)"]
    assert http.status == "error" and "not as a Platform does" in http.detail
    assert "http_server_uri" in http.advice
    assert "account" not in found


async def test_answers_of_an_odd_shape_are_findings(room: Room) -> None:
    tokens = {"AuthenticationResult": {"AccessToken": "t", "RefreshToken": "r"}}
    data = {"/auth/sign_in": tokens, "/user/info": {"user_id": "u", "context": {}}}
    async with answering(
        lambda path: json.dumps({"code": 10000, "data": data.get(path, [{"foo": 1}])})
    ) as url:
        found = await findings(settings(room, http_server_uri=url, service_id="mine"))
    assert found["account"].status == "ok"
    assert "mine is not a service of" in found["service"].detail
    assert found["channels"].status == "error"


@asynccontextmanager
async def answering(answer: Callable[[str], str]) -> AsyncIterator[str]:
    """Run a server that answers whatever is asked; yield its address."""

    async def reply(request: web.Request) -> web.Response:
        return web.Response(text=answer(request.path))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", reply)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


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


async def test_a_folder_in_which_none_could_be_started_is_said(in_folder: Path) -> None:
    (in_folder / ".moobius").write_text("in the way", "utf-8")
    finding = (await findings(load_config(None).settings))["Platform"]
    assert finding.status == "error"
    assert f"{in_folder / '.moobius'} is no folder that can be written to" in finding.detail
    assert "start services elsewhere" in finding.advice
