"""Section 3.6: heartbeats."""

from __future__ import annotations

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.clock import forward_clock
from tests.support.patience import PATIENCE
from tests.support.wire import Wire, wire_to


async def test_3_6_a_heartbeat_before_the_login_is_answered(wire: Wire) -> None:
    socket = await wire.socket()
    body = await socket.ask(type="heartbeat", body={})
    assert (body["status"], body["origin_type"], body["context"]) == (True, "heartbeat", {})


async def test_3_6_two_heartbeats_at_once_are_two_answers(room: Room) -> None:
    for request_id in ("REQ-A", "REQ-B"):
        await room.bound.send(type="heartbeat", request_id=request_id, body={})
    assert [(await room.bound.copy())["request_id"] for _ in range(2)] == ["REQ-A", "REQ-B"]


async def test_3_6_a_heartbeat_needs_no_body(wire: Wire) -> None:
    await (await wire.socket()).good(type="heartbeat")


async def test_3_6_a_ping_of_py0_0_1_is_answered_in_its_words(wire: Wire) -> None:
    async with wire.session.ws_connect(wire.url) as raw:
        await raw.send_json({"type": "ping", "request_id": "REQ-1"})
        body = {"request_id": "REQ-1", "origin_type": "ping", "status": True, "context": {}}
        assert await raw.receive_json(timeout=PATIENCE) == {"type": "copy_client", "body": body}


async def test_3_6_heartbeats_keep_a_connection_alive() -> None:
    options = PlatformOptions(limits=Limits(idle_seconds=600))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        beating, silent = await wire.socket(), await wire.socket()
        forward = forward_clock()
        for _ in range(2):
            await beating.good(type="heartbeat", body={})
            forward(400)
        assert await silent.closed() == 1001
        await beating.good(type="heartbeat", body={})
