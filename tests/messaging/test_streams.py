"""Sockets that never wait, in TLS too: handshakes, both kinds of waiting, and ends of streams."""

from __future__ import annotations

import selectors
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.registry import message_callback, request_callback
from moobius.messaging.streams import READ, WRITE, PlainStream, TlsStream, stream_of
from moobius.messaging.tls import tls_for_client, tls_for_server
from tests.support.pump import Pump, tcp_pair
from tests.support.tls import self_signed


@pytest.fixture
def contexts(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A client's context and a server's; each presents a certificate and checks the other's."""
    self_signed(tmp_path)
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    return (
        tls_for_client(certificate, certificate, key),
        tls_for_server(certificate, key, certificate),
    )


@pytest.fixture
def tls_pair(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> Iterator[tuple[ssl.SSLSocket, ssl.SSLSocket]]:
    """Two ends inside TLS that have not shaken hands yet."""
    here, there = tcp_pair()
    client = contexts[0].wrap_socket(
        here, server_hostname="localhost", do_handshake_on_connect=False
    )
    server = contexts[1].wrap_socket(there, server_side=True, do_handshake_on_connect=False)
    yield client, server
    client.close()
    server.close()


@pytest.mark.parametrize("slice_size", [7, 1024, 65536])
def test_everything_works_inside_tls(
    pumping: Pump,
    in_folder: Path,
    tls_pair: tuple[ssl.SSLSocket, ssl.SSLSocket],
    slice_size: int,
) -> None:
    here, there = ConnectionManager(), ConnectionManager()
    for connection, sock in zip((here, there), tls_pair, strict=True):
        connection.buffer_size = slice_size
        pumping.adopt(connection, sock)
    said: list[Any] = []
    message_callback("say")(lambda connection, *args: said.append(args))
    request_callback("ask")(lambda connection: "answer" * 1000)
    (in_folder / "source").write_bytes(bytes(range(256)) * 400)
    here.send_message("say", ("x" * 30_000,))
    there.get_response("ask", lambda connection, value: said.append(value))
    there.get_file("source", "got", lambda connection, value, filepath: said.append(filepath))
    here.send_file("source", "put")
    here.send_message("say", ("last",))
    pumping.until(lambda: len(said) == 4, lambda: said)
    assert (in_folder / "put").read_bytes() == (in_folder / "source").read_bytes()
    assert (in_folder / "got").read_bytes() == (in_folder / "source").read_bytes()
    assert not pumping.errors


def test_bytes_that_tls_has_decrypted_already_are_not_left_lying(
    pumping: Pump, tls_pair: tuple[ssl.SSLSocket, ssl.SSLSocket]
) -> None:
    # One record of 16 KiB holds all of these; the selector knows of it once.
    here, there = ConnectionManager(), ConnectionManager()
    here.buffer_size, there.buffer_size = 16384, 100
    for connection, sock in zip((here, there), tls_pair, strict=True):
        pumping.adopt(connection, sock)
    said: list[str] = []
    message_callback("say")(lambda connection, text: said.append(text))
    here.send_message("say", ("x" * 10_000,))
    pumping.until(lambda: said)
    here.send_message("say", ("y" * 10_000,))
    here.write()
    (key, mask), *_ = pumping.selector.select(20)
    assert key.data is there
    there.process_events(mask)
    assert len(said) == 2


def test_a_plain_peer_fails_at_the_handshake(
    pumping: Pump, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    here, there = tcp_pair()
    server = contexts[1].wrap_socket(there, server_side=True, do_handshake_on_connect=False)
    plain, secure = ConnectionManager(), ConnectionManager()
    pumping.adopt(plain, here)
    pumping.adopt(secure, server)
    plain.send_message("say")
    pumping.until(lambda: plain.socket is None and secure.socket is None)
    assert isinstance(pumping.errors[0], OSError)


def test_a_peer_without_a_certificate_is_refused(
    pumping: Pump, contexts: tuple[ssl.SSLContext, ssl.SSLContext], tmp_path: Path
) -> None:
    heard: list[Any] = []
    message_callback("say")(heard.append)
    here, there = tcp_pair()
    nobody = tls_for_client(tmp_path / "certificate.pem")
    client, server = ConnectionManager(), ConnectionManager()
    sock = nobody.wrap_socket(here, server_hostname="localhost", do_handshake_on_connect=False)
    pumping.adopt(client, sock)
    pumping.adopt(
        server,
        contexts[1].wrap_socket(there, server_side=True, do_handshake_on_connect=False),
    )
    client.send_message("say")
    pumping.until(lambda: server.socket is None)
    assert heard == []


def test_an_end_without_a_tls_close_is_a_lost_connection(
    pumping: Pump, tls_pair: tuple[ssl.SSLSocket, ssl.SSLSocket]
) -> None:
    here, there = ConnectionManager(), ConnectionManager()
    for connection, sock in zip((here, there), tls_pair, strict=True):
        pumping.adopt(connection, sock)
    said: list[int] = []
    message_callback("say")(lambda connection: said.append(1))
    here.send_message("say")
    pumping.until(lambda: said)
    here._close()
    pumping.until(lambda: there.socket is None)
    assert len(pumping.errors) == 1


def test_waiting_is_not_an_error() -> None:
    here, there = tcp_pair()
    stream = stream_of(here)
    assert isinstance(stream, PlainStream)
    assert stream.receive(10) is None
    there.send(b"abc")
    with selectors.DefaultSelector() as selector:
        selector.register(here, READ)
        selector.select(20)
    assert stream.receive(2) == b"ab"
    taken = total = 1
    while taken:
        taken = stream.send(memoryview(bytes(1 << 20)))
        total += taken
    assert total > 1
    there.close()
    here.close()


class Scripted:
    """A TLS socket at the moments of its life that a loopback does not show at will."""

    def __init__(self, *errors: type[Exception]) -> None:
        self._errors = list(errors)

    def _next(self) -> None:
        if self._errors:
            raise self._errors.pop(0)

    def recv(self, size: int) -> bytes:
        self._next()
        return b"x" * size

    def send(self, data: memoryview) -> int:
        self._next()
        return len(data)


def test_sending_that_waits_for_the_peer_does_not_spin_on_room() -> None:
    stream = TlsStream(Scripted(ssl.SSLWantReadError))  # type: ignore[arg-type]
    assert stream.interest(has_data=True) == READ | WRITE
    assert stream.send(memoryview(b"abc")) == 0
    assert stream.interest(has_data=True) == READ
    assert stream.heard(READ) == READ | WRITE
    assert stream.send(memoryview(b"abc")) == 3
    assert stream.interest(has_data=False) == READ


def test_receiving_that_waits_for_room_asks_for_it() -> None:
    stream = TlsStream(Scripted(ssl.SSLWantWriteError))  # type: ignore[arg-type]
    assert stream.receive(3) is None
    assert stream.interest(has_data=False) == READ | WRITE
    assert stream.heard(WRITE) == READ | WRITE
    assert stream.receive(3) == b"xxx"
    assert stream.interest(has_data=False) == READ


@pytest.mark.parametrize("error", [ssl.SSLWantReadError, ssl.SSLWantWriteError])
def test_tls_forms_of_would_block_are_no_broken_connection(error: type[Exception]) -> None:
    assert TlsStream(Scripted(error)).receive(1) is None  # type: ignore[arg-type]
    assert TlsStream(Scripted(error)).send(memoryview(b"x")) == 0  # type: ignore[arg-type]


def test_which_face_a_socket_gets(tls_pair: tuple[ssl.SSLSocket, ssl.SSLSocket]) -> None:
    assert isinstance(stream_of(tls_pair[0]), TlsStream)
    with socket.socket() as plain:
        assert isinstance(stream_of(plain), PlainStream)
