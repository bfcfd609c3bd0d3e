"""The program of a person who has only seed 004 in hand, as written, in processes of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support.messaging import write_settings

# The decorated functions are the seed's, letter by letter.
CLIENT = """\
import time

import moobius.messaging as messaging
from moobius.messaging import client_core


@messaging.message_callback("test_command")
def test_command(client, *args, **kwargs):
    print(client, args, kwargs)


@messaging.request_callback("time")
def test_respose(client, *args, **kwargs):
    return time.time()


class Drone(client_core.Client):
    def on_broadcast_bind(self):
        print("bound")


client = Drone(config_path="config/client.ini")
client.start()
print("started and stopped", client.client_id, client.connected)
"""

SERVER = """\
import selectors
import socket
import time

from moobius import messaging

selector = selectors.DefaultSelector()
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
sock, address = listener.accept()
messaging.set_keepalive(sock, after_idle_sec=1, interval_sec=3, max_fails=5)
sock.setblocking(False)

connection = messaging.ConnectionManager("computer")
selector.register(sock, selectors.EVENT_READ, data=connection)
connection.connect(selector, sock, address)
answers = []


def callback(client, value, *args, **kwargs):
    print(value if args == ("id",) else type(value).__name__, args, kwargs, flush=True)
    answers.append(value)


connection.send_message("test_command", (1, "two"), {"three": 3})
connection.get_response("time", callback, callback_args=("time",), callback_kwargs={"k": 1})
connection.get_response("id", callback, callback_args=("id",))
with open("sent.txt", "w") as file:
    file.write("content")
connection.send_file("sent.txt", "received.txt")
connection.get_file("received.txt", "fetched.txt", callback, callback_args=("file",))
while len(answers) < 3:
    for key, mask in selector.select(timeout=1):
        key.data.process_events(mask)
print(open("fetched.txt").read())
connection.close()
while connection.socket:
    for key, mask in selector.select(timeout=1):
        key.data.process_events(mask)
"""


@contextlib.contextmanager
def running(folder: Path, program: str) -> Iterator[subprocess.Popen[str]]:
    folder.mkdir(exist_ok=True)
    (folder / "main.py").write_text(program)
    with subprocess.Popen(
        [sys.executable, "-u", "main.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_runs_as_written(tmp_path: Path) -> None:
    with running(tmp_path / "server", SERVER) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        settings = ("id = drone-one", "[SERVER]", "host = 127.0.0.1", f"port = {port}")
        write_settings(tmp_path / "client/config/client.ini", *settings)
        with running(tmp_path / "client", CLIENT) as client:
            assert client.stdout is not None
            heard = client.stdout.readline()
            out, err = server.communicate(timeout=50)
            assert client.poll() is None, "it tries to come back to the server, for ever"
    assert server.returncode == 0, err
    assert heard == (f"<ConnectionManager 127.0.0.1:{port}> (1, 'two') {{'three': 3}}\n")
    assert out.splitlines() == [
        "float ('time',) {'k': 1}",
        "drone-one ('id',) {}",
        "bool ('file',) {'filepath': 'fetched.txt'}",
        "content",
    ]
    assert (tmp_path / "client/received.txt").read_text() == "content"


def test_without_any_settings_it_makes_them_and_looks_for_a_server(tmp_path: Path) -> None:
    with running(tmp_path / "client", CLIENT) as client:
        assert client.stderr is not None
        while "Wrote the default settings" not in client.stderr.readline():
            assert client.poll() is None
    assert "host = 192.168.1.101" in (tmp_path / "client/config/client.ini").read_text()
