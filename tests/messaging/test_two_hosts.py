"""A client finds its server by broadcast: on one host, and between two where there can be two."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.hosts import can_make_hosts, two_hosts
from tests.support.messaging import write_settings
from tests.support.ports import free_port

SERVER = """\
import sys
from moobius.messaging.server import Client, Server

def first(client):
    print("first", client.copter_id, client.addr[0], flush=True)
    client.get_response("id", lambda client, value: print("end", flush=True))

Client.on_first_connect = first
server = Server("server.ini", host=sys.argv[1] or None)
server.start()
print("listens on", server.host, flush=True)
server.wait()
"""

CLIENT = """\
from moobius.messaging import Client

class Drone(Client):
    RETRY_AFTER_S = 0.02

    def on_broadcast_bind(self):
        print("bound to", self.config.server_host, flush=True)

Drone("client.ini").start()
"""


@contextlib.contextmanager
def running(folder: Path, program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*words[:-1], sys.executable, "-c", program, words[-1]],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_client_finds_its_server(tmp_path: Path) -> None:
    find(tmp_path, "one host")


def test_a_client_finds_its_server_on_another_host(tmp_path: Path) -> None:
    if not can_make_hosts():
        pytest.skip("this machine lets us make no network namespaces")
    find(tmp_path, "two hosts")


def find(tmp_path: Path, network: str) -> None:
    with contextlib.ExitStack() as stack:
        if network == "two hosts":
            here, there = stack.enter_context(two_hosts())
            bind, address, origin, send_ip = "", "10.77.0.1", "10.77.0.2", "255.255.255.255"
        else:
            here, there = [], []
            bind = address = origin = "127.0.0.1"
            send_ip = "127.255.255.255"
        broadcast = ("[BROADCAST]", f"port = {free_port()}")
        write_settings(
            tmp_path / "server.ini",
            *("[SERVER]", "port = 0", *broadcast, "delay = 0.05", f"send_ip = {send_ip}"),
        )
        write_settings(
            tmp_path / "client.ini",
            *("id = drone-one", "[SERVER]", "host = 127.0.0.1", "port = 1", *broadcast),
        )
        server = stack.enter_context(running(tmp_path, SERVER, *here, bind))
        assert server.stdout is not None
        assert server.stdout.readline() == f"listens on {address}\n"
        client = stack.enter_context(running(tmp_path, CLIENT, *there, ""))
        assert client.stdout is not None
        assert client.stdout.readline() == f"bound to {address}\n"
        assert server.stdout.readline() == f"first drone-one {origin}\n"
        assert server.stdout.readline() == "end\n"
    assert f"host = {address}" in (tmp_path / "client.ini").read_text()
