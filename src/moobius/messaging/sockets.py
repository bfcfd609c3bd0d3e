"""Small questions to the system's sockets (specification 2.1)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Mapping

from loguru import logger

SOMEWHERE = ("8.8.8.8", 80)
"""An address of the internet; asking which way leads there sends nothing."""

DARWIN_TCP_KEEPALIVE = 0x10


def get_ip_address() -> str:
    """Return this computer's address towards the internet, or `localhost` if there is no way."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(SOMEWHERE)
        except OSError as error:
            logger.warning("No network ({}); this computer is `localhost`", error)
            return "localhost"
        return str(sock.getsockname()[0])


def address_text(address: object) -> str:
    """Return what a log calls the peer at an address, as sockets give it."""
    if isinstance(address, tuple) and len(address) >= 2:
        return f"{address[0]}:{address[1]}"
    return str(address) if address else "peer"


def set_keepalive(
    sock: socket.socket, after_idle_sec: int = 1, interval_sec: int = 3, max_fails: int = 5
) -> None:
    """Let the system notice when the peer of a silent connection is gone.

    Args:
        sock: The socket; of a listening one, accepted sockets inherit it (on Linux).
        after_idle_sec: Seconds of silence before the first question. Not on macOS.
        interval_sec: Seconds from one question to the next.
        max_fails: Unanswered questions that end the connection. On Linux only.

    Raises:
        NotImplementedError: On a system other than Linux, Windows and macOS.
    """
    for system, set_options in KEEPALIVE.items():
        if sys.platform.startswith(system):
            set_options(sock, after_idle_sec, interval_sec, max_fails)
            return
    raise NotImplementedError(f"nobody knows how to set keep-alive on {sys.platform}")


def _on_linux(sock: socket.socket, idle: int, interval: int, fails: int) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, fails)


def _on_windows(sock: socket.socket, idle: int, interval: int, _fails: int) -> None:
    # Both names exist on Windows alone, where a type checker on another system cannot see them.
    sock.ioctl(  # type: ignore[attr-defined,unused-ignore]
        socket.SIO_KEEPALIVE_VALS,  # type: ignore[attr-defined,unused-ignore]
        (1, idle * 1000, interval * 1000),
    )


def _on_macos(sock: socket.socket, _idle: int, interval: int, _fails: int) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, DARWIN_TCP_KEEPALIVE, interval)


KEEPALIVE: Mapping[str, Callable[[socket.socket, int, int, int], None]] = {
    "linux": _on_linux,
    "win32": _on_windows,
    "darwin": _on_macos,
}
