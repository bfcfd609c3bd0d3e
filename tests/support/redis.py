"""Real Redis servers of the test's own: one, a cluster of one node, or one known to a sentinel."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.support.patience import wait_until
from tests.support.ports import free_port

PATIENCE = 20.0  # seconds
NOTHING_ON_DISK = ("--save", "", "--appendonly", "no")


class RedisServer:
    """A `redis-server` process on a port of its own, and on a Unix socket.

    Attributes:
        port: Stays the same when the server is started again.
        socket: The path of the Unix socket.
        settings: What the engine needs to find it.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.options = options
        self.port = free_port()
        self.socket = folder / "redis.sock"
        self.settings: dict[str, Any] = {"host": "127.0.0.1", "port": self.port}
        self._process: subprocess.Popen[bytes] | None = None

    def client(self, **options: Any) -> Any:
        """Return a client that knows nothing of ours; the caller closes it."""
        at_once = Retry(NoBackoff(), 0)
        return redis.Redis(unix_socket_path=str(self.socket), retry=at_once, **options)

    def start(self) -> None:
        """Start the process, and wait until it answers, whatever it answers."""
        places = ["--port", str(self.port), "--unixsocket", str(self.socket)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", *self.options, "--dir", str(self.folder), *places],
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(self._answers, self._log)
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End the process as `kill -9` does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None
            self.socket.unlink(missing_ok=True)

    def pause(self) -> None:
        """Let it hang: connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self._log()
        with contextlib.closing(self.client()) as client:
            try:
                return bool(client.ping())
            except redis.AuthenticationError:
                return True
            except redis.ConnectionError:
                return False

    def _log(self) -> str:
        return (self.folder / "log").read_text("utf-8")[-2000:]


@contextmanager
def redis_server(*options: str) -> Iterator[RedisServer]:
    """Run a server, which keeps nothing on disk unless the options say so."""
    # Not the test's own folder: the path of a Unix socket must be short.
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        server = RedisServer(Path(folder), *NOTHING_ON_DISK, *options)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def redis_cluster() -> Iterator[RedisServer]:
    """Run a cluster of one node, which has all slots."""
    with redis_server("--cluster-enabled", "yes") as server:
        with contextlib.closing(server.client()) as client:
            client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: _serves(client))
        yield server


@contextmanager
def redis_sentinel(master: RedisServer, name: str) -> Iterator[RedisServer]:
    """Run a sentinel that knows a server as the master called `name`."""
    with tempfile.TemporaryDirectory(prefix="sentinel") as folder:
        configuration = Path(folder) / "sentinel.conf"
        configuration.write_text(f"sentinel monitor {name} 127.0.0.1 {master.port} 1\n", "utf-8")
        sentinel = RedisServer(Path(folder), str(configuration), "--sentinel")
        sentinel.start()
        try:
            yield sentinel
        finally:
            sentinel.kill()


def _serves(cluster: Any) -> bool:
    try:
        cluster.delete("probe")
    except redis.ResponseError:
        return False
    return True


@contextmanager
def refusing_port() -> Iterator[int]:
    """Hold a port at which nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]
