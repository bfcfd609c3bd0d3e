"""Against a peer that knows section 1 of the specification, and nothing else: byte for byte."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging.auth import SharedKey
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.registry import message_callback, request_callback
from tests.support.pump import Pump, tcp_pair


def encoded(header: dict[str, Any], content: bytes, kind: str = "json") -> bytes:
    """Encode as section 1 says, with nothing of ours."""
    standard = {
        "byteorder": sys.byteorder,
        "content-type": kind,
        "content-encoding": "utf-8",
        "content-length": len(content),
    }
    raw = json.dumps({**standard, **header}, ensure_ascii=False).encode()
    return len(raw).to_bytes(2, "big") + raw + content


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def action(name: str, *args: Any, **kwargs: Any) -> bytes:
    content = as_json({"args": args, "kwargs": kwargs})
    return encoded({"message-type": "message", "action": name}, content)


def request(name: str, request_id: str, *args: Any, **kwargs: Any) -> bytes:
    asked = {"requested_value": name, "request_id": request_id, "args": args, "kwargs": kwargs}
    return encoded({"message-type": "request"}, as_json(asked))


def response(name: str, request_id: str, value: Any) -> bytes:
    fields = {"message-type": "response", "requested_value": name, "request_id": request_id}
    if isinstance(value, bytes):
        return encoded(fields, value, "binary")
    return encoded(fields, as_json({"value": value}))


def push(path: str, content: bytes) -> bytes:
    fields = {"message-type": "message", "action": "filetransfer", "filepath": path}
    return encoded(fields, content, "binary")


class Peer:
    """The other end, by hand."""

    def __init__(self, pumping: Pump, sock: socket.socket) -> None:
        self._pumping = pumping
        self._sock = sock
        self._unread = b""

    def says(self, data: bytes) -> None:
        self._sock.sendall(data)

    def reads(self) -> tuple[dict[str, Any], bytes, bytes]:
        """Return the header and the content of the next message, and all of its bytes."""

        def is_whole() -> bool:
            with contextlib.suppress(BlockingIOError):
                self._unread += self._sock.recv(65536)
            return len(self._unread) >= 2 and len(self._unread) >= self._size()

        self._pumping.until(is_whole, lambda: self._unread)
        size = self._size()
        message, self._unread = self._unread[:size], self._unread[size:]
        length = int.from_bytes(message[:2], "big")
        return json.loads(message[2 : 2 + length]), message[2 + length :], message

    def _size(self) -> int:
        length = int.from_bytes(self._unread[:2], "big")
        if len(self._unread) < 2 + length:
            return sys.maxsize
        header = json.loads(self._unread[2 : 2 + length])
        return 2 + length + int(header["content-length"])


@pytest.fixture(params=["no options", "a key that is not required"])
def ends(
    request: pytest.FixtureRequest, pumping: Pump, in_folder: Path
) -> tuple[ConnectionManager, Peer]:
    """One of ours, and a peer that knows section 1 only."""
    has_key = request.param == "a key that is not required"
    key = SharedKey(bytes(32), required=False) if has_key else None
    ours, sock = tcp_pair()
    connection = ConnectionManager(auth=key)
    pumping.adopt(connection, ours)
    peer = Peer(pumping, sock)
    if has_key:
        header, content, _ = peer.reads()
        assert header["message-type"] == "auth", "which an original drops in silence"
        assert json.loads(content)["role"] == "client"
        peer.says(action("hello"))
    return connection, peer


def test_what_we_send_is_what_section_1_says(
    ends: tuple[ConnectionManager, Peer], in_folder: Path
) -> None:
    ours, peer = ends
    (in_folder / "source").write_bytes(b"\0\xff")
    ours.send_message("land", (1, "ü€", None), {"x": [1.0, 1e16], "nan": float("inf")})
    wire = peer.reads()[2]
    assert wire == action("land", 1, "ü€", None, x=[1.0, 1e16], nan=float("inf"))
    ours.send_message("land")
    assert peer.reads()[2] == action("land")
    ours.send_file("source", "launch/ü.csv")
    assert peer.reads()[2] == push("launch/ü.csv", b"\0\xff")
    ours.get_response("time", None, (1,), {"y": 2})
    _, content, wire = peer.reads()
    request_id = json.loads(content)["request_id"]
    assert wire == request("time", request_id, 1, y=2)
    assert len(request_id) == 4
    assert request_id.isdigit()
    ours.get_file("config/client.ini", "copy")
    _, content, wire = peer.reads()
    assert wire == request(
        "filetransfer", json.loads(content)["request_id"], filepath="config/client.ini"
    )


def test_what_we_answer_is_what_section_1_says(
    ends: tuple[ConnectionManager, Peer], in_folder: Path
) -> None:
    _, peer = ends
    (in_folder / "file").write_bytes(b"content")
    request_callback("double")(lambda connection, number: {"is": 2 * number})
    peer.says(request("double", "0042", 4))
    assert peer.reads()[2] == response("double", "0042", {"is": 8})
    peer.says(request("filetransfer", "0043", filepath="file"))
    assert peer.reads()[2] == response("filetransfer", "0043", b"content")
    # What cannot be answered is not, and what follows is.
    peer.says(request("unknown", "1") + request("filetransfer", "2", filepath="missing"))
    peer.says(request("double", "3") + request("double", "0044", 5))
    assert peer.reads()[2] == response("double", "0044", {"is": 10})


def test_what_it_sends_arrives(
    ends: tuple[ConnectionManager, Peer], in_folder: Path, pumping: Pump
) -> None:
    ours, peer = ends
    heard: list[Any] = []
    message_callback("say")(lambda connection, *args, **kwargs: heard.append((args, kwargs)))
    ours.get_response("time", lambda connection, value: heard.append(value))
    request_id = json.loads(peer.reads()[1])["request_id"]
    ours.get_file("theirs", "fetched", lambda connection, value, filepath: heard.append(filepath))
    file_id = json.loads(peer.reads()[1])["request_id"]
    peer.says(action("say", 1, x="ü"))
    peer.says(encoded({"message-type": "future", "some": "field"}, b"{}"))
    peer.says(push("pushed", b"pushed"))
    peer.says(response("time", request_id, 5) + response("filetransfer", file_id, b"fetched"))
    pumping.until(lambda: len(heard) == 3)
    assert heard == [((1,), {"x": "ü"}), 5, "fetched"]
    assert (in_folder / "pushed").read_bytes() == b"pushed"
    assert (in_folder / "fetched").read_bytes() == b"fetched"
    assert not pumping.errors


def test_a_silent_peer_is_one_without_a_key(pumping: Pump) -> None:
    ours, sock = tcp_pair()
    connection = ConnectionManager(auth=SharedKey(bytes(32), required=False))
    pumping.adopt(connection, ours)
    peer = Peer(pumping, sock)
    peer.reads()
    connection.send_message("land")
    deadline = connection.next_deadline
    assert deadline is not None

    def has_given_up_waiting() -> bool:
        connection.expire()
        return connection.next_deadline is None

    pumping.until(has_given_up_waiting)
    assert peer.reads()[2] == action("land")
