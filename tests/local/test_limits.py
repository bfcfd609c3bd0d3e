"""How much is too much: what `Limits` says of connections and requests, over real sockets."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from moobius.local import Limits, LocalPlatform, PlatformOptions
from moobius.local import platform as local_platform
from moobius.local.store.sqlite import SqliteStore
from tests.support.patience import PATIENCE, until
from tests.support.prometheus import parse
from tests.support.wire import wire_to

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


async def test_an_account_has_only_so_many_connections() -> None:
    limits = Limits(connections_per_account=2, bad_login_seconds=0.01)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada, bob = await wire.sign_up("ada"), await wire.sign_up("bob")
        service_id = await ada.bound_service(await ada.channel())
        first, second = await ada.user_socket(), await ada.service_socket(service_id)
        third = await wire.socket()
        for login in ("user_login", "service_login"):
            text = await third.bad(type=login, access_token=ada.token, service_id=service_id)
            assert text == "This account has 2 connections already; close some"
        # Logging in again, or in the other role, is no further connection.
        await first.good(type="user_login", access_token=ada.token)
        await first.good(type="service_login", access_token=ada.token, service_id=service_id)
        await bob.user_socket()
        await second.close()
        await until(lambda: platform._hub.connections_of(ada.user_id) == 1)
        await third.good(type="user_login", access_token=ada.token)


async def test_not_even_when_they_log_in_at_once() -> None:
    limits = Limits(connections_per_account=3, bad_login_seconds=0.01)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.sign_up("ada")
        sockets = [await wire.socket() for _ in range(10)]
        for socket in sockets:
            await socket.send(type="user_login", access_token=ada.token)
        answers = [(await socket.copy())["status"] for socket in sockets]
        assert answers.count(True) == 3


async def test_so_many_connections_may_wait_for_their_login_and_the_oldest_makes_room() -> None:
    limits = Limits(strangers=2)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.sign_up("ada")
        member = await ada.user_socket()
        first, second = await wire.socket(), await wire.socket()
        for socket in (first, second):
            await socket.good(type="heartbeat", body={})
        third = await wire.socket()
        assert await first.closed() == 1013
        await third.good(type="user_login", access_token=ada.token)
        for socket in (member, second, third, await wire.socket()):
            await socket.good(type="heartbeat", body={})


async def test_an_id_of_a_request_has_only_so_many_characters() -> None:
    limits = Limits(request_id_chars=10)
    async with (
        LocalPlatform(PlatformOptions(limits=limits)) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.sign_up("ada")
        body = {"subtype": "join", "channel_id": await ada.channel()}
        socket = await ada.user_socket()
        text = await socket.bad(type="action", request_id="x" * 11, body=body)
        assert text == "request_id may have at most 10 characters"
        await socket.good(type="action", request_id="x" * 10, body=body)


async def _ask(url: str, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.readline(), PATIENCE)
    finally:
        writer.close()


async def test_a_header_has_only_so_many_bytes() -> None:
    limits = Limits(header_bytes=1000)
    async with LocalPlatform(PlatformOptions(limits=limits)) as platform:
        for size, status in ((500, b"200"), (2000, b"400")):
            for request in (
                HEAD + b"X-Long: " + b"x" * size + b"\r\n\r\n",
                HEAD.replace(b"healthz", b"healthz?" + b"x" * size) + b"\r\n",
            ):
                assert (await _ask(platform.url, request)).split()[1] == status


async def test_a_connection_waits_only_so_long_for_its_next_request() -> None:
    limits = Limits(keep_alive_seconds=0.1)
    async with LocalPlatform(PlatformOptions(limits=limits)) as platform:
        reader, writer = await asyncio.open_connection("127.0.0.1", platform.port)
        writer.write(HEAD + b"\r\n")
        answer = await asyncio.wait_for(reader.read(), PATIENCE)  # to its end
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()


async def test_an_account_has_only_so_much() -> None:
    limits = Limits(
        channels_per_account=1,
        services_per_account=1,
        agents_per_service=1,
        logins_per_account=2,
        tokens_per_login=2,
    )
    options = PlatformOptions(developer=False, limits=limits)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        service_id = await ada.bound_service(await ada.channel())
        agent = {"service_id": service_id, "context": {"name": "Owl"}}
        await ada.post("/service/character/create", **agent)
        for path, given in (
            ("/channel/create", {"channel_name": "another", "channel_desc": ""}),
            ("/service/create", {"description": ""}),
            ("/service/character/create", agent),
        ):
            assert await ada.refused("POST", path, **given) == 10003, path
        for _ in range(2):
            await ada.post("/auth/refresh", refresh_token=ada.refresh_token)
        assert await ada.refused("GET", "/user/info") == 10005  # the first token is one too many
        who = {"username": ada.email, "password": "ada"}
        for _ in range(2):
            await ada.post("/auth/sign_in", **who)
        assert await ada.refused("POST", "/auth/refresh", refresh_token=ada.refresh_token) == 10005


async def test_an_account_writes_only_so_much() -> None:
    limits = Limits(text_bytes_per_account=3000)
    options = PlatformOptions(developer=False, limits=limits)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada, bob = await wire.sign_up("ada"), await wire.sign_up("bob")
        channel = await ada.channel("x" * 100)
        service = {"service_id": await ada.bound_service(channel)}
        agent = await ada.post(
            "/service/character/create",
            **service,
            context={"name": "Owl", "description": "ü" * 900},
        )
        about = {"name": "Fox", "avatar": "x" * 1000}
        which = {**service, "character_id": agent["character_id"]}
        for path, given in (
            ("/channel/create", {"channel_name": "x" * 200, "context": _described(1000)}),
            ("/channel/update", {"channel_id": channel, "context": _described(1000)}),
            ("/service/create", {"description": "x" * 1000}),
            ("/service/character/create", {**service, "context": about}),
            ("/service/character/update", {**which, "context": about}),
        ):
            assert await ada.refused("POST", path, **given) == 10003, path
            if "update" not in path and "character" not in path:
                await bob.post(path, **given)
        # What is shorter than before is always welcome, and makes room.
        await ada.post("/service/character/update", **which, context={"description": "small"})
        await ada.post("/channel/update", channel_id=channel, context=_described(1000))


def _described(size: int) -> dict[str, str]:
    return {"channel_description": "x" * size}


async def _pending(url: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as reply:
        return parse(await reply.text())["moobius_commands_pending"].value()


async def test_readers_wait_while_too_much_is_on_its_way_to_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores: list[SqliteStore] = []

    class Watched(SqliteStore):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            stores.append(self)

    monkeypatch.setattr(local_platform, "SqliteStore", Watched)
    options = PlatformOptions(data=tmp_path, limits=Limits(pending_frames=8))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        socket = await ada.user_socket()
        body = {"subtype": "text", "channel_id": await ada.channel(), "content": {"text": "x"}}
        await socket.good(type="message_up", body=body)
        may_go_on = threading.Event()
        stores[0]._writer.submit(may_go_on.wait)  # so the journal has to wait
        try:
            sent = [await socket.send(type="message_up", body=body) for _ in range(40)]
            seen, deadline = [0.0], time.monotonic() + PATIENCE
            while max(seen) < 8:
                assert time.monotonic() < deadline, seen
                seen.append(await _pending(platform.url))
            seen += [await _pending(platform.url) for _ in range(20)]  # there is more to be read
        finally:
            may_go_on.set()
        assert max(seen) == 8
        assert [(await socket.copy())["request_id"] for _ in sent] == sent
