"""The time server's answer: read, refused, and not waited for longer than said."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from moobius.messaging import ntp
from tests.support.ports import free_port


def answer(seconds: int, fraction: int = 0, mode: int = 4) -> bytes:
    return struct.pack("!B39xII", 0x18 | mode, seconds, fraction)


@contextmanager
def time_server(reply: Callable[[bytes], bytes | None]) -> Iterator[int]:
    """Answer every query; yield the port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(0.05)
    is_over = False

    def serve() -> None:
        while not is_over:
            try:
                query, address = sock.recvfrom(1024)
            except TimeoutError:
                continue
            said = reply(query)
            if said is not None:
                sock.sendto(said, address)

    thread = Thread(target=serve)
    thread.start()
    try:
        yield sock.getsockname()[1]
    finally:
        is_over = True
        thread.join()
        sock.close()


def test_e33_the_query_is_bytes_and_the_answer_is_seconds_since_1970() -> None:
    queries = []

    def reply(query: bytes) -> bytes:
        queries.append(query)
        return answer(2208988800 + 1_700_000_000, 1 << 31)

    with time_server(reply) as port:
        assert ntp.get_ntp_time("127.0.0.1", port) == 1_700_000_000.5
    assert queries == [b"\x1b" + bytes(47)]


def test_e30_a_lost_datagram_is_not_waited_for_forever() -> None:
    with time_server(lambda query: None) as port:
        began = time.monotonic()
        with pytest.raises(TimeoutError, match=rf"127\.0\.0\.1:{port} did not answer within 0.2 s"):
            ntp.get_ntp_time("127.0.0.1", port, timeout=0.2)
        assert time.monotonic() - began < 10


def test_nobody_there_is_an_os_error() -> None:
    with pytest.raises(OSError):
        ntp.get_ntp_time("127.0.0.1", free_port(), timeout=0.2)


def test_an_answer_from_another_address_is_not_heard() -> None:
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.bind(("127.0.0.1", 0))
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.1", 0))
    asked.settimeout(10)
    heard: list[object] = []

    def ask() -> None:
        try:
            heard.append(ntp.get_ntp_time("127.0.0.1", asked.getsockname()[1], timeout=10))
        except OSError as error:
            heard.append(error)

    with stranger, asked:
        thread = Thread(target=ask)
        thread.start()
        _, address = asked.recvfrom(1024)
        stranger.sendto(answer(2208988800 + 1), address)
        asked.sendto(answer(2208988800 + 2), address)
        thread.join()
    assert heard == [2.0]


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "has 48 bytes or more; this one has 0"),
        (answer(2208988801)[:47], "this one has 47"),
        (answer(2208988801, mode=3), "has mode 4; this one has 3"),
        (answer(0), "does not know the time"),
    ],
)
def test_what_is_no_answer_is_refused(datagram: bytes, reason: str) -> None:
    with pytest.raises(OSError, match=reason):
        ntp.read_answer(datagram)
