"""Ports that nobody else takes by chance, also not between two servers."""

from __future__ import annotations

import contextlib
import os
import random
import socket

_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
# Below what systems give to who asks for any port.
_own_ports = list(range(10_000 + _WORKER % _WORKERS, 20_000, _WORKERS))


def free_port() -> int:
    """Return a port, TCP and UDP, at which nobody is, with the one 10,000 above (Redis clusters).

    No system gives it away, nor does this function another time. Tests that run at the same time
    have ports of their own.
    """
    while True:
        port = random.choice(_own_ports)
        _own_ports.remove(port)
        with contextlib.ExitStack() as probes, contextlib.suppress(OSError):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for number in (port, port + 10_000):
                    probe = probes.enter_context(socket.socket(socket.AF_INET, kind))
                    probe.bind(("", number))
            return port
