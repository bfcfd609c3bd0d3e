"""Misfortunes on purpose, one by one over real sockets; and none when none are wanted."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from moobius.errors import ConfigError
from moobius.local import FaultPlan, Limits, LocalPlatform, PlatformOptions, discovery, faults
from tests.local.conftest import Room
from tests.support.patience import PATIENCE
from tests.support.wire import Person, Socket, Wire, wire_to

BAD_LOGINS = Limits().bad_logins


async def test_cut_connections_are_gone_and_new_ones_work(
    platform: LocalPlatform, room: Room
) -> None:
    platform.cut_connections()
    assert await room.ada_socket.closed() == 1006
    assert await room.bound.closed() == 1006
    again = await room.ada.user_socket()
    await again.good(type="heartbeat", body={})


async def test_a_frame_can_be_lost_with_its_connection(platform: LocalPlatform, room: Room) -> None:
    platform.faults.begin(FaultPlan(cut=1))
    socket = await room.bob.wire.socket()
    await socket.send(type="heartbeat", body={})
    assert await socket.closed() == 1006
    await room.bob_socket.good(type="heartbeat", body={})  # it was there before
    platform.faults.end()
    await (await room.bob.user_socket()).good(type="heartbeat", body={})


async def test_a_reply_can_be_lost_after_the_work_is_done(
    platform: LocalPlatform, ada: Person
) -> None:
    platform.faults.begin("cut=1")
    with pytest.raises(aiohttp.ClientError):
        await ada.post("/channel/create", channel_name="made all the same", context={})
    platform.faults.end()
    assert [each["channel_name"] for each in await ada.get("/channel/list")] == [
        "made all the same"
    ]


async def _after(platform: LocalPlatform, room: Room, faults: str) -> Socket:
    """Return a new socket of Bob's, to which this happens."""
    platform.faults.begin(faults)
    return await room.bob.user_socket()


async def _say(room: Room, *texts: str) -> None:
    for text in texts:
        body = {
            "subtype": "text",
            "channel_id": room.channel,
            "recipients": [room.bob.user_id],
            "content": {"text": text},
            "sender": "OWL",
        }
        await room.bound.good(type="message_down", service_id=room.service_id, body=body)


async def _heard(socket: Socket, count: int) -> list[dict[str, Any]]:
    return [(await socket.next())["body"] for _ in range(count)]


async def test_a_frame_can_come_twice(platform: LocalPlatform, room: Room) -> None:
    platform.faults.begin("duplicate=1")
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(platform.url)
        await socket.send_json({"type": "heartbeat", "request_id": "R", "body": {}})
        assert await socket.receive_json() == await socket.receive_json()


async def test_a_message_can_come_twice_and_is_kept_once(
    platform: LocalPlatform, room: Room
) -> None:
    platform.faults.begin("duplicate=1")
    bob = await room.bob.wire.socket()
    await bob.send(type="user_login", access_token=room.bob.token)
    assert await bob.copy() == await bob.copy()
    platform.faults.end()
    platform.faults.begin("duplicate=0.5,seed=3")
    await _say(room, *"abcdefgh")
    ids = [each["message_id"] for each in await _heard(bob, 9)]
    assert 1 < len(set(ids)) <= 8
    history = await room.bob.get("/channel/history_message", channel_id=room.channel)
    assert len(history) == 8


async def test_a_frame_can_be_overtaken(
    platform: LocalPlatform, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "HOLD_SECONDS", PATIENCE)  # however slowly the next one comes
    bob = await _after(platform, room, "reorder=0.5,seed=1")
    await _say(room, *"abcdefgh")
    heard = [each["content"]["text"] for each in await _heard(bob, 8)]
    assert sorted(heard) == list("abcdefgh"), "none is lost"
    assert heard != sorted(heard)


async def test_a_frame_that_nothing_overtakes_comes_all_the_same(
    platform: LocalPlatform, room: Room
) -> None:
    platform.faults.begin("reorder=1")
    socket = await room.bob.wire.socket()
    await socket.good(type="heartbeat", body={})
    await socket.good(type="heartbeat", body={})


async def test_a_frame_that_waits_to_be_overtaken_comes_before_a_close(
    platform: LocalPlatform, wire: Wire
) -> None:
    platform.faults.begin("reorder=1")
    async with aiohttp.ClientSession() as session:
        socket = await session.ws_connect(platform.url)
        for number in range(BAD_LOGINS):
            login = {"type": "user_login", "request_id": str(number), "access_token": "wrong"}
            await socket.send_json(login)
        replies = [message.json() async for message in socket]
    assert sorted(each["body"]["request_id"] for each in replies) == [
        str(n) for n in range(BAD_LOGINS)
    ]
    assert socket.close_code == 1008


async def test_frames_can_be_late_and_keep_their_order(platform: LocalPlatform, room: Room) -> None:
    bob = await _after(platform, room, "delay=30ms..60ms")
    await _say(room, *"abc")
    began = time.monotonic()
    await _say(room, "d")
    heard = [each["content"]["text"] for each in await _heard(bob, 4)]
    assert heard == list("abcd")
    assert time.monotonic() - began >= 0.03


async def test_a_frame_can_be_refused_and_is_not_carried_out(
    platform: LocalPlatform, room: Room
) -> None:
    platform.faults.begin("refuse=1")
    body = {"subtype": "leave", "channel_id": room.channel}
    assert "on purpose" in await room.bob_socket.bad(type="action", body=body)
    await room.bob_socket.good(type="heartbeat", body={})
    platform.faults.end()
    assert await room.bob.get("/channel/list")


async def test_a_repeat_is_refused_as_the_first_was_and_others_are_not(
    platform: LocalPlatform, room: Room
) -> None:
    platform.faults.begin("refuse=0.5,seed=1")

    async def verdict(request_id: str) -> bool:
        body = {"subtype": "refresh", "channel_id": room.channel}
        frame = {"type": "action", "request_id": request_id, "body": body}
        return (await room.bob_socket.ask(**frame))["status"] is True

    first = [await verdict(f"R{number}") for number in range(20)]
    assert [await verdict(f"R{number}") for number in range(20)] == first
    assert len({await verdict("") for _ in range(20)}) == len(set(first)) == 2


async def test_a_token_can_expire(platform: LocalPlatform, ada: Person) -> None:
    platform.faults.begin("expire_tokens=1")
    reply = await ada.wire.call("GET", "/user/info", token=ada.token)
    assert (reply["code"], reply["message"]) == (10005, "Expired access_token")
    socket = await ada.wire.socket()
    text = await socket.bad(type="user_login", access_token=ada.token)
    assert text == "Expired access_token"
    platform.faults.begin("expire_tokens=0.000001")
    assert (await ada.wire.call("GET", "/user/info", token=ada.token))["code"] == 10005
    fresh = await ada.wire.call(
        "POST", "/auth/refresh", body={"username": ada.email, "refresh_token": ada.refresh_token}
    )
    ada.token = fresh["data"]["AuthenticationResult"]["AccessToken"]
    await ada.get("/user/info")


@pytest.mark.parametrize("fault", ["expire_tokens", "refuse"])
async def test_a_login_that_fails_on_purpose_is_as_late_as_any(
    platform: LocalPlatform, ada: Person, fault: str
) -> None:
    platform.faults.begin(f"{fault}=1")
    socket = await ada.wire.socket()
    for _ in range(BAD_LOGINS):
        began = time.monotonic()
        await socket.bad(type="user_login", access_token=ada.token)
        assert time.monotonic() - began >= platform.options.limits.bad_login_seconds
    assert await socket.closed() == 1008


@pytest.mark.parametrize("fault", ["http500=1", "cut=1", "delay=60s", "expire_tokens=1"])
async def test_programs_find_the_platform_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: LocalPlatform, fault: str
) -> None:
    platform.faults.begin(fault)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    key = platform.developer_key
    found = discovery.Connection(
        platform.url, platform.ws_url, os.getpid(), key, platform.instance, platform.ca_file
    )
    discovery.write(discovery.user_file(platform.instance), found)
    assert await asyncio.to_thread(discovery.find_user_platform) == found
    async with aiohttp.ClientSession() as session:
        for path in ("/healthz", "//readyz", "/local/people"):
            async with session.get(platform.url + path) as reply:
                assert reply.status == 200


async def test_a_request_can_be_answered_with_500(platform: LocalPlatform, ada: Person) -> None:
    platform.faults.begin("http500=1")
    headers = {"Authorization": f"Bearer {ada.token}"}
    body = {"channel_name": "never made"}
    url = platform.url + "/channel/create"
    async with ada.wire.session.post(url, json=body, headers=headers) as reply:
        assert reply.status == 500
        assert (await reply.json())["code"] == 10500
    async with ada.wire.session.get(platform.url + "/healthz") as reply:
        assert reply.status == 200
    platform.faults.end()
    assert await ada.get("/channel/list") == []


async def test_they_can_be_wanted_from_the_start(log: list[str]) -> None:
    options = PlatformOptions(faults=FaultPlan.read("http500=1,seed=7"))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        assert (await wire.call("POST", "/auth/sign_up"))["code"] == 10500
        assert platform.faults.plan == options.faults
    assert any("things go wrong on purpose: http500=1,seed=7" in line for line in log)


async def test_without_a_plan_nothing_is_in_the_way(platform: LocalPlatform, wire: Wire) -> None:
    async def send(text: str) -> None:
        raise AssertionError(text)

    assert platform.faults.plan is None
    assert platform.faults.frame_sender(send, platform.cut_connections).send is send
    with pytest.raises(ConfigError, match="no fault 'cot'"):
        platform.faults.begin("cot=1")
    assert platform.faults.plan is None
