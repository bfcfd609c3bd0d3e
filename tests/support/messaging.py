"""Clients and servers of `moobius.messaging` on this machine, running beside the test."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from moobius.messaging.client_core import Client
from moobius.messaging.server import Server

PATIENCE = 20.0


class QuickClient(Client):
    """A client that does not take its time; otherwise as it is."""

    RETRY_AFTER_S = 0.02
    LISTEN_S = 0.1
    LISTEN_AGAIN = 1


def write_settings(path: Path, *lines: str) -> Path:
    """Write a settings file; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


@contextmanager
def started(client: Client) -> Iterator[Client]:
    """Run a client's `start` on a thread, until the end of the block."""
    problems: list[BaseException] = []

    def run() -> None:
        try:
            client.start()
        except BaseException as error:
            problems.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield client
    finally:
        client.stop()
        thread.join(PATIENCE)
    assert not thread.is_alive(), "stop did not end it"
    assert not problems, problems


@contextmanager
def served(folder: Path, *settings: str) -> Iterator[Server]:
    """Run a server on a free port of the loopback, until the end of the block."""

    class OwnServer(Server):
        """One per process is one per subclass: this is the test's."""

    path = write_settings(folder / "server.ini", *(settings or quiet_server()))
    server = OwnServer(path, host="127.0.0.1")
    server.start()
    try:
        yield server
    finally:
        server.stop()


def quiet_server(*more: str, port: int = 0) -> tuple[str, ...]:
    """Return the settings of a server that does not announce itself."""
    return ("[SERVER]", f"port = {port}", "[BROADCAST]", "send = False", *more)


def until(
    is_so: Callable[[], Any],
    explain: Callable[[], object] = lambda: "it did not happen",
    timeout: float = PATIENCE,
) -> None:
    """Wait for what other threads do; fail with the explanation when it takes too long."""
    deadline = time.monotonic() + timeout
    while not is_so():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.005)
