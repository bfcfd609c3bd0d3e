"""Defects of earlier versions in security and privacy (5.1)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from loguru import logger

from moobius import Moobius, MoobiusStorage, types
from moobius.core.logs import log_sinks
from moobius.errors import ConfigError, LoginRefused, StorageError, TransportError
from moobius.json_utils import enhanced_json_load
from moobius.local import LocalPlatform
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.transport import open_socket
from tests.support.patience import until
from tests.support.room import Room, room_on, running
from tests.support.tls import self_signed

PASSWORD = "pa55-correct-horse"


async def config_of(room: Room, **service_config: Any) -> dict[str, Any]:
    """Return a configuration whose account has a password like no other text in a log."""
    account = {"username": "keeper@example.net", "password": PASSWORD}
    await room.owner.wire.call("POST", "/auth/sign_up", body=account)
    config = room.config(**service_config)
    config["account_config"] = {"email": account["username"], "password": PASSWORD}
    return config


# ---- Secrets ----------------------------------------------------------------------------------


@pytest.mark.defect("D1", "D2", "D3")
async def test_no_secret_is_in_the_log_whatever_is_done_with_it(
    memory_platform: LocalPlatform, in_folder: Path, log: list[str]
) -> None:
    """Sign in, log in, renew, upload, reconnect, sign out: all at the most talkative level."""
    (in_folder / "picture.png").write_bytes(b"not really a picture")
    async with room_on(memory_platform) as room:
        config = await config_of(room, channels=[])
        async with running(Moobius(config=config)) as service:
            secrets = {PASSWORD, service.http_api.access_token, service.http_api.refresh_token}
            await service.authenticate()
            secrets |= {service.http_api.access_token, service.http_api.refresh_token}
            secrets.add(await service.refresh_authentication())
            await service.upload("picture.png")
            logins = sum("service_login" in line for line in log)
            await service.send_service_login()
            await until(lambda: sum("service_login" in line for line in log) > logins)
            await service.sign_out()
            service.http_api.password = f"not {PASSWORD}"
            with pytest.raises(LoginRefused) as failed:
                await service.refresh_authentication()
            logger.error("{} {} {}", service, service.http_api, failed.value)
    everything = "".join(log)
    assert "/auth/sign_in" in everything  # so that the requests are there to be looked through
    assert all(len(secret) > 8 for secret in secrets)
    assert [secret for secret in secrets if secret in everything] == []


@pytest.mark.defect("D1")
def test_no_error_shows_the_password(in_folder: Path, log: list[str]) -> None:
    for wrong in ({"password": [PASSWORD]}, {"password": PASSWORD, "log_level": 5}):
        with pytest.raises(ConfigError) as caught:
            Moobius(config={"email": "ada@example.org", **wrong})
        assert PASSWORD not in str(caught.value)
    assert PASSWORD not in "".join(log)


@pytest.mark.defect("D4")
async def test_what_people_write_stays_out_of_the_log_file_if_that_is_wanted(
    memory_platform: LocalPlatform, in_folder: Path
) -> None:
    log_config = {"log_file": "logs/service.log", "log_frames": "summary"}

    class Echo(Moobius):
        async def on_message_up(self, message: types.MessageBody) -> None:
            await self.send_message(message, text="a private answer")

    async with room_on(memory_platform) as room:
        service = Echo(config={**room.config(), "log_config": log_config})
        (in_folder / "secret.txt").write_text("x")
        with log_sinks(service.settings):
            async with running(service):
                await service.upload("secret.txt")
                await room.say("ada", "a private question", "bob")
                assert (await room.sockets["bob"].next())["body"]["content"]["text"]
    text = (in_folder / "logs/service.log").read_text("utf-8")
    assert "message_up" in text and room.channel_id in text  # what happened is to be seen
    assert "private" not in text
    assert "signature" not in text.lower()


@pytest.mark.defect("D5")
async def test_nothing_of_a_token_is_shown(memory_platform: LocalPlatform) -> None:
    api = HTTPAPIWrapper("http://x", "ada@example.org", PASSWORD)
    api.access_token, api.refresh_token = "short", "eyJhbGciOi" * 40
    for shown in (str(api), repr(api), f"{api}"):
        assert "ada@example.org" in shown
        assert not [word for word in ("short", "eyJhbGci", PASSWORD) if word in shown]


@pytest.mark.defect("D8")
def test_a_service_shows_itself_without_its_password() -> None:
    account = {"email": "ada@example.org", "password": PASSWORD}
    for service in (Moobius(config=account), Moobius(account_config=account, is_agent=True)):
        for shown in (str(service), repr(service), f"{service.config}", repr(service.settings)):
            assert "ada@example.org" in shown
            assert PASSWORD not in shown


# ---- Stored values ----------------------------------------------------------------------------

EVIL: list[Any] = [
    {"_moobius_type": "os.mkdir", "_moobius_val": "broken-in"},
    {"_moobius_type": "builtins.exec", "_moobius_val": "import os; os.mkdir('broken-in')"},
    {"_moobius_type": "pathlib.Path", "_moobius_val": "x"},
    {"deep": [{"_moobius_type": "subprocess.Popen", "_moobius_val": ["mkdir", "broken-in"]}]},
]
DB = [{"implementation": "json", "name": "said", "settings": {"root_dir": "data"}}]


@pytest.mark.defect("D6")
@pytest.mark.parametrize("typed", EVIL)
def test_what_a_member_typed_is_kept_and_never_run(in_folder: Path, typed: Any) -> None:
    MoobiusStorage("SVC", "CH", DB).said["ada"] = typed
    assert MoobiusStorage("SVC", "CH", DB).said["ada"] == typed
    assert not (in_folder / "broken-in").exists()


@pytest.mark.defect("D6")
@pytest.mark.parametrize("written", EVIL)
def test_a_record_that_names_code_is_refused_and_never_run(in_folder: Path, written: Any) -> None:
    MoobiusStorage("SVC", "CH", DB).said["ada"] = 1
    (record,) = (in_folder / "data").rglob("*.json")
    record.write_text(json.dumps(written))
    with pytest.raises(StorageError, match="not registered"):
        _ = MoobiusStorage("SVC", "CH", [{**DB[0], "load": False}]).said["ada"]
    with pytest.raises(StorageError, match="not registered"):
        enhanced_json_load(json.dumps(written).encode())
    assert not (in_folder / "broken-in").exists()


@pytest.mark.defect("D7")
@pytest.mark.parametrize(
    "key",
    ["../../x", "a/b", "/tmp/x", "..", "con", "a:b|c", "A", "a", "é", "e\u0301", "", "x" * 300],
)
def test_any_key_is_kept_inside_the_folder(in_folder: Path, key: str) -> None:
    for other in ("a", "A", "x"):
        MoobiusStorage("SVC", "CH", DB).said[other] = f"the value of {other}"
    MoobiusStorage("SVC", "CH", DB).said[key] = key
    again = MoobiusStorage("SVC", "CH", DB).said
    wanted = {other: f"the value of {other}" for other in ("a", "A", "x")}
    assert again == {**wanted, key: key}
    assert [path.name for path in in_folder.iterdir()] == ["data"]
    assert len({path.parent for path in in_folder.rglob("*.json")}) == 1


# ---- The way to the Platform ------------------------------------------------------------------


@asynccontextmanager
async def listening(app: web.Application, ssl_context: Any = None) -> AsyncIterator[str]:
    """Serve an application on a free port; yield `host:port`."""
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ssl_context)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def answering(asked: list[web.Request]) -> web.Application:
    """An application that notes each request, and says yes to all."""

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        return web.json_response({"code": 10000, "data": {"character_list": []}})

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    return app


@pytest.mark.defect("D9")
async def test_no_switch_turns_off_the_checking_of_certificates(tmp_path: Path) -> None:
    asked: list[web.Request] = []
    context, certificate = self_signed(tmp_path)
    async with listening(answering(asked), context) as address:
        api = HTTPAPIWrapper(f"https://{address}")
        with pytest.raises(ConfigError, match="certificates are always verified"):
            api.aio_strategy = 2
        for strategy in (0, 1, 3):
            api.aio_strategy = strategy
            with pytest.raises(TransportError, match="certificate"):
                await api.fetch_member_ids("CH", "SVC")
        await api.close()
        with pytest.raises(TransportError, match="certificate"):
            async with open_socket(f"wss://{address}"):
                pass
        assert asked == []
        trusting = HTTPAPIWrapper(f"https://{address}", ca_file=str(certificate))
        assert await trusting.fetch_member_ids("CH", "SVC") == []
        await trusting.close()
    assert len(asked) == 1


@pytest.mark.defect("D11")
@pytest.mark.parametrize(
    "odd", ["a&service_id=other", "a b+c", "a#b", "a%2Fb", "?a=b", "ä/..", "="]
)
async def test_an_odd_id_arrives_as_it_is_and_changes_nothing_else(odd: str) -> None:
    asked: list[web.Request] = []
    async with listening(answering(asked)) as address:
        api = HTTPAPIWrapper(f"http://{address}")
        await api.fetch_member_ids(odd, "SVC")
        await api.close()
    assert asked[0].path == "/channel/character_list"
    assert dict(asked[0].query) == {"channel_id": odd, "service_id": "SVC"}
