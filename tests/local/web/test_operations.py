"""`/healthz`, `/readyz`, and the line in the log for each request."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from moobius.local import LocalPlatform, PlatformOptions
from moobius.local import platform as local_platform
from tests.support.patience import PATIENCE, until
from tests.support.raw_http import exchange, read_all
from tests.support.wire import Person, Wire, wire_to


async def test_it_is_healthy_and_ready(wire: Wire) -> None:
    for path, status in (("/healthz", "ok"), ("/readyz", "ready")):
        async with wire.session.get(wire.url + path) as reply:
            assert reply.status == 200
            assert (await reply.json())["data"] == {"status": status}


async def test_it_is_not_ready_when_the_store_has_failed(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.sign_up("ada")
        _spoil(tmp_path / "data" / "platform.sqlite3")
        await wire.call("POST", "/channel/create", body={"channel_name": "x"}, token=ada.token)
        async with wire.session.get(wire.url + "/readyz") as reply:
            assert reply.status == 503
            assert "store has failed" in (await reply.json())["message"]
        async with wire.session.get(wire.url + "/healthz") as reply:
            assert reply.status == 200


def _spoil(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (name,) in tables:
            database.execute(f"ALTER TABLE {name} RENAME TO spoilt_{name}")


async def test_it_answers_nobody_while_it_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_platform, "SHUTDOWN_SECONDS", PATIENCE)
    platform = LocalPlatform(PlatformOptions())
    await platform.start()
    # A request that does not come to its end keeps the Platform from ending at once.
    _, slow = await asyncio.open_connection("127.0.0.1", platform.port)
    slow.write(b"POST /auth/sign_in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
    async with aiohttp.ClientSession() as session:
        async with session.get(platform.url + "/readyz") as reply:
            assert reply.status == 200
        stopping = asyncio.create_task(platform.stop())
        await asyncio.sleep(0)
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(platform.url + "/readyz")
        assert not stopping.done()
    slow.close()
    await stopping


async def test_each_request_is_a_line_without_secrets(ada: Person, log: list[str]) -> None:
    secret = "hunter2-hunter2"
    await ada.wire.call("GET", "/user/info", query={"access_token": secret}, token=ada.token)
    await ada.wire.call("POST", "/auth/sign_in", body={"username": "ada", "password": secret})
    await until(lambda: sum("DEBUG http " in line for line in log) >= 2)
    text = "".join(log)
    (line,) = [line for line in log if "path=/user/info" in line]
    assert "http method=GET path=/user/info status=200 ms=" in line
    assert f"account={ada.user_id}" in line
    assert secret not in text
    assert ada.token not in text


@pytest.mark.parametrize(
    "junk",
    [
        b"FROB\0 / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /auth/sign_in HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_junk_on_the_port_is_answered_and_leaves_no_traceback(
    wire: Wire, log: list[str], junk: bytes
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", URL(wire.url).port)
    writer.write(junk)
    answer = await asyncio.wait_for(read_all(reader), PATIENCE)
    assert answer.startswith(b"HTTP/1.")
    assert b" 400 " in answer.partition(b"\n")[0]
    writer.close()
    await until(lambda: any("status=400" in line for line in log))
    assert "Traceback" not in "".join(log)


@pytest.mark.parametrize(
    "junk",
    [
        b"GET / HTTP/1.1\r\nAuthorization Bearer SECRET\r\n\r\n",
        b"GET / HTTP/1.1\r\nAuthorization: Bearer SECRET" + b"x" * 100_000 + b"\r\n\r\n",
        b"GET /SECRET" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /?access_token=SECRET HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: SECRET\r\n\r\n",
    ],
)
async def test_what_cannot_be_read_is_not_quoted(wire: Wire, log: list[str], junk: bytes) -> None:
    await exchange(wire.url, junk)
    await until(lambda: any("could not be read" in line for line in log))
    (line,) = [line for line in log if "could not be read" in line]
    assert re.fullmatch(r"DEBUG a request could not be read: \w+\n", line)
    assert "SECRET" not in "".join(log)


@pytest.mark.parametrize("path", ["/a%0Ab", "/%22x%22", "/x%20status=999"])
async def test_a_path_cannot_forge_a_line(wire: Wire, log: list[str], path: str) -> None:
    async with aiohttp.ClientSession() as session:
        await session.get(wire.url + path)
    await until(lambda: any("http method" in line for line in log))
    (line,) = [line for line in log if "http method" in line]
    assert line.count("\n") == 1
    assert 'path="' in line
