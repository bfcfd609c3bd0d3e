"""What time a time server says it is (specification 2.6, NTP)."""

from __future__ import annotations

import socket
import struct
import time

QUERY = bytes([0x1B]) + bytes(47)
"""Version 3, mode 3 (client), everything else zero."""

SERVER_MODE = 4
UNIX_EPOCH = 2208988800
"""Seconds from 1900, where NTP begins, to 1970."""

TIMEOUT_S = 2.0


def get_ntp_time(ntp_host: str, ntp_port: int, *, timeout: float = TIMEOUT_S) -> float:
    """Ask a time server.

    Args:
        ntp_host: Its name or address.
        ntp_port: Its UDP port, usually 123.
        timeout: How many seconds to wait for the answer.

    Returns:
        Seconds since 1970.

    Raises:
        OSError: If there is no answer in time, or it is not one.
    """
    address = socket.getaddrinfo(ntp_host, ntp_port, socket.AF_INET, socket.SOCK_DGRAM)[0][4]
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        # Connected, it hears this address only.
        sock.connect(address)
        sock.send(QUERY)
        sock.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            return read_answer(sock.recv(1024))
        except TimeoutError:
            raise TimeoutError(
                f"the time server {ntp_host}:{ntp_port} did not answer within {timeout} s"
            ) from None


def read_answer(answer: bytes) -> float:
    """Return the time of transmission in an answer, in seconds since 1970.

    Raises:
        OSError: If it is too short, not from a server, or without a time.
    """
    if len(answer) < len(QUERY):
        raise OSError(f"a time server's answer has 48 bytes or more; this one has {len(answer)}")
    if (mode := answer[0] & 7) != SERVER_MODE:
        raise OSError(f"a time server's answer has mode {SERVER_MODE}; this one has {mode}")
    seconds, fraction = struct.unpack_from("!II", answer, 40)
    if not seconds and not fraction:
        raise OSError("the time server does not know the time")
    return float(seconds - UNIX_EPOCH + fraction / 2**32)
