"""Section 3.1: how a socket is opened, and what may go over it."""

from __future__ import annotations

import pytest
from aiohttp import WSMsgType

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.support.clock import forward_clock
from tests.support.patience import PATIENCE
from tests.support.wire import Person, Wire, wire_to


@pytest.mark.parametrize("path", ["/", "/ws", "//", "//ws", "/?a=b", "/ws?dialect=d1&x=%20"])
async def test_3_1_sockets_open_on_both_paths_with_any_query(wire: Wire, path: str) -> None:
    socket = await wire.socket(path)
    await socket.good(type="heartbeat", body={})


async def test_3_1_no_sub_protocol_is_chosen(wire: Wire) -> None:
    for options in ({}, {"protocols": ["chat"]}):
        socket = await wire.socket("/", **options)
        assert socket.raw.protocol is None


async def test_3_1_neither_header_nor_query_logs_in(wire: Wire, ada: Person) -> None:
    headers = {"Authorization": f"Bearer {ada.token}"}
    socket = await wire.socket(f"/?access_token={ada.token}", headers=headers)
    text = await socket.bad(type="action", body={"subtype": "refresh", "channel_id": "CH"})
    assert text == "You have not login yet"


async def test_3_1_a_frame_is_one_text_and_binary_is_none(wire: Wire) -> None:
    socket = await wire.socket()
    await socket.raw.send_bytes(b'{"type": "heartbeat", "request_id": "REQ-1", "body": {}}')
    assert (await socket.next())["message"] == "Internal server error"
    await socket.good(type="heartbeat", body={})


async def test_3_1_pings_of_the_protocol_are_answered(platform: LocalPlatform, wire: Wire) -> None:
    async with wire.session.ws_connect(platform.url, autoping=False) as raw:
        await raw.ping(b"are you there")
        message = await raw.receive(timeout=PATIENCE)
        assert (message.type, message.data) == (WSMsgType.PONG, b"are you there")


async def test_3_1_a_socket_may_stay_open_without_a_login() -> None:
    options = PlatformOptions(limits=Limits(idle_seconds=600))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        socket = await wire.socket()
        forward = forward_clock()
        for _ in range(3):  # longer than the limit, which counts silence only
            await socket.good(type="heartbeat", body={})
            forward(400)
        await socket.good(type="user_login", access_token=ada.token)
