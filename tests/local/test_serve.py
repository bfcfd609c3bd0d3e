"""`moobius platform` as a program: its one line, its signals, its complaints."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from moobius.local import discovery
from moobius.local.certificates import make_certificate
from moobius.local.data import DataDirectory
from tests.support.patience import PATIENCE, until
from tests.support.wire import data_of, wire_to

Program = asyncio.subprocess.Process


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime directory of our own, so that no real Platform is found or hidden."""
    runtime = tmp_path / "run"
    runtime.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    return runtime


@asynccontextmanager
async def _program(*arguments: str, before: tuple[str, ...] = ()) -> AsyncIterator[Program]:
    """Run `moobius platform`; end it if the test has not: in order, so that it tidies up."""
    pipe = asyncio.subprocess.PIPE
    program = await asyncio.create_subprocess_exec(
        *before,
        sys.executable,
        "-m",
        "moobius",
        "platform",
        *arguments,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )
    try:
        yield program
    finally:
        if program.returncode is None:
            program.terminate()
        try:
            await asyncio.wait_for(program.communicate(), PATIENCE)
        except asyncio.TimeoutError:
            program.kill()
            await program.wait()
            raise


async def _ready(program: Program) -> str:
    assert program.stdout is not None
    line = (await asyncio.wait_for(program.stdout.readline(), PATIENCE)).decode()
    assert re.match(r"Moobius Platform ready on https?://127\.0\.0\.1:\d+$", line), line
    return line.split()[-1]


async def _end(program: Program) -> tuple[int | None, list[str]]:
    assert program.stderr is not None
    said = await asyncio.wait_for(program.stderr.read(), PATIENCE)
    await asyncio.wait_for(program.wait(), PATIENCE)
    return program.returncode, said.decode().splitlines()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_it_with_0_while_clients_are_connected(
    runtime: Path, tmp_path: Path, number: signal.Signals
) -> None:
    async with _program("--port", "0", "--data", str(tmp_path / "data")) as program:
        async with wire_to(await _ready(program)) as wire:
            ada = await wire.sign_up("ada")
            connected = await ada.user_socket()
            program.send_signal(number)
            assert await connected.closed() == 1001
        assert await _end(program) == (0, [])
        assert not (tmp_path / "data" / discovery.FILE).exists()
        assert discovery.user_files() == []


async def test_a_taken_port_is_one_line_and_1(runtime: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        async with _program("--port", port, "--ephemeral") as program:
            status, lines = await _end(program)
    assert status == 1
    assert len(lines) == 1
    assert f"127.0.0.1:{port} is in use" in lines[0]
    assert "--port" in lines[0]


async def test_data_in_use_is_one_line_and_1(runtime: Path, tmp_path: Path) -> None:
    arguments = ("--port", "0", "--data", str(tmp_path / "data"))
    async with _program(*arguments) as first:
        await _ready(first)
        async with _program(*arguments) as second:
            status, lines = await _end(second)
        assert status == 1
        assert len(lines) == 1
        assert "in use by a running Platform" in lines[0]


async def test_an_unusable_data_directory_is_one_line_and_1(runtime: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    async with _program("--port", "0", "--data", str(tmp_path / "file" / "data")) as program:
        status, lines = await _end(program)
    assert status == 1
    assert len(lines) == 1
    assert "cannot write to" in lines[0]
    assert "--data" in lines[0]


async def test_a_kill_loses_nothing_that_was_acknowledged(runtime: Path, tmp_path: Path) -> None:
    arguments = ("--port", "0", "--data", str(tmp_path / "data"))
    async with _program(*arguments) as program:
        async with wire_to(await _ready(program)) as wire:
            ada = await wire.sign_up("ada")
            channel = await ada.channel()
            service_id = await ada.bound_service(channel)
            group = await ada.group(ada.user_id)
            service = await ada.service_socket(service_id)
            body = {
                "subtype": "text",
                "channel_id": channel,
                "recipients": group,
                "content": {"text": "kept"},
                "sender": "OWL",
            }
            frame = {"type": "message_down", "service_id": service_id, "request_id": "REQ-K"}
            await service.good(**frame, body=body)
        program.kill()
        await program.wait()
    async with _program(*arguments) as program, wire_to(await _ready(program)) as wire:
        ada.wire = wire
        service = await ada.service_socket(service_id)  # the old token, the old binding
        await service.good(**frame, body=body)  # a repeat: acknowledged, not done again
        assert (await ada.get("/user/group", group_id=group))["characters"] == [ada.user_id]
        history = await ada.get("/channel/history_message", channel_id=channel)
        assert [each["content"]["text"] for each in history] == ["kept"]


async def test_the_connection_files_are_private_and_true(runtime: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(_program("--port", "0", "--data", str(data)))
        url = await _ready(first)
        (users,) = discovery.user_files()
        assert users.parent == runtime / "moobius"
        for file in (data / discovery.FILE, users):
            assert file.stat().st_mode & 0o777 == 0o600
            connection = await asyncio.to_thread(discovery.find_live, file)
            assert connection is not None
            assert (connection.url, connection.pid) == (url, first.pid)
            async with wire_to(url) as wire:
                body = {"developer_key": connection.developer_key, "project": "p", "service": "S"}
                data_of(await wire.call("POST", "/local/project", body=body))


async def test_of_two_the_first_is_found_and_the_other_when_the_first_has_gone(
    runtime: Path,
) -> None:
    async with AsyncExitStack() as stack:

        async def start() -> tuple[Program, str]:
            program = _program("--port", "0", "--ephemeral")
            running = await stack.enter_async_context(program)
            return running, await _ready(running)

        async def found() -> str:
            connection = await asyncio.to_thread(discovery.find_user_platform)
            return connection.url if connection else ""

        (first, url), (second, other) = await start(), await start()
        assert await found() == url
        first.terminate()
        assert await _end(first) == (0, [])
        assert await found() == other
        second.kill()
        await second.wait()
        assert len(discovery.user_files()) == 1
        _, url = await start()
        assert await found() == url
        assert len(discovery.user_files()) == 1, "that of the killed one has gone"


@pytest.mark.parametrize("flags", [("--host", "0.0.0.0"), ("--no-developer",)])
async def test_one_without_developer_mode_is_in_nobodys_way(
    runtime: Path, tmp_path: Path, flags: tuple[str, ...]
) -> None:
    async with _program("--port", "0", "--data", str(tmp_path / "data"), *flags) as program:
        assert program.stdout is not None
        assert await asyncio.wait_for(program.stdout.readline(), PATIENCE)
        assert (tmp_path / "data" / discovery.FILE).exists()
        assert discovery.user_files() == []


async def test_nobody_need_read_what_it_says(runtime: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "moobius", "platform", "--port", "0"),
        *("--data", str(tmp_path / "data")),
        stdout=writing,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    try:
        await until(lambda: bool(discovery.user_files()))  # the last it does before the line
        connection = discovery.read(discovery.user_files()[0])
        assert connection is not None
        async with wire_to(connection.url) as wire:
            await wire.sign_up("ada")
        program.terminate()
        status, lines = await _end(program)
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()
    assert (status, len(lines)) == (0, 1)
    assert "nobody reads the standard output" in lines[0]


async def test_with_tls_the_line_and_the_connection_file_say_so(
    runtime: Path, tmp_path: Path
) -> None:
    files = make_certificate(tmp_path / "tls")
    tls = ("--tls-cert", str(files.certificate), "--tls-key", str(files.key))
    async with _program("--port", "0", "--data", str(tmp_path / "data"), *tls) as program:
        url = await _ready(program)
        assert url.startswith("https://")
        connection = await asyncio.to_thread(discovery.find_user_platform)
        assert connection is not None
        assert (connection.url, connection.ca_file) == (url, str(files.certificate))
        assert connection.ws_url == url.replace("https", "wss") + "/"
        program.terminate()
        assert await _end(program) == (0, [])


async def test_it_may_have_more_connections_than_small_programs(runtime: Path) -> None:
    limit = ("sh", "-c", 'ulimit -Sn 64 && exec "$@"', "sh")
    async with _program("--port", "0", "--ephemeral", before=limit) as program:
        async with wire_to(await _ready(program)) as wire:
            sockets = [await wire.socket() for _ in range(80)]
            await asyncio.gather(*(each.good(type="heartbeat", body={}) for each in sockets))


async def test_junk_on_the_port_is_not_worth_a_word(runtime: Path) -> None:
    async with _program("--port", "0", "--ephemeral") as program:
        _, _, port = (await _ready(program)).rpartition(":")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port))
        writer.write(b"\x16\x03\x01 surely no HTTP\r\n\r\n")
        await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        program.terminate()
        assert await _end(program) == (0, [])


@pytest.mark.parametrize("flags", [("-v",), ("--log-level", "debug")])
async def test_at_debug_it_tells_every_request(runtime: Path, flags: tuple[str, ...]) -> None:
    async with _program("--port", "0", "--ephemeral", *flags) as program:
        async with wire_to(await _ready(program)) as wire:
            await wire.call("GET", "/healthz")
        program.terminate()
        status, lines = await _end(program)
    assert status == 0
    assert any("http method=GET path=/healthz status=200" in line for line in lines)


async def test_a_failing_store_is_told_without_secrets(runtime: Path, tmp_path: Path) -> None:
    async with _program("--port", "0", "--data", str(tmp_path / "data")) as program:
        async with wire_to(await _ready(program)) as wire:
            file = DataDirectory(tmp_path / "data").journal
            with contextlib.closing(sqlite3.connect(file)) as database, database:
                database.execute("ALTER TABLE events RENAME TO spoilt")
            account = {"username": "ada@example.net", "password": "hunter2-hunter2"}
            reply = await wire.call("POST", "/auth/sign_up", body=account)
            assert reply["code"] == 10500
        program.terminate()
        _, lines = await _end(program)
    said = "\n".join(lines)
    assert "Traceback" in said
    for secret in ("hunter2", "scrypt$", "ada@example.net"):
        assert secret not in said


async def test_open_to_the_network_without_tls_is_a_warning(runtime: Path) -> None:
    async with _program("--host", "0.0.0.0", "--port", "0", "--ephemeral") as program:
        url = await _ready(program)
        assert program.stdout is not None
        more = (await asyncio.wait_for(program.stdout.readline(), PATIENCE)).decode()
        port = url.rpartition(":")[2]
        assert more == f"and on port {port} of every other IPv4 address of this machine\n"
        program.terminate()
        status, lines = await _end(program)
    assert (status, len(lines)) == (0, 1)
    assert "listening on 0.0.0.0 without TLS" in lines[0]


async def test_a_wrong_certificate_is_one_line_and_1(runtime: Path, tmp_path: Path) -> None:
    async with _program("--port", "0", "--ephemeral", "--tls-cert", "absent.pem") as program:
        status, lines = await _end(program)
    assert (status, len(lines)) == (1, 1)
    assert "--tls-cert needs --tls-key too" in lines[0]


async def test_embedded_leaves_sigint_to_its_parent_and_ends_with_it(
    runtime: Path, tmp_path: Path
) -> None:
    data = str(tmp_path / "data")
    async with _program("--embedded", "--port", "0", "--data", data) as program:
        async with wire_to(await _ready(program)) as wire:
            program.send_signal(signal.SIGINT)
            await wire.sign_up("ada")  # still there
        assert discovery.user_files() == []
        assert program.stdin is not None
        program.stdin.close()
        assert await _end(program) == (0, [])


async def test_embedded_takes_another_port_when_its_own_is_taken(
    runtime: Path, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = ("--embedded", "--ephemeral", "--port", port, "--data", str(tmp_path))
        async with _program(*arguments) as program:
            url = await _ready(program)
            assert not url.endswith(f":{port}")
            log = tmp_path / "platform.log"
            await until(log.exists)
