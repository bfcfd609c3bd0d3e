"""The local address, and keep-alive."""

from __future__ import annotations

import socket
import sys

import pytest

from moobius.messaging import sockets
from moobius.messaging.sockets import address_text, get_ip_address, set_keepalive


def test_the_address_is_one_of_this_computer() -> None:
    address = get_ip_address()
    with socket.socket() as sock:
        sock.bind((address, 0))  # only an own address can be bound


def test_without_a_way_out_it_is_localhost(monkeypatch: pytest.MonkeyPatch, log: list[str]) -> None:
    # A plain socket has no way to the broadcast address, on any system: as good as no network.
    monkeypatch.setattr(sockets, "SOMEWHERE", ("255.255.255.255", 80))
    assert get_ip_address() == "localhost"
    assert any(line.startswith("WARNING No network") for line in log)


def test_keepalive_is_on_and_as_told() -> None:
    with socket.socket() as sock:
        set_keepalive(sock, after_idle_sec=7, interval_sec=11, max_fails=13)
        if sys.platform.startswith("linux"):
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            assert [sock.getsockopt(socket.IPPROTO_TCP, name) for name in names] == [7, 11, 13]


def test_the_defaults_are_one_second_three_seconds_and_five_times() -> None:
    assert set_keepalive.__defaults__ == (1, 3, 5)


def test_a_system_that_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "plan9")
    with socket.socket() as sock, pytest.raises(NotImplementedError, match="plan9"):
        set_keepalive(sock)


def test_an_address_reads_as_people_write_it() -> None:
    assert address_text(("127.0.0.1", 80)) == "127.0.0.1:80"
    assert address_text(("::1", 80, 0, 0)) == "::1:80"
    assert address_text("/run/socket") == "/run/socket"
    assert address_text("") == address_text(None) == "peer"
