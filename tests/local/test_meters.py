"""What a running Platform counts, seen at `/metrics`."""

from __future__ import annotations

import asyncio
import time

from moobius.local import LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.patience import PATIENCE
from tests.support.prometheus import Family, parse
from tests.support.wire import Wire, wire_to


async def _read(wire: Wire) -> dict[str, Family]:
    async with wire.session.get(wire.url + "/metrics") as reply:
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return parse(await reply.text())


async def _read_until(wire: Wire, name: str, value: float, **labels: str) -> dict[str, Family]:
    """Read until it is counted: a reply may be here before that, and a socket be closed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        read = await _read(wire)
        samples = read[name].samples.items()
        if any(dict(given) == labels and n == value for (_, given), n in samples):
            return read
        assert time.monotonic() < deadline, read[name]
        await asyncio.sleep(0.02)


async def test_connections_and_who_they_are(room: Room) -> None:
    await room.ada.wire.socket()
    read = await _read_until(room.ada.wire, "moobius_connections", 4)
    assert read["moobius_users_connected"].value() == 2
    assert read["moobius_services_connected"].value() == 1
    assert read["moobius_commands_pending"].value() == 0
    assert read["process_resident_memory_bytes"].value() > 1_000_000
    await room.bob_socket.close()
    await _read_until(room.ada.wire, "moobius_users_connected", 1)


async def test_frames_by_type_with_their_bytes(room: Room) -> None:
    before = await _read(room.ada.wire)
    await room.bob_socket.good(type="heartbeat", body={})
    await room.bob_socket.bad(type="surprise", body={})
    await room.bob_socket.bad(type="message_up", body={"channel_id": room.channel})
    await room.bob_socket.raw.send_str("no frame at all")
    await room.bob_socket.next()
    read = await _read(room.ada.wire)
    received, refused = read["moobius_frames_received_total"], read["moobius_frames_refused_total"]
    assert received.value(type="heartbeat") == 1
    assert received.value(type="unknown") == 2
    assert (refused.value(type="unknown"), refused.value(type="message_up")) == (1, 1)
    sent = [each["moobius_frames_sent_total"].value(type="copy") for each in (before, read)]
    assert sent[1] - sent[0] == 3
    for direction in ("received", "sent"):
        grown = [each[f"moobius_frames_{direction}_bytes_total"].value() for each in (before, read)]
        assert grown[1] - grown[0] > 100


async def test_requests_by_route_and_status(room: Room) -> None:
    wire = room.ada.wire
    await wire.call("GET", "//user/info/", token=room.ada.token)
    await wire.call("GET", "/nowhere/" + "x" * 50)
    await wire.session.get(wire.url + "/files/nothing.png")
    await wire.session.get(wire.url + "/")
    await wire.session.request("FROB", wire.url + "/user/info")
    requests = "moobius_http_requests_total"
    for method, route, status in (("GET", "page", "200"), ("OTHER", "other", "400")):
        read = await _read_until(wire, requests, 1, method=method, route=route, status=status)
    counted, took = (
        read["moobius_http_requests_total"],
        read["moobius_http_request_duration_seconds"],
    )
    assert counted.value(method="GET", route="/user/info", status="200") >= 3
    assert counted.value(method="GET", route="other", status="404") == 1
    assert counted.value(method="GET", route="/files/", status="404") == 1
    assert counted.value(method="GET", route="page", status="200") == 1
    assert counted.value(method="OTHER", route="other", status="400") == 1
    assert took.value("_count", route="/user/info") >= 3
    assert read["moobius_http_response_bytes_total"].value() > 1000
    assert "xxx" not in str(read)


async def test_a_socket_is_counted_when_it_ends(room: Room) -> None:
    wire = room.ada.wire
    labels = {"method": "GET", "route": "socket", "status": "101"}
    for ended, socket in enumerate((room.bob_socket, room.ada_socket), 2):  # one let Bob join
        await socket.close()
        await _read_until(wire, "moobius_http_requests_total", ended, **labels)


async def test_what_the_store_keeps(room: Room) -> None:
    before = (await _read(room.ada.wire))["moobius_store_events_total"].value()
    await room.ada.group("OWL")
    read = await _read(room.ada.wire)
    assert read["moobius_store_events_total"].value() > before > 0
    assert read["moobius_store_batch_duration_seconds"].value("_count") > 0


async def test_only_programs_on_this_machine_may_read_them() -> None:
    for open_to_all in (False, True):
        options = PlatformOptions(metrics=open_to_all, allow_hosts=("chat.example",))
        async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
            assert await _read(wire)
            for headers in ({"X-Forwarded-For": "10.0.0.9"}, {"Host": "chat.example"}):
                reply = await wire.session.get(wire.url + "/metrics", headers=headers)
                if open_to_all:
                    parse(await reply.text())
                else:
                    assert (await reply.json())["code"] == 10003
