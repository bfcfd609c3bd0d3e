"""Datagrams: the announcement itself, byte for byte, and everything else that a network holds."""

from __future__ import annotations

import itertools
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius.errors import NotAuthentic, ProtocolError
from moobius.messaging.announcements import Announcement, encode, hear, listening_socket, read
from moobius.messaging.auth import AnnouncementCheck, SharedKey, sign_announcement
from moobius.messaging.messages import encode_action, encode_json, encode_response

ONE = Announcement("192.168.1.101", 25000, "0001", 1581342970.889573)
KEY = SharedKey(bytes(range(32)))


def with_values(**changes: Any) -> bytes:
    values = {"host": "10.0.0.1", "port": "25000", "id": "0001", "start_time": "1.5", **changes}
    return encode_action("server_ip", (), {k: v for k, v in values.items() if v != "-"}).wire


def test_the_bytes_are_those_of_the_specification() -> None:
    assert (
        encode(ONE)
        .wire.hex()
        .endswith(
            "7b2261726773223a205b5d2c20226b7761726773223a207b22686f7374223a20223139322e3136382e312e313031"
            "222c2022706f7274223a20223235303030222c20226964223a202230303031222c202273746172745f74696d6522"
            "3a2022313538313334323937302e383839353733227d7d"
        )
    )
    assert len(encode(ONE).wire) == 266
    assert read(encode(ONE).wire) == ONE


# The datagrams of observation O28, which ended the original, and those of O29, which it saved.
O28 = [
    b"\x00\x05hello",
    encode_json({"args": [], "kwargs": {}}, "message", None).wire,
    encode_response("server_ip", "0001", 1).wire,
    with_values(port="abc"),
    encode_json({"args": []}, "message", {"action": "server_ip"}).wire,
    b"\x00",
    with_values(id="x" * 1000),
    encode_action("other", (), {"host": "10.0.0.1", "port": "25000"}).wire,
]
O29 = [with_values(port="99999999"), with_values(host="host.example")]


@pytest.mark.parametrize(
    "datagram",
    [
        *(datagram[:1024] for datagram in (*O28, *O29)),
        b"",
        encode(ONE).wire[:-1],
        encode(ONE).wire + b"x",
        encode(ONE).wire * 2,
        *(with_values(port=port) for port in (0, 65536, -1, True, 1.5, None, "-", "0", "+5", "٣")),
        *(
            with_values(host=host)
            for host in (None, "-", 1, "", "0.0.0.0", "255.255.255.255", "224.0.0.1", "10.1", "::1")
        ),
        encode_json({"args": [], "kwargs": []}, "message", {"action": "server_ip"}).wire,
        encode_json([[[[]]]], "message", {"action": "server_ip"}).wire,
    ],
)
def test_e16_whatever_is_no_announcement_is_refused(datagram: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(datagram)


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_e16_garbage_is_refused_and_nothing_worse(garbage: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(garbage)


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    ),
    st.sampled_from(["host", "port", "id", "start_time"]),
)
def test_e16_no_value_does_worse_than_being_refused(value: Any, name: str) -> None:
    try:
        found = read(with_values(**{name: value}))
    except (ProtocolError, UnicodeEncodeError):
        return
    assert isinstance(found, Announcement)
    assert 1 <= found.port <= 65535


def test_numbers_are_understood_as_well_as_texts() -> None:
    assert read(with_values(port=1, start_time=2)) == Announcement("10.0.0.1", 1, "0001", 2.0)
    assert read(with_values(host="localhost", start_time="-")).start_time == float("inf")


def test_e17_who_has_the_key_believes_only_who_has_it_too() -> None:
    signed = sign_announcement(KEY, encode(ONE), 1000)
    assert read(signed, AnnouncementCheck(KEY, 1000)) == ONE
    assert read(signed) == ONE, "one without the key reads it as any other"
    wrong_key = SharedKey(bytes(32))
    for datagram, key in ((encode(ONE).wire, KEY), (signed, wrong_key)):
        with pytest.raises(NotAuthentic):
            read(datagram, AnnouncementCheck(key, 1000))
    with pytest.raises(NotAuthentic, match="another time"):
        read(signed, AnnouncementCheck(KEY, 1100, max_skew=60))
    changed = signed.replace(b"25000", b"25001")
    with pytest.raises(NotAuthentic):
        read(changed, AnnouncementCheck(KEY, 1000))


def test_the_good_one_is_heard_among_all_others() -> None:
    with listening_socket(0) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        there = ("127.0.0.1", sock.getsockname()[1])
        for datagram in (*O28, *O29, encode(ONE).wire):
            sender.sendto(datagram, there)
        assert hear(sock, lambda: None, seconds=20, is_over=lambda: False) == ONE


def test_broadcasts_are_heard() -> None:
    with listening_socket(0) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(encode(ONE).wire, ("127.255.255.255", sock.getsockname()[1]))
        assert hear(sock, lambda: None, seconds=20, is_over=lambda: False) == ONE


def test_chatter_does_not_keep_it_listening() -> None:
    with listening_socket(0) as sock, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        there = ("127.0.0.1", sock.getsockname()[1])

        def chatter() -> bool:
            sender.sendto(b"chatter", there)  # so one always waits
            return False

        assert hear(sock, lambda: None, seconds=0.1, is_over=chatter) is None


def test_it_ends_when_told() -> None:
    rounds = itertools.count()
    with listening_socket(0) as sock:
        assert hear(sock, lambda: None, is_over=lambda: next(rounds) == 2) is None


def test_a_port_that_is_taken_is_an_os_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("", 0))
        with pytest.raises(OSError):
            listening_socket(taken.getsockname()[1])
