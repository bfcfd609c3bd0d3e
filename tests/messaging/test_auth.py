"""The shared key: the vectors byte for byte, and everything that has to be refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius.errors import ConfigError, FileRefused, NotAuthentic, ProtocolError
from moobius.messaging import FilePolicy, Link, MessageManager, SharedKey
from moobius.messaging.auth import (
    PIECES_AT_A_TIME,
    AnnouncementCheck,
    Handshake,
    State,
    derive_keys,
    sign_announcement,
)
from moobius.messaging.files import PIECE, OutgoingFile
from moobius.messaging.framing import Decoder, Message
from moobius.messaging.messages import (
    Action,
    Encoded,
    encode_action,
    encode_json,
    encode_push_header,
    encode_request,
    encode_response,
)
from moobius.messaging.outbox import Outbox, Outgoing
from moobius.messaging.policy import own_place
from tests.messaging.vectors import vectors

V = vectors()["optional_auth"]
KEY = SharedKey.from_hex(V["key"])
NONCES = {role: bytes.fromhex(V[f"{role}_nonce"]) for role in ("client", "server")}
WIRE = {
    name: bytes.fromhex(V[name]["hex"] if isinstance(V[name], dict) else V[name])
    for name in (
        *("client_hello", "server_hello", "client_confirm", "server_confirm"),
        *("server_first_message", "client_first_message", "server_second_message", "broadcast"),
    )
}


class Side:
    """One side of a connection whose nonce is the vectors'."""

    def __init__(self, role: str, key: SharedKey = KEY, nonce: bytes | None = None) -> None:
        self.handshake = Handshake(key, role, 0.0, nonce or NONCES[role])
        self.decoder = Decoder(inspector=self.handshake)

    def take(self, raw: bytes) -> tuple[bytes, list[Any]]:
        """Return what is to be sent for some bytes, and the contents of ordinary messages."""
        out, contents = b"", []
        self.decoder.feed(raw)
        for event in self.decoder:
            if isinstance(event, Message) and not self.handshake.may_send:
                out += self.handshake.read(event.content)
            elif isinstance(event, Message):
                contents.append(event.content)
        return out, contents

    def opened(self) -> Side:
        other = "server" if self.handshake._role == "client" else "client"
        self.take(WIRE[f"{other}_hello"] + WIRE[f"{other}_confirm"])
        assert self.handshake.state is State.OPEN
        return self

    def send(self, message: Outgoing) -> bytes:
        box = Outbox()
        box.put(message)
        return bytes(box.data_to_send(10**9, self.handshake.seal))


def test_the_keys_are_those_of_the_vectors() -> None:
    keys = derive_keys(KEY.secret, NONCES["client"], NONCES["server"])
    assert keys["client"].hex() == V["derived_client_to_server_key"]
    assert keys["server"].hex() == V["derived_server_to_client_key"]


@pytest.mark.parametrize("role", ["client", "server"])
def test_hello_and_confirmation_are_those_of_the_vectors(role: str) -> None:
    side, other = Side(role), {"client": "server", "server": "client"}[role]
    assert side.handshake.hello() == WIRE[f"{role}_hello"]
    assert side.take(WIRE[f"{other}_hello"]) == (WIRE[f"{role}_confirm"], [])
    assert not side.handshake.may_send
    assert side.take(WIRE[f"{other}_confirm"]) == (b"", [])
    assert side.handshake.may_send


def test_signed_messages_are_those_of_the_vectors_and_are_read(tmp_path: Path) -> None:
    client, server = Side("client").opened(), Side("server").opened()
    request = server.send(Outgoing.of(encode_request("id", "5472")))
    assert request == WIRE["server_first_message"]
    content = bytes.fromhex("00ff80")
    push = Outgoing(encode_push_header("a.bin", 3), content)
    assert server.send(push) == WIRE["server_second_message"]
    response = client.send(Outgoing.of(encode_response("id", "5472", "drone-one")))
    assert response == WIRE["client_first_message"]
    assert client.take(request + WIRE["server_second_message"])[1][0]["requested_value"] == "id"
    assert server.take(response)[1] == [{"value": "drone-one"}]
    assert client.handshake._expected == 3


def test_a_file_is_signed_as_its_bytes_are(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(bytes.fromhex("00ff80"))
    server = Side("server").opened()
    server.send(Outgoing.of(encode_request("id", "5472")))
    box = Outbox()
    file = OutgoingFile.open(own_place(tmp_path / "a.bin"), None)
    box.put(Outgoing(encode_push_header("a.bin", 3), file))
    out = b""
    while piece := bytes(box.data_to_send(10**9, server.handshake.seal)):
        box.sent(len(piece))
        out += piece
    assert out == WIRE["server_second_message"]


SIGNED = WIRE["server_first_message"]


@settings(deadline=None)
@given(position=st.integers(0, len(SIGNED) - 1), change=st.integers(1, 255))
def test_one_changed_byte_is_refused(position: int, change: int) -> None:
    changed = bytearray(SIGNED)
    changed[position] ^= change
    client = Side("client").opened()
    # A length that has grown waits for more, and gets something else than belongs there.
    with pytest.raises(ProtocolError):
        client.take(bytes(changed) + bytes(70_000))


def test_the_wrong_direction_the_wrong_number_and_the_wrong_key_are_refused() -> None:
    with pytest.raises(NotAuthentic, match="signature"):
        Side("client").opened().take(WIRE["client_first_message"])
    with pytest.raises(NotAuthentic, match="expected"):
        Side("client").opened().take(SIGNED + SIGNED)
    with pytest.raises(NotAuthentic, match="expected"):
        Side("client").opened().take(WIRE["server_second_message"])
    with pytest.raises(NotAuthentic, match="signature"):
        Side("client", SharedKey.new()).take(WIRE["server_hello"] + WIRE["server_confirm"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"auth-mac"', b'"auth-mAc"'),
        (b'"}{', b'" }{'),
        (b'"auth-seq": 1', b'"auth-seq": true'),
        (b'"auth-seq": 1', b'"auth-seq": 1.0'),
    ],
)
def test_a_signature_in_any_other_form_is_refused(old: bytes, new: bytes) -> None:
    changed = SIGNED.replace(old, new)
    length = int.from_bytes(changed[:2], "big") + len(new) - len(old)
    with pytest.raises(NotAuthentic):
        Side("client").opened().take(length.to_bytes(2, "big") + changed[2:])


def test_upper_case_digits_and_a_signature_that_is_not_last_are_refused() -> None:
    start = SIGNED.index(b'"auth-mac": "') + 13
    digits = SIGNED[start : start + 64]
    upper = SIGNED[:start] + digits.upper() + SIGNED[start + 64 :]
    with pytest.raises(NotAuthentic, match="not signed"):
        Side("client").opened().take(upper)
    moved = SIGNED[:start] + digits + b'", "x": "1"}' + SIGNED[start + 66 :]
    moved = (int.from_bytes(moved[:2], "big") + 10).to_bytes(2, "big") + moved[2:]
    with pytest.raises(NotAuthentic, match="not signed"):
        Side("client").opened().take(moved)


def hello(**contents: Any) -> bytes:
    usual = {"v": 1, "role": "server", "nonce": "b0" * 16}
    return encode_json({**usual, **contents}, "auth", None).wire


@pytest.mark.parametrize(
    "contents",
    [
        {"v": 2},
        {"v": True},
        {"v": "1"},
        {"role": "client"},
        {"role": None},
        {"nonce": NONCES["client"].hex()},
        {"nonce": "B0" * 16},
        {"nonce": "b0" * 15},
        {"nonce": "b0" * 16 + "\n"},
        {"nonce": 5},
        {"more": 1},
    ],
)
@pytest.mark.parametrize("required", [True, False])
def test_a_hello_in_any_other_form_is_refused(contents: dict[str, Any], required: bool) -> None:
    key = SharedKey(KEY.secret, required)
    assert Side("client", key).take(hello())[0]
    with pytest.raises(NotAuthentic):
        Side("client", key).take(hello(**contents))


def test_before_the_proof_nothing_else_and_nothing_long_is_taken() -> None:
    land = MessageManager.create_action_message("land")
    long = MessageManager.create_message(b'"' + b"x" * 1000 + b'"', "json", "auth")
    extra = MessageManager.create_message(b"{}", "json", "auth", "utf-8", {"x": 1})
    assert len(long) > 1024
    with pytest.raises(NotAuthentic, match="bytes while"):
        Side("client").take(long[:200])  # its header is enough
    for early in (land, long, extra):
        with pytest.raises(NotAuthentic):
            Side("client").take(early)
    for early in (land, SIGNED):
        with pytest.raises(NotAuthentic):
            Side("client").take(WIRE["server_hello"] + early)
    with pytest.raises(NotAuthentic):
        Side("client").take(MessageManager.create_message(b"{}", "binary", "auth"))


def test_a_confirmation_says_only_that() -> None:
    client, server = Side("client"), Side("server")
    server.take(client.handshake.hello())
    server.handshake.sealed = 0
    other = server.send(Outgoing.of(Encoded(*encode_action("x"))))
    with pytest.raises(NotAuthentic):
        client.take(server.handshake.hello() + other)


def test_a_key_is_read_from_64_digits_and_nothing_else(tmp_path: Path) -> None:
    assert SharedKey.from_hex(f" {V['key']}\n").secret == KEY.secret
    for wrong in ("", "00" * 31, "00" * 33, "zz" * 32, "pass phrase"):
        with pytest.raises(ConfigError) as refused:
            SharedKey.from_hex(wrong)
        assert not wrong or wrong not in str(refused.value)
    with pytest.raises(ConfigError, match="32 bytes"):
        SharedKey(b"short")
    assert V["key"] not in repr(KEY)
    assert str(KEY.secret) not in repr(KEY)
    assert SharedKey.new() != SharedKey.new()
    path = tmp_path / "key"
    path.write_text(SharedKey.new().hex())
    path.chmod(0o600)
    assert SharedKey.from_file(path).required
    with pytest.raises(ConfigError, match="no shared key"):
        SharedKey.from_file(tmp_path / "missing")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    assert os.name == "posix"
    path = tmp_path / "key"
    path.write_text(SharedKey.new().hex())
    path.chmod(mode)
    with pytest.raises(ConfigError, match="chmod 600"):
        SharedKey.from_file(path)


# Announcements.

ANNOUNCEMENT = encode_action(
    "server_ip",
    (),
    {"host": "192.168.1.101", "port": "25000", "id": "0001", "start_time": "1581342970.889573"},
)


def check(raw: bytes, **options: Any) -> list[Any]:
    decoder = Decoder(inspector=AnnouncementCheck(KEY, **{"now": 1581342970.0, **options}))
    decoder.feed(raw)
    return list(decoder)


def test_an_announcement_is_that_of_the_vectors_and_is_believed() -> None:
    raw = sign_announcement(KEY, ANNOUNCEMENT, 1581342970)
    assert raw == WIRE["broadcast"]
    assert len(check(raw)) == 1
    assert len(check(raw, now=2e9)) == 1
    assert len(check(raw, now=1581342970 + 30.0, max_skew=60)) == 1


def test_other_announcements_are_not() -> None:
    raw = WIRE["broadcast"]
    with pytest.raises(NotAuthentic, match="another time"):
        check(raw, now=1581342970 + 61.0, max_skew=60)
    with pytest.raises(NotAuthentic, match="not signed"):
        check(ANNOUNCEMENT.wire)
    with pytest.raises(NotAuthentic, match="signature"):
        check(raw.replace(b"192.168.1.101", b"192.168.1.102"))
    with pytest.raises(NotAuthentic, match="signature"):
        check(sign_announcement(SharedKey.new(), ANNOUNCEMENT, 1581342970))
    with pytest.raises(NotAuthentic, match="integer"):
        check(raw.replace(b'"auth-time": 1581342970', b'"auth-time":"1581342970'[:-1] + b'"'))


# Between two links.


def two_links(client: SharedKey | None, server: SharedKey | None) -> tuple[Link, Link]:
    links = Link(key=client), Link(key=server)
    for link, role in zip(links, ("client", "server"), strict=True):
        link.connection_made(role, 0.0)
    return links


def exchange(one: Link, other: Link, now: float = 1.0) -> list[Any]:
    """Carry bytes to and fro until there are no more; return what happened."""
    happened: list[Any] = []
    while one.wants_to_send or other.wants_to_send:
        for source, target in ((one, other), (other, one)):
            while piece := bytes(source.data_to_send(10**9)):
                source.sent(len(piece))
                target.receive(piece, now)
                happened += iter(target.next_event, None)
    return happened


def test_messages_wait_for_the_proof_and_are_signed_on_every_connection() -> None:
    client, server = two_links(KEY, KEY)
    client.resume_queue = True
    for number in range(3):
        client.send_action("x", [number])
    first = bytes(client.data_to_send(10**9))
    assert b'"role": "client"' in first
    client.sent(len(first))
    assert not client.wants_to_send
    for link, role in ((client, "client"), (server, "server")):
        link.connection_lost()
        link.connection_made(role, 0.0)
    assert [event.args for event in exchange(client, server)] == [[0], [1], [2]]


@pytest.mark.parametrize("role", ["client", "server"])
def test_a_peer_without_the_key_is_let_in_only_where_it_is_not_required(role: str) -> None:
    lenient = SharedKey(KEY.secret, required=False)
    keys = (lenient, None) if role == "client" else (None, lenient)
    one, other = two_links(*keys)
    for link in (one, other):
        link.send_action("hi")
    # One that never speaks first is waited for, and then spoken to.
    keyed, plain = (one, other) if role == "client" else (other, one)
    plain_wire = bytes(plain.data_to_send(10**9))
    keyed.receive(plain_wire, 1.0)
    assert [e.action for e in iter(keyed.next_event, None)] == ["hi"]
    assert b'"hi"' in bytes(keyed.take_whole(10**9)) + bytes(keyed.take_whole(10**9))


def test_silence_is_waited_for() -> None:
    link, _ = two_links(SharedKey(KEY.secret, required=False), None)
    link.send_action("hi")
    assert link.next_deadline == 2.0
    link.expire(1.9)
    assert not link.is_ready
    link.expire(2.0)
    assert link.is_ready
    strict, _ = two_links(KEY, None)
    assert strict.next_deadline == 5.0
    with pytest.raises(NotAuthentic, match="within 5 s"):
        strict.expire(5.0)


def test_a_required_key_refuses_a_peer_without_one() -> None:
    client, server = two_links(None, KEY)
    client.send_action("hi")
    with pytest.raises(NotAuthentic):
        exchange(client, server)
    assert not server.is_ready


def test_a_long_header_of_a_stranger_is_refused_at_its_length() -> None:
    for required, text in ((True, b"\x04\x00"), (True, b"\xff\xff")):
        link = Link(key=SharedKey(KEY.secret, required))
        link.connection_made("server", 0.0)
        link.receive(text, 0.0)
        with pytest.raises(NotAuthentic, match="bytes while the peer has not said hello"):
            link.next_event()


def test_without_a_required_key_a_peer_may_begin_with_a_long_header() -> None:
    link = Link(key=SharedKey(KEY.secret, required=False))
    link.connection_made("server", 0.0)
    link.receive(MessageManager.create_action_message("a" * 2000), 0.0)
    event = link.next_event()
    assert isinstance(event, Action)


def test_one_byte_of_a_peer_that_may_lack_the_key_moves_the_deadline() -> None:
    link = Link(key=SharedKey(KEY.secret, required=False))
    link.connection_made("server", 0.0)
    assert link.next_deadline == 2.0
    link.receive(b"\0", 1.0)
    assert link.next_deadline == 5.0  # what `expire` does nothing about must not be due


def test_a_key_file_is_no_peers_to_read_or_write(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(KEY.hex())
    (tmp_path / "link").symlink_to(path)
    os.link(path, tmp_path / "other name")
    for files in (FilePolicy.inside(tmp_path), FilePolicy.unbounded(tmp_path)):
        link = Link(key=SharedKey.from_file(path), files=files)
        for name in ("key", "./key", "link", "other name", str(path)):
            for rule in (link.policy.to_read, link.policy.to_write):
                with pytest.raises(FileRefused, match="kept from peers"):
                    rule(name)
        link.policy.to_read("another")


def pushed(path: Path) -> Outgoing:
    file = OutgoingFile.open(own_place(path), None)
    return Outgoing(encode_push_header(path.name, file.size), file)


def test_a_large_file_is_signed_in_steps_and_its_signature_is_the_same(tmp_path: Path) -> None:
    steps, content = 3, os.urandom(3 * PIECES_AT_A_TIME * PIECE + 1)
    (tmp_path / "big").write_bytes(content)
    server, other = Side("server").opened(), Side("server").opened()
    box = Outbox()
    box.put(pushed(tmp_path / "big"))
    for _ in range(steps):
        assert not box.data_to_send(10**9, server.handshake.seal)
        assert box.take_whole(10**9, server.handshake.seal) == b""
        assert server.handshake.sealed == other.handshake.sealed
    head = bytes(box.data_to_send(10**9, server.handshake.seal))
    whole = other.send(Outgoing(encode_push_header("big", len(content)), content))
    assert whole == head
    assert server.handshake.sealed == other.handshake.sealed == 2


def test_a_message_that_is_dropped_while_it_is_signed_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(PIECES_AT_A_TIME * PIECE + 1))
    client, server = Side("client").opened(), Side("server").opened()
    box = Outbox()
    box.put(pushed(tmp_path / "big"))
    assert not box.data_to_send(10**9, server.handshake.seal)
    box.clear()
    box.put(Outgoing.of(encode_request("id", "5472")))
    request = bytes(box.data_to_send(10**9, server.handshake.seal))
    assert client.take(request)[1][0]["requested_value"] == "id"
