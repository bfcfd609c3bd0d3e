"""The sequences of section 3, between a `Client` and a `Server`, at slices of every kind."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging import client_core, loop
from moobius.messaging.registry import SHARED, message_callback, request_callback
from moobius.messaging.server import Client as Copter
from moobius.messaging.server import Server
from tests.support.messaging import QuickClient, served, started, until, write_settings


@pytest.fixture(params=[1, 1024, 65536])
def slices(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, in_folder: Path) -> int:
    """The most bytes per call of the system, on both sides; files are in a folder of the test."""
    monkeypatch.setattr(Copter, "clients", {})
    monkeypatch.setattr(loop, "LONGEST_WAIT_S", 0.05)
    SHARED.actions.update(client_core.ACTIONS)
    SHARED.requests.update(client_core.REQUESTS)
    return int(request.param)


@contextlib.contextmanager
def serving(folder: Path, slices: int, port: int = 0, *broadcast: str) -> Iterator[Server]:
    lines = ("[SERVER]", f"port = {port}", f"buffer_size = {slices}", "[BROADCAST]")
    with served(folder, *lines, *(broadcast or ("send = False",))) as server:
        yield server


def client_of(folder: Path, slices: int, port: int, *more: str) -> QuickClient:
    lines = ("id = drone-one", "[SERVER]", f"port = {port}", "host = 127.0.0.1")
    path = write_settings(folder / "client.ini", *lines, f"buffer_size = {slices}", *more)
    return QuickClient(path)


@pytest.fixture
def both(tmp_path: Path, slices: int) -> Iterator[tuple[QuickClient, Copter]]:
    """A client, and what its server knows it as."""
    with serving(tmp_path, slices) as server:
        with started(client_of(tmp_path, slices, server.port)) as client:
            assert isinstance(client, QuickClient)
            yield client, met()


def met() -> Copter:
    """Wait until the server knows the client, and has asked for everything it asks for."""
    until(lambda: (copter := Copter.get_by_id("drone-one")) and copter.connected)
    copter = Copter.get_by_id("drone-one")
    assert copter is not None
    return copter


Both = tuple[QuickClient, Copter]


def test_3_1_connecting(both: Both, slices: int) -> None:
    client, copter = both
    until(lambda: copter.clover_dir == "auto")
    assert copter.connected and client.connected
    assert client.server_connection.buffer_size == copter.buffer_size == slices


def test_3_2_request_and_response(both: Both) -> None:
    client, copter = both
    answers: list[Any] = []
    request_callback("echo")(lambda connection, *args, **kwargs: [args, kwargs])
    for peer in (client.server_connection, copter):
        peer.get_response(
            "echo", lambda connection, value: answers.append((connection, value)), (1,), {"y": 2}
        )
    until(lambda: len(answers) == 2)
    assert dict(answers) == {
        client.server_connection: [[1], {"y": 2}],
        copter: [[1], {"y": 2}],
    }


def test_3_3_file_put_is_there_before_the_command_behind_it(both: Both) -> None:
    client, copter = both
    Path("source").write_bytes(bytes(range(256)) * 10)
    found: list[bytes] = []
    message_callback("use")(lambda connection, name: found.append(Path(name).read_bytes()))
    for peer, name in ((client.server_connection, "one"), (copter, "two")):
        assert peer.send_file("source", name)
        peer.send_message("use", (name,))
    until(lambda: len(found) == 2)
    assert found == [Path("source").read_bytes()] * 2


def test_3_4_file_get(both: Both) -> None:
    client, copter = both
    Path("source").write_bytes(bytes(range(256)) * 10)
    found: list[bytes] = []
    for peer, name in ((client.server_connection, "one"), (copter, "two")):
        peer.get_file(
            "source",
            name,
            lambda connection, value, filepath: found.append(Path(filepath).read_bytes()),
        )
    until(lambda: len(found) == 2)
    assert found == [Path("source").read_bytes()] * 2


def test_3_5_3_6_connection_lost_and_made_again(tmp_path: Path, slices: int) -> None:
    heard: list[int] = []
    answers: list[Any] = []
    message_callback("say")(lambda connection, number: heard.append(number))
    with contextlib.ExitStack() as first:
        server = first.enter_context(serving(tmp_path, slices))
        port = server.port
        with started(client_of(tmp_path, slices, port)) as client:
            copter = met()
            client.server_connection.resume_queue = True
            copter.get_response("late", lambda connection, value: answers.append(value))
            client.server_connection.get_response(
                "late", lambda connection, value: answers.append(value)
            )
            until(lambda: not client.server_connection._send_queue and not copter._send_queue)
            first.close()
            until(lambda: not client.connected and not copter.connected)
            for number in range(3):
                client.server_connection.send_message("say", (number,))
            request_callback("late")(lambda connection: "answer")
            with serving(tmp_path, slices, port):
                until(lambda: len(answers) == 2 and len(heard) == 3, lambda: (answers, heard))
                assert met() is copter
    assert heard == [0, 1, 2]
    assert answers == ["answer", "answer"]


def test_3_7_binding_by_announcement(tmp_path: Path, slices: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free, socket.socket() as nobody:
        free.bind(("", 0))
        udp = free.getsockname()[1]
        nobody.bind(("127.0.0.1", 0))
        closed = nobody.getsockname()[1]
    shouts = (f"port = {udp}", "delay = 0.02", "send_ip = 127.255.255.255")
    with serving(tmp_path, slices, 0, *shouts) as server:
        client = client_of(tmp_path, slices, closed, "[BROADCAST]", f"port = {udp}")
        with started(client):
            met()
    assert client.config.server_port == server.port
    assert f"port = {server.port}" in (tmp_path / "client.ini").read_text()


def test_3_8_orderly_close(both: Both) -> None:
    client, copter = both
    before = copter.addr
    client.server_connection.close()
    until(lambda: copter.connected and copter.addr != before)
    assert met() is copter
    copter.close()
    until(lambda: copter.connected and client.connected)
