"""The client: its settings, its way to the server and back, and what every client answers."""

from __future__ import annotations

import contextlib
import copy
import gc
import signal
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from threading import Thread, Timer
from typing import Any

import pytest

from moobius.errors import ConfigError, ValidationError
from moobius.messaging import announcements, client_core, loop, settings
from moobius.messaging.announcements import Announcement
from moobius.messaging.auth import SharedKey, sign_announcement
from moobius.messaging.client_core import Client
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.registry import SHARED, message_callback
from moobius.messaging.sockets import get_ip_address
from tests.messaging.test_announcements import O28, O29
from tests.support.messaging import PATIENCE, QuickClient, started, until, write_settings
from tests.support.ports import free_port
from tests.support.pump import Pump


@pytest.fixture(autouse=True)
def built_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register what importing the module registers; look up from waiting often."""
    SHARED.actions.update(client_core.ACTIONS)
    SHARED.requests.update(client_core.REQUESTS)
    monkeypatch.setattr(loop, "LONGEST_WAIT_S", 0.05)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Where a server would be."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen()
        found.settimeout(20)
        yield found


def settings_for(tmp_path: Path, port: int, *more: str) -> Path:
    server = ("id = drone-one", "[SERVER]", f"port = {port}", "host = 127.0.0.1", *more)
    return write_settings(tmp_path / "config/client.ini", *server)


# Settings, and who it is.


def test_before_it_starts(in_folder: Path) -> None:
    client = Client()
    assert Path(client.config_path) == Path("config/client.ini")
    assert (client.connected, client.client_id, client.client_socket) == (False, None, None)
    assert isinstance(client.server_connection, ConnectionManager)
    assert client.config.id is None
    assert client_core.active_client is client
    assert list(in_folder.iterdir()) == []


def test_settings_are_made_in_the_working_directory_and_not_beside_the_package(
    in_folder: Path,
) -> None:
    client = Client()
    client.load_config()
    assert (in_folder / "config/client.ini").is_file()
    assert client.client_id == socket.gethostname()
    assert client.config.server_port == 25000


@pytest.mark.parametrize(
    ("setting", "found"),
    [("/hostname", socket.gethostname()), ("/IP", get_ip_address()), ("Abc", "abc"), ("''", "")],
)
def test_who_it_is(tmp_path: Path, setting: str, found: str) -> None:
    path = write_settings(tmp_path / "client.ini", f"id = {setting}")
    client = Client(path)
    client.load_config()
    assert client.client_id == found
    assert path.read_text() == f"id = {setting}\n"


def test_a_random_id_is_written_back(tmp_path: Path) -> None:
    path = write_settings(tmp_path / "client.ini", "id = /Default")
    client = Client(path)
    client.load_config()
    drawn = client.client_id
    assert drawn is not None
    assert drawn[:6] == "copter"
    assert len(drawn) == 10
    client.load_config()
    assert client.client_id == drawn
    assert f"id = {drawn}" in path.read_text()


def test_settings_that_are_wrong_end_start_with_what_is_wrong(tmp_path: Path) -> None:
    path = write_settings(tmp_path / "client.ini", "[SERVER]", "port = 70000")
    with pytest.raises(ValidationError, match=r"SERVER\.port: .* is too big"):
        Client(path).start()


def test_e33_time_is_the_system_s_or_a_server_s(tmp_path: Path) -> None:
    client = Client(write_settings(tmp_path / "client.ini"))
    client.load_config()
    assert abs(client.time_now() - time.time()) < 5
    client.config.ntp_use = True
    client.config.ntp_host = "127.0.0.1"
    client.config.ntp_port = free_port()
    with pytest.raises(OSError):
        client.time_now()


def test_what_the_settings_say_holds_for_the_connection(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("00" * 32)
    key.chmod(0o600)
    path = settings_for(
        tmp_path, 1, "buffer_size = 7", "[FILES]", "write_dirs = a, b", "max_size = 9",
        "[AUTH]", "use = True", f"key_file = {key}",
    )  # fmt: skip
    client = Client(path)
    client.load_config()
    connection = client.server_connection
    assert connection.buffer_size == 7
    assert connection.files.write_dirs == (Path("a").resolve(), Path("b").resolve())
    assert connection.limits.file_content == connection.files.max_size == 9
    assert connection.auth == SharedKey(bytes(32))


# Connecting.


def test_it_connects_and_serves_until_it_is_stopped(
    tmp_path: Path, listener: socket.socket
) -> None:
    client = QuickClient(settings_for(tmp_path, listener.getsockname()[1]))
    with started(client):
        server, _ = listener.accept()
        until(lambda: client.connected)
        assert client.client_socket is not None
        assert client.client_socket.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert client.client_socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        until(lambda: client.server_connection.addr == listener.getsockname())
    assert not client.connected
    server.settimeout(20)
    assert server.recv(10) == b""
    server.close()


def test_it_can_be_started_again(tmp_path: Path, listener: socket.socket) -> None:
    client = QuickClient(settings_for(tmp_path, listener.getsockname()[1]))
    for _ in range(2):
        with started(client):
            server, _ = listener.accept()
            until(lambda: client.connected)
            server.close()


@pytest.mark.parametrize("ending", ["closed", "garbage", "locally closed"])
def test_e28_however_a_connection_ends_it_is_made_again(
    tmp_path: Path, listener: socket.socket, ending: str
) -> None:
    client = QuickClient(settings_for(tmp_path, listener.getsockname()[1]))
    with started(client):
        for _ in range(3):
            server, _ = listener.accept()
            until(lambda: client.connected)
            if ending == "locally closed":
                client.server_connection.close()
            elif ending == "garbage":
                server.send(b"\0\0")
                server.settimeout(20)
                with contextlib.suppress(ConnectionResetError):
                    assert server.recv(10) == b""
            server.close() if ending == "closed" else None
        server.close()


def test_a_server_that_always_hangs_up_is_not_called_all_the_time(
    tmp_path: Path, listener: socket.socket
) -> None:
    class Patient(QuickClient):
        RETRY_AFTER_S = 60.0

    client = Patient(settings_for(tmp_path, listener.getsockname()[1]))
    with started(client):
        for _ in range(client.ATTEMPTS + 1):
            listener.accept()[0].close()
        listener.settimeout(0.3)
        with pytest.raises(TimeoutError):
            listener.accept()


def test_e35_attempts_that_fail_leave_no_socket_behind(tmp_path: Path) -> None:
    attempts = []

    class Counting(QuickClient):
        def broadcast_bind(self, timeout: float = 2.0, attempt_limit: int = 3) -> None:
            attempts.append(sum(1 for _ in Path("/dev/fd").iterdir()))

    gc.collect()  # what earlier tests left open is not closed meanwhile
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        with started(Counting(settings_for(tmp_path, free_port()))):
            until(lambda: len(attempts) >= 10)
        gc.collect()
    assert max(attempts) == min(attempts)


def test_the_rhythm_of_connecting_is_the_specification_s() -> None:
    assert (Client.CONNECT_WITHIN_S, Client.RETRY_AFTER_S, Client.ATTEMPTS) == (2.0, 2.0, 3)
    assert (Client.LISTEN_S, Client.LISTEN_AGAIN, Client.HANDSHAKE_WITHIN_S) == (4.0, 3, 5.0)


def test_ctrl_c_ends_start_normally(tmp_path: Path, listener: socket.socket) -> None:
    path = settings_for(tmp_path, listener.getsockname()[1])
    program = f"from moobius.messaging import Client; Client({str(path)!r}).start(); print('end')"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        server, _ = listener.accept()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        server.close()
    assert (out, process.returncode) == ("end\n", 0), err


# Announcements.


@pytest.fixture
def udp_port() -> int:
    return free_port()


def searching(tmp_path: Path, udp_port: int, *more: str) -> Path:
    return settings_for(tmp_path, free_port(), "[BROADCAST]", f"port = {udp_port}", *more)


def announced(port: int, key: SharedKey | None = None) -> bytes:
    message = announcements.encode(Announcement("127.0.0.1", port, "0001", 1.5))
    return sign_announcement(key, message, 1000) if key else message.wire


@contextlib.contextmanager
def shouting(udp_port: int, *datagrams: bytes) -> Iterator[None]:
    """Send datagrams again and again, to the loopback's broadcast address."""
    is_over = False

    def shout() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            while not is_over:
                for datagram in datagrams:
                    with contextlib.suppress(ConnectionRefusedError):
                        sock.sendto(datagram, ("127.255.255.255", udp_port))
                time.sleep(0.005)  # not waiting for anything: this is how often it shouts

    thread = Thread(target=shout)
    thread.start()
    try:
        yield
    finally:
        is_over = True
        thread.join()


def test_a_server_is_found_by_its_announcement_among_all_that_is_none(
    tmp_path: Path, listener: socket.socket, udp_port: int
) -> None:
    bound: list[Any] = []

    class Bound(QuickClient):
        def on_broadcast_bind(self) -> None:
            bound.append((self.config.server_host, self.config.server_port, self.connected))
            raise RuntimeError("a hook that fails")

    port = listener.getsockname()[1]
    path = searching(tmp_path, udp_port)
    client = Bound(path)
    with started(client), shouting(udp_port, *O28, *O29, announced(port)):
        server, _ = listener.accept()
        until(lambda: client.connected)
    server.close()
    assert bound == [("127.0.0.1", port, False)]
    assert f"port = {port}" in path.read_text()


def test_e16_e17_hostile_datagrams_change_nothing(tmp_path: Path, udp_port: int) -> None:
    path = searching(tmp_path, udp_port)
    before = path.read_text()
    rounds: list[int] = []

    class Counting(QuickClient):
        def broadcast_bind(self, timeout: float = 2.0, attempt_limit: int = 3) -> None:
            super().broadcast_bind(timeout, attempt_limit)
            rounds.append(1)

    client = Counting(path)
    with started(client), shouting(udp_port, *O28, *O29):
        until(lambda: len(rounds) == 2)
    assert path.read_text() == before
    client.load_config()


def test_persist_false_leaves_the_file(
    tmp_path: Path, listener: socket.socket, udp_port: int
) -> None:
    path = searching(tmp_path, udp_port, "persist = False")
    before = path.read_text()
    client = QuickClient(path)
    with started(client), shouting(udp_port, announced(listener.getsockname()[1])):
        listener.accept()[0].close()
    assert path.read_text() == before


def test_a_file_that_cannot_be_written_is_no_reason_not_to_connect(
    tmp_path: Path, listener: socket.socket, udp_port: int, log: list[str]
) -> None:
    client = QuickClient(searching(tmp_path, udp_port))
    client.load_config()
    client.config.config.filename = str(tmp_path / "gone" / "client.ini")
    with shouting(udp_port, announced(listener.getsockname()[1])):
        client.broadcast_bind(5.0, 3)
    assert client.config.server_port == listener.getsockname()[1]
    assert any("is not saved" in line for line in log)


def test_use_false_does_not_listen(tmp_path: Path, udp_port: int) -> None:
    client = QuickClient(searching(tmp_path, udp_port, "use = False"))
    client.load_config()
    before = client.config.server_port
    with shouting(udp_port, announced(25001)):
        client.broadcast_bind(20.0, 3)
    assert client.config.server_port == before


def test_a_port_that_is_taken_is_said_and_survived(
    tmp_path: Path, udp_port: int, log: list[str]
) -> None:
    client = QuickClient(searching(tmp_path, udp_port))
    client.load_config()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", udp_port))
        client.broadcast_bind()
    assert any(f"cannot listen on UDP port {udp_port}" in line for line in log)


def test_e17_with_a_key_only_signed_announcements_count(tmp_path: Path, udp_port: int) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("01" * 32)
    key_file.chmod(0o600)
    auth = ("[AUTH]", "use = True", f"key_file = {key_file}")
    client = QuickClient(searching(tmp_path, udp_port, *auth))
    client.load_config()
    before = client.config.server_port
    with shouting(udp_port, announced(25001), announced(25002, SharedKey(bytes(32)))):
        client.broadcast_bind(0.1, 1)
    assert client.config.server_port == before
    with shouting(udp_port, announced(25001), announced(25003, SharedKey(b"\1" * 32))):
        client.broadcast_bind(5.0, 3)
    assert client.config.server_port == 25003


def test_stop_ends_the_listening_too(tmp_path: Path, udp_port: int) -> None:
    client = QuickClient(searching(tmp_path, udp_port))
    client.load_config()
    Timer(0.1, client.stop).start()
    began = time.monotonic()
    client.broadcast_bind(30.0, 3)
    assert time.monotonic() - began < 20


# What every client answers.


@pytest.fixture
def asked(pumping: Pump, tmp_path: Path) -> tuple[Client, ConnectionManager]:
    """A client that is connected to us, and our end."""
    client = Client(settings_for(tmp_path, 25000))
    client.load_config()
    ours = ConnectionManager(role="server")
    pumping.join(ours, client.server_connection)
    return client, ours


def ask(
    pumping: Pump, ours: ConnectionManager, name: str, *, within: float = PATIENCE, **kwargs: Any
) -> Any:
    """Return the answer, or the error that came in its place."""
    found: list[Any] = []
    ours.get_response(
        name,
        lambda connection, value: found.append(value),
        request_kwargs=kwargs,
        timeout=within,
        on_error=lambda connection, error: found.append(error),
    )
    while not found:
        pumping.turn()
        ours.expire()
    return found[0]


def test_it_says_who_it_is_and_what_time(
    pumping: Pump, asked: tuple[Client, ConnectionManager]
) -> None:
    assert ask(pumping, asked[1], "id") == "drone-one"
    assert ask(pumping, asked[1], "clover_dir") == "auto"
    assert abs(ask(pumping, asked[1], "time") - time.time()) < 5


def test_e34_it_can_be_renamed(
    pumping: Pump, asked: tuple[Client, ConnectionManager], tmp_path: Path
) -> None:
    assert ask(pumping, asked[1], "id", new_id="Drone-Two") == "drone-two"
    assert asked[0].client_id == "drone-two"
    text = (tmp_path / "config/client.ini").read_text()
    assert text.startswith("id = Drone-Two\n")
    for wrong in ("x" * 64, ["x"]):
        assert isinstance(ask(pumping, asked[1], "id", within=0.3, new_id=wrong), TimeoutError)
    assert ask(pumping, asked[1], "id") == "drone-two"  # so what was wrong has been handled
    assert (tmp_path / "config/client.ini").read_text() == text
    assert asked[0].client_id == "drone-two"


def test_it_tells_its_settings(pumping: Pump, asked: tuple[Client, ConnectionManager]) -> None:
    told = ask(pumping, asked[1], "config")
    assert told["config"]["SERVER"]["port"] == {"__value__": 25000}
    assert list(told) == ["config"]
    told = ask(pumping, asked[1], "config", send_configspec=True)
    assert told["configspec"]["SERVER"]["port"].startswith("integer(")


def test_its_settings_can_be_changed(
    pumping: Pump, asked: tuple[Client, ConnectionManager], tmp_path: Path
) -> None:
    client, ours = asked
    ours.send_message("config", kwargs={"config": {"SERVER": {"buffer_size": 2048}}})
    pumping.until(lambda: client.server_connection.buffer_size == 2048)
    assert client.client_id == "drone-one", "what is not named stays"
    ours.send_message("config", kwargs={"config": {"id": "new"}, "mode": "rewrite"})
    pumping.until(lambda: client.client_id == "new")
    assert client.config.server_buffer_size == 1024, "what is not named is the default again"
    again = copy.deepcopy(client.config)
    again.load_config_and_spec(tmp_path / "config/client.ini")
    assert again.config == client.config.config


def test_settings_come_back_as_they_were_told(
    pumping: Pump, asked: tuple[Client, ConnectionManager]
) -> None:
    client, ours = asked
    told = ask(pumping, ours, "config")["config"]
    told["SERVER"]["port"]["__value__"] = 26000
    ours.send_message("config", kwargs={"config": told, "mode": "rewrite"})
    pumping.until(lambda: client.config.server_port == 26000)
    assert client.client_id == "drone-one"


@pytest.mark.parametrize(
    "kwargs",
    [
        {"config": {"SERVER": {"port": 0}}},
        {"config": {"SERVER": {"host": "host.example"}}},
        {"config": {}, "mode": "destroy"},
        {"config": 5},
        {"config": None},
        {},
    ],
)
def test_e34_wrong_settings_change_nothing(
    pumping: Pump, asked: tuple[Client, ConnectionManager], tmp_path: Path, kwargs: dict[str, Any]
) -> None:
    before = (tmp_path / "config/client.ini").read_text()
    asked[1].send_message("config", kwargs=kwargs)
    assert ask(pumping, asked[1], "id") == "drone-one"
    assert (tmp_path / "config/client.ini").read_text() == before
    assert asked[0].config.server_port == 25000


@pytest.mark.parametrize("mode", ["modify", "rewrite"])
def test_a_peer_does_not_say_who_may_speak_nor_where_files_may_go(
    pumping: Pump, asked: tuple[Client, ConnectionManager], mode: str
) -> None:
    client, ours = asked
    client.config.set("FILES", "write_dirs", ["here"], write=True)
    wide = {
        "id": "changed",
        "clover_dir": "/",
        "FILES": {"write_dirs": ["/"]},
        "AUTH": {"use": True},
        "TLS": {"use": True},
        # Other settings, which would be attributes of the same names.
        "files": {"write_dirs": ["/"], "read_dirs": ["/"]},
        "FILES WRITE": {"dirs": ["/"]},
        "auth": {"use": ""},
        "tls": {"use": True},
    }
    policy = settings.file_policy(client.config)
    ours.send_message("config", kwargs={"config": wide, "mode": mode})
    pumping.until(lambda: client.client_id == "changed")
    assert client.config.files_write_dirs == ["here"]
    assert (client.config.clover_dir, client.config.auth_use) == ("auto", False)
    assert client.config.tls_use is False
    assert settings.file_policy(client.config) == policy
    assert settings.own_key(client.config, ConnectionManager) is None
    assert settings.client_tls(client.config) is None


@pytest.mark.parametrize("key", ["write_dirs", "read_dirs"])
def test_a_setting_of_a_similar_name_does_not_shadow_one_that_counts(
    tmp_path: Path, key: str
) -> None:
    path = write_settings(
        tmp_path / "client.ini", "[files]", f"{key} = /,", "[FILES]", f"{key} = in,"
    )
    client = Client(path)
    client.load_config()
    assert getattr(client.config, f"files_{key}") == ["in"]


def test_requests_run_out_of_time_while_the_server_is_away(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        path = write_settings(
            tmp_path / "client.ini", "[SERVER]", "host = 127.0.0.1", f"port = {port}",
            "[BROADCAST]", "use = False",
        )  # fmt: skip
        client = QuickClient(path)
        client.RETRY_AFTER_S = 3600.0
        errors: list[Exception] = []
        client.server_connection.get_response(
            "time", None, timeout=0.1, on_error=lambda connection, error: errors.append(error)
        )
        with started(client):
            until(lambda: errors)
    assert isinstance(errors[0], TimeoutError)


def test_nobody_may_ask_for_a_buffer_that_no_memory_holds(
    pumping: Pump, asked: tuple[Client, ConnectionManager]
) -> None:
    client, ours = asked
    ours.send_message("config", kwargs={"config": {"SERVER": {"buffer_size": 10**15}}})
    assert ask(pumping, ours, "id") == "drone-one"
    assert client.server_connection.buffer_size == 1024


def test_a_program_s_own_callbacks_stay_whoever_is_imported_first() -> None:
    program = (
        "from moobius import messaging\n"
        "@messaging.request_callback('time')\n"
        "def mine(client): ...\n"
        "messaging.Client\n"
        "registry = messaging.ConnectionManager.requests_callbacks\n"
        "print(registry['time'] is mine, sorted(registry))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=30
    )
    assert ran.stdout == "True ['clover_dir', 'config', 'id', 'time']\n"


def test_without_a_client_the_callbacks_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_core, "active_client", None)
    with pytest.raises(ConfigError, match="no client"):
        client_core.REQUESTS["id"](ConnectionManager())


def test_it_may_be_inherited(tmp_path: Path, listener: socket.socket) -> None:
    class Drone(QuickClient):
        def __init__(self, path: Path) -> None:
            super().__init__(path)
            self.landed = 0

    drone = Drone(settings_for(tmp_path, listener.getsockname()[1]))

    @message_callback("land")
    def land(connection: ConnectionManager) -> None:
        assert connection is drone.server_connection
        drone.landed += 1

    with started(drone):
        server, _ = listener.accept()
        from moobius.messaging.message_manager import MessageManager

        server.send(MessageManager.create_action_message("land"))
        until(lambda: drone.landed)
    server.close()
