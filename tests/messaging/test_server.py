"""The server: accepting, announcing, giving way, and ending."""

from __future__ import annotations

import contextlib
import gc
import resource
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moobius.errors import ConfigError, ValidationError
from moobius.messaging import announcements, loop
from moobius.messaging.announcements import Announcement
from moobius.messaging.auth import AnnouncementCheck, SharedKey
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.message_manager import MessageManager
from moobius.messaging.registry import message_callback, request_callback
from moobius.messaging.server import Client, Server
from moobius.messaging.singleton import Singleton
from moobius.messaging.sockets import get_ip_address
from tests.support.messaging import (
    PATIENCE,
    QuickClient,
    quiet_server,
    served,
    started,
    until,
    write_settings,
)
from tests.support.ports import free_port
from tests.support.tls import self_signed


@pytest.fixture(autouse=True)
def nobody_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "clients", {})
    monkeypatch.setattr(loop, "LONGEST_WAIT_S", 0.05)  # one notifier for two loops: look up often


@pytest.fixture
def hearing() -> Iterator[socket.socket]:
    """Where announcements are heard."""
    with announcements.listening_socket(0) as sock:
        sock.settimeout(20)
        yield sock


def announcing(port: int, *more: str) -> tuple[str, ...]:
    return (
        *("[SERVER]", "port = 0", "[BROADCAST]", f"port = {port}", "delay = 0.05"),
        *("send_ip = 127.255.255.255", *more),
    )


def client_settings(folder: Path, server: Server, *more: str) -> Path:
    lines = ("id = one", "[SERVER]", f"host = {server.host}", f"port = {server.port}")
    return write_settings(folder / "client.ini", *lines, *more)


def test_there_is_one_and_it_has_four_digits(tmp_path: Path) -> None:
    class Own(Server):
        pass

    assert issubclass(Server, Singleton)
    server = Own(tmp_path / "server.ini")
    assert Own("other.ini", "0042") is server
    assert len(server.id) == 4
    assert server.id.isdigit()

    class Named(Server):
        pass

    assert Named(tmp_path / "server.ini", "0042").id == "0042"


def test_it_listens_towards_the_network_and_not_everywhere(tmp_path: Path) -> None:
    class Own(Server):
        pass

    server = Own(write_settings(tmp_path / "server.ini", *quiet_server()))
    server.start()
    expected = {"localhost": "127.0.0.1"}.get(get_ip_address(), get_ip_address())
    assert server.host == expected
    assert server.port > 0
    server.stop()


def test_a_client_is_served_and_the_server_ends(tmp_path: Path, log: list[str]) -> None:
    heard: list[Any] = []
    message_callback("start")(lambda connection, time: heard.append(time))
    request_callback("id")(lambda connection: "one")
    with served(tmp_path) as server:
        with started(QuickClient(client_settings(tmp_path, server))) as client:
            until(lambda: Client.get_by_id("one"))
            copter = Client.get_by_id("one")
            assert copter is not None
            server.send_starttime(copter, 1.5)
            until(lambda: heard)
            server.stop()
            until(lambda: not client.connected)
        with pytest.raises(OSError):
            socket.create_connection((server.host, server.port), 1)
    assert heard == ["1.5"]
    assert not [line for line in log if line.startswith("ERROR")]
    server.stop()


def test_it_can_be_started_again(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        server.stop()
        server.start()
        socket.create_connection((server.host, server.port), PATIENCE).close()
        names = {thread.name for thread in threading.enumerate()}
        assert "_serve" in names
    assert all(not thread.is_alive() for thread in server._threads)


def test_a_callback_may_stop_it(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        message_callback("stop")(lambda connection: server.terminate("told to"))
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            sock.sendall(MessageManager.create_action_message("stop"))
            server.wait(20)
        assert all(not thread.is_alive() for thread in server._threads)


def test_garbage_from_one_peer_does_not_end_it(tmp_path: Path) -> None:
    heard: list[int] = []
    message_callback("say")(lambda connection: heard.append(1))
    with served(tmp_path) as server:
        for _ in range(3):
            with socket.create_connection((server.host, server.port), PATIENCE) as sock:
                sock.sendall(b"\0\0")
                with contextlib.suppress(ConnectionResetError):
                    while sock.recv(1024):
                        pass
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            sock.sendall(MessageManager.create_action_message("say"))
            until(lambda: heard)


@pytest.mark.parametrize("is_tls", [False, True])
def test_one_that_hangs_up_before_it_is_accepted_does_not_end_it(
    tmp_path: Path, is_tls: bool
) -> None:
    more: list[str] = []
    if is_tls:
        self_signed(tmp_path)
        certificate = tmp_path / "certificate.pem"
        more = ["[TLS]", "use = True", f"cert_file = {certificate}"]
        more.append(f"key_file = {tmp_path / 'key.pem'}")
    with served(tmp_path, *quiet_server(*more)) as server:
        for _ in range(50):
            with socket.create_connection((server.host, server.port), PATIENCE) as sock:
                reset = struct.pack("ii", 1, 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            if is_tls:
                trusting = ssl.create_default_context(cafile=str(certificate))
                with trusting.wrap_socket(sock, server_hostname="localhost") as inside:
                    assert b'"requested_value": "id"' in inside.recv(1024)
            else:
                assert b'"requested_value": "id"' in sock.recv(1024)


def test_a_port_without_files_to_spare_is_tried_again(tmp_path: Path, log: list[str]) -> None:
    gc.collect()  # or what earlier tests left open would make room
    with served(tmp_path) as server:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        sock = socket.socket()
        used = sock.fileno()
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 1, limits[1]))
        try:
            sock.settimeout(20)
            sock.connect((server.host, server.port))
            until(lambda: any("could not be accepted" in line for line in log))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert b'"requested_value": "id"' in sock.recv(1024)
        sock.close()
    assert sum("could not be accepted" in line for line in log) < 200


def test_a_client_that_cannot_be_served_is_let_go(tmp_path: Path, log: list[str]) -> None:
    with served(tmp_path, *quiet_server()) as server:
        files = server.config.config.pop("FILES")
        for _ in range(2):
            with socket.create_connection((server.host, server.port), PATIENCE) as sock:
                assert sock.recv(1024) == b""
        server.config.config["FILES"] = files
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            assert b'"requested_value": "id"' in sock.recv(1024)
    ended = [line for line in log if "connection ended: 'FILES'" in line]
    assert len(ended) == 2


def test_a_key_that_cannot_be_read_is_said_by_start(tmp_path: Path) -> None:
    class Own(Server):
        pass

    auth = ("[AUTH]", "use = True", f"key_file = {tmp_path / 'missing'}")
    server = Own(write_settings(tmp_path / "server.ini", *quiet_server(*auth)), host="127.0.0.1")
    with pytest.raises(ConfigError, match="missing"):
        server.start()
    assert server.selector is None


def test_it_is_started_once(tmp_path: Path) -> None:
    with served(tmp_path, *quiet_server()) as server:
        port = server.port
        with pytest.raises(RuntimeError, match="started already"):
            server.start()
        assert server.port == port
        with socket.create_connection((server.host, port), PATIENCE) as sock:
            assert b'"requested_value": "id"' in sock.recv(1024)
        server.stop()
        server.start()


def test_wrong_settings_and_a_port_that_is_taken_are_said(tmp_path: Path) -> None:
    class Own(Server):
        pass

    server = Own(write_settings(tmp_path / "server.ini", "[SERVER]", "port = x"))
    with pytest.raises(ValidationError, match=r"SERVER\.port"):
        server.start()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server.host = "127.0.0.1"
        write_settings(tmp_path / "server.ini", *quiet_server(port=taken.getsockname()[1]))
        with pytest.raises(OSError):
            server.start()


def test_the_announcement_says_where_it_is(tmp_path: Path, hearing: socket.socket) -> None:
    began = time.time()
    with served(tmp_path, *announcing(hearing.getsockname()[1])) as server:
        datagram, _ = hearing.recvfrom(2048)
        hearing.recvfrom(2048)  # and again
    message = MessageManager()
    message.income_raw = datagram
    message.process_message()
    assert message.content == {
        "args": [],
        "kwargs": {
            "host": "127.0.0.1",
            "port": str(server.port),
            "id": server.id,
            "start_time": str(server.start_time),
        },
    }
    assert list(message.content["kwargs"]) == ["host", "port", "id", "start_time"]
    assert began <= server.start_time <= time.time()


def test_the_first_announcement_comes_after_one_delay(
    tmp_path: Path, hearing: socket.socket
) -> None:
    port = hearing.getsockname()[1]
    settings = [line.replace("0.05", "600") for line in announcing(port)]
    with served(tmp_path, *settings):
        hearing.settimeout(0.2)
        with pytest.raises(TimeoutError):
            hearing.recvfrom(2048)


@pytest.mark.parametrize("whose", ["settings", "process"])
def test_with_a_key_it_signs(
    tmp_path: Path, hearing: socket.socket, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = SharedKey.new()
    key_file = tmp_path / "key"
    key_file.write_text(key.hex())
    key_file.chmod(0o600)
    auth: tuple[str, ...] = ("[AUTH]", "use = True", f"key_file = {key_file}")
    if whose == "process":
        monkeypatch.setattr(ConnectionManager, "default_auth", key)
        auth = ()
    with served(tmp_path, *announcing(hearing.getsockname()[1], *auth)) as server:
        key_file.unlink()  # what was read at the start is enough
        for _ in range(3):
            datagram, _ = hearing.recvfrom(2048)
            found = announcements.read(datagram, AnnouncementCheck(key, time.time(), 60))
            assert (found.port, len(datagram) < 1024) == (server.port, True)
        with socket.create_connection((server.host, server.port), PATIENCE) as sock:
            assert b'"nonce"' in sock.recv(1024)


@pytest.mark.parametrize(
    ("server_id", "age", "gives_way"),
    [("9999", -10, True), ("9999", 10, False), ("0001", -10, False)],
)
def test_it_gives_way_to_another_that_was_there_first(
    tmp_path: Path, server_id: str, age: float, gives_way: bool, log: list[str]
) -> None:
    port = free_port()
    settings = announcing(port, "listen = True", "send = False")

    class Own(Server):
        pass

    server = Own(write_settings(tmp_path / "server.ini", *settings), "0001", host="127.0.0.1")
    server.start()
    other = Announcement("10.0.0.1", 1, server_id, server.start_time + age)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(10 if not gives_way else 1000):
            with contextlib.suppress(ConnectionRefusedError):
                sock.sendto(announcements.encode(other).wire, ("127.0.0.1", port))
            server.wait(0.02)
            if not any(thread.is_alive() for thread in server._threads):
                break
    assert any(thread.is_alive() for thread in server._threads) is not gives_way
    assert any("was there first" in line for line in log) is gives_way
    server.stop()


@pytest.mark.parametrize("security", ["key", "tls", "both"])
def test_client_and_server_in_safety(tmp_path: Path, security: str, log: list[str]) -> None:
    more: list[str] = []
    if security != "tls":
        key_file = tmp_path / "key"
        key_file.write_text(SharedKey.new().hex())
        key_file.chmod(0o600)
        more += ["[AUTH]", "use = True", f"key_file = {key_file}"]
    if security != "key":
        self_signed(tmp_path)
        certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
        more += [
            *("[TLS]", "use = True", f"ca_file = {certificate}"),
            *(f"cert_file = {certificate}", f"key_file = {key}"),
        ]
    request_callback("id")(lambda connection: "one")
    answers: list[Any] = []
    request_callback("twice")(lambda connection, number: 2 * number)
    with served(tmp_path, *quiet_server(*more)) as server:
        with started(QuickClient(client_settings(tmp_path, server, *more))) as client:
            until(lambda: Client.get_by_id("one"))
            client.server_connection.get_response(
                "twice", lambda connection, value: answers.append(value), (21,)
            )
            until(lambda: answers)
            # Somebody without either gets nowhere, and disturbs nobody.
            with socket.create_connection((server.host, server.port), PATIENCE) as sock:
                sock.sendall(MessageManager.create_request("twice", "0001", (1,)))
                sock.settimeout(20)
                with contextlib.suppress(ConnectionResetError):
                    while data := sock.recv(1024):
                        assert b"value" not in data
            assert client.connected
    assert answers == [42]
    assert not [line for line in log if "ERROR" in line]


def test_time_is_the_system_s(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert abs(server.time_now() - time.time()) < 5
        server.config.ntp_use = True
        server.config.ntp_host = "127.0.0.1"
        server.config.ntp_port = free_port()
        with pytest.raises(OSError):
            server.time_now()
