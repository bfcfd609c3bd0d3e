"""An exchange with a peer that knows only section 1 of the specification, byte for byte.

The peer is asyncio streams and the literal encoders; it echoes no field that it does not know.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging import AsyncLink, FilePolicy, MessageManager, SharedKey, connect, serve
from tests.support.patience import until

create = MessageManager
FAST = 0.05


class PlainPeer:
    """Reads messages, keeps their bytes, and does what an original would."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.raw: list[bytes] = []
        self.seen: list[tuple[dict[str, Any], Any]] = []

    def send(self, raw: bytes) -> None:
        self._writer.write(raw)

    async def read_on(self) -> None:
        while True:
            try:
                proto = await self._reader.readexactly(2)
            except (asyncio.IncompleteReadError, ConnectionError):
                self._writer.close()
                return
            raw = await self._reader.readexactly(int.from_bytes(proto, "big"))
            header = json.loads(raw)
            content = await self._reader.readexactly(header["content-length"])
            self.raw.append(proto + raw + content)
            is_json = header["content-type"] == "json"
            self._take(header, json.loads(content) if is_json else content)

    def _take(self, header: dict[str, Any], content: Any) -> None:
        self.seen.append((header, content))
        if header["message-type"] != "request":
            return  # an unknown type is dropped without a trace
        name, request_id = content["requested_value"], content["request_id"]
        if name == "filetransfer":
            self.send(create.create_response(name, request_id, b"their bytes", True))
        elif name == "time":
            self.send(create.create_response(name, request_id, 12.5))

    def of_type(self, kind: str) -> list[Any]:
        return [content for header, content in self.seen if header["message-type"] == kind]


@asynccontextmanager
async def plain_server(peers: list[PlainPeer]) -> AsyncIterator[int]:
    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(PlainPeer(reader, writer))
        await peers[-1].read_on()

    listening = await asyncio.start_server(accept, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()


async def talk(link: AsyncLink, peer: PlainPeer, folder: Path) -> None:
    """Everything there is, in both directions."""
    (folder / "source").write_bytes(b"our bytes")
    link.on_request("id")(lambda peer: "drone-1")
    got: list[Any] = []
    link.on("land")(lambda peer, *args, **kwargs: got.append((args, kwargs)))
    await link.send("takeoff", 1, z=2.5)
    assert await link.request("time", "now", zone="UTC", timeout=10.0) == 12.5
    await link.send_file(folder / "source", "pushed")
    await link.get_file("config/client.ini", folder / "fetched", timeout=10.0)
    assert (folder / "fetched").read_bytes() == b"their bytes"
    peer.send(create.create_action_message("land", (1,), {"x": None}))
    peer.send(create.create_request("id", "5472"))
    peer.send(create.create_request("nobody", "5473"))
    peer.send(create.create_request("filetransfer", "5474", kwargs={"filepath": "source"}))
    push = {"action": "filetransfer", "filepath": "written"}
    peer.send(create.create_message(b"pushed", "binary", "message", additional_headers=push))
    await until(lambda: (folder / "written").exists() and len(peer.of_type("response")) == 2)
    assert got == [((1,), {"x": None})]
    assert peer.of_type("response") == [{"value": "drone-1"}, b"our bytes"]


def expected(ids: list[str]) -> list[bytes]:
    """What the rules of section 1 give for that exchange."""
    push = {"action": "filetransfer", "filepath": "pushed"}
    return [
        create.create_action_message("takeoff", (1,), {"z": 2.5}),
        create.create_request("time", ids[0], ("now",), {"zone": "UTC"}),
        create.create_message(b"our bytes", "binary", "message", additional_headers=push),
        create.create_request("filetransfer", ids[1], kwargs={"filepath": "config/client.ini"}),
        create.create_response("id", "5472", "drone-1"),
        create.create_response("filetransfer", "5474", b"our bytes", True),
    ]


@pytest.mark.parametrize("resume", [False, True])
async def test_with_all_options_off_every_byte_is_that_of_section_1(
    tmp_path: Path, resume: bool
) -> None:
    peers: list[PlainPeer] = []
    files = FilePolicy.inside(tmp_path)
    async with plain_server(peers) as port:
        async with connect("127.0.0.1", port, files=files, resume_queue=resume) as link:
            await until(lambda: bool(peers))
            await talk(link, peers[0], tmp_path)
    ids = [content["request_id"] for content in peers[0].of_type("request")]
    assert all(len(request_id) == 4 and request_id.isdigit() for request_id in ids)
    assert peers[0].raw == expected(ids)


@pytest.mark.parametrize("key", [None, SharedKey.new()], ids=["open", "key"])
async def test_it_works_with_us_listening_too(
    tmp_path: Path, key: SharedKey | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moobius.messaging.auth.SPEAK_WITHIN_S", FAST)
    lenient = key and SharedKey(key.secret, required=False)
    async with serve(files=FilePolicy.inside(tmp_path), key=lenient) as server:
        peer = PlainPeer(*await asyncio.open_connection("127.0.0.1", server.port))
        reading = asyncio.create_task(peer.read_on())
        await until(lambda: bool(server.links))
        (link,) = server.links
        await link.wait_connected()
        await talk(link, peer, tmp_path)
    await reading
    ids = [content["request_id"] for content in peer.of_type("request")]
    # A hello goes ahead where there is a key; an original drops it without a trace.
    assert peer.raw[len(peer.raw) - 6 :] == expected(ids)
    assert len(peer.of_type("auth")) == (1 if key else 0)


@pytest.mark.parametrize("speaks_first", [False, True])
async def test_a_key_that_is_not_required_lets_an_original_server_in(
    tmp_path: Path, speaks_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moobius.messaging.auth.SPEAK_WITHIN_S", 60.0 if speaks_first else FAST)
    peers: list[PlainPeer] = []
    key = SharedKey(SharedKey.new().secret, required=False)
    async with plain_server(peers) as port:
        connecting = asyncio.ensure_future(_connected(port, key, FilePolicy.inside(tmp_path)))
        await until(lambda: bool(peers))
        if speaks_first:
            peers[0].send(create.create_request("x", "0001"))
        async with await connecting as link:
            await talk(link, peers[0], tmp_path)
    ids = [content["request_id"] for content in peers[0].of_type("request")]
    assert peers[0].raw[1:] == expected(ids)


async def _connected(port: int, key: SharedKey, files: FilePolicy) -> AsyncLink:
    return await connect("127.0.0.1", port, key=key, files=files)
