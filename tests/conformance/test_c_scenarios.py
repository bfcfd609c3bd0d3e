"""Appendix C: the scenarios that are decided on the socket, over raw frames.

Scenario 7 is among the tests of 2.9; the published packages themselves run in `tests/peers`.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from moobius.local import LocalPlatform, PlatformOptions
from tests.conformance.literal import (
    action,
    body_of,
    characters_of,
    do,
    history,
    message_up,
    say,
    show,
    tell,
    update,
)
from tests.local.conftest import Room
from tests.support.wire import Person, Wire, wire_to


async def test_c_1_a_service_without_an_id_makes_one_and_shows_characters(wire: Wire) -> None:
    ada = await wire.be("ada@example.org")
    channel = await ada.channel()
    member = await ada.user_socket()
    service_id = await ada.bound_service(channel)
    service = await ada.service_socket(service_id)
    body = {"subtype": "characters", "channel_id": channel, "recipients": [ada.user_id]}
    content = {"content": {"characters": await ada.group(ada.user_id, "OWL")}}
    await service.good(type="update", service_id=service_id, body={**body, **content})
    group = (await body_of(member))["content"]["characters"]
    assert await characters_of(ada, group) == [ada.user_id, "OWL"]


async def test_c_2_join_channel_is_seen_as_join_and_leave_likewise(room: Room, cy: Person) -> None:
    socket = await cy.user_socket()
    for subtype in ("join", "leave"):
        await socket.good(type="action", body=action(room, f"{subtype}_channel"))
        assert (await body_of(room.bound))["subtype"] == subtype


async def test_c_3_a_message_to_oneself_and_somebody_unknown(room: Room) -> None:
    given = {"channel_id": room.channel, "group_name": "x"}
    to = [room.bob.user_id, "unknown"]
    group = (await room.bob.post("/user/group/create", **given, characters=to))["group_id"]
    await say(room, group)
    up = await body_of(room.bound)
    assert await characters_of(room.ada, up["recipients"]) == to
    await tell(room, await room.ada.group(*to), sender=up["sender"], content=up["content"])
    assert (await body_of(room.bob_socket))["content"] == {"text": "hello all"}
    await room.ada_socket.nothing()


async def test_c_4_a_message_to_service(room: Room) -> None:
    given = {"channel_id": room.channel, "group_name": "x", "characters": ["service"]}
    group = (await room.bob.post("/user/group/create", **given))["group_id"]
    await say(room, group)
    up = await body_of(room.bound)
    assert await characters_of(room.ada, up["recipients"]) == ["service"]
    await say(room, "service")
    assert (await body_of(room.bound))["recipients"] == "service"


async def test_c_5_recipients_never_appear_in_what_a_user_receives(room: Room) -> None:
    everybody = [room.ada.user_id, room.bob.user_id]
    await tell(room, everybody)
    for subtype in ("buttons", "menu", "canvas", "style"):
        await show(room, subtype, [], recipients=everybody)
    await show(room, "characters", {"characters": everybody}, recipients=everybody)
    await show(room, "channel_info", {"channel_id": room.channel}, recipients=everybody)
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    await room.ada.post("/service/unbind", **pair)
    await say(room, everybody)
    await do(room, "refresh")
    received = await room.bob_socket.drain()
    assert len(received) == 14
    assert not any("recipients" in json.dumps(frame) for frame in received)


async def test_c_6_a_refresh_leads_to_every_part_of_the_view(room: Room) -> None:
    await do(room, "refresh")
    asked = await body_of(room.bound)
    for subtype in ("buttons", "menu", "canvas", "style"):
        await show(room, subtype, [], recipients=asked["sender"])
    seen = [(await body_of(room.bob_socket))["subtype"] for _ in range(4)]
    assert seen == ["buttons", "menu", "canvas", "style"]


async def test_c_8_javascript_signs_in_and_asks_with_a_body(wire: Wire) -> None:
    socket = await wire.socket()
    ada = await wire.sign_up("ada")
    channel = await ada.channel()
    for _ in range(2):
        await socket.good(type="heartbeat", body={})
    await socket.good(type="user_login", auth_origin="cognito", access_token=ada.token)
    for path, parameters in (
        ("/channel/list", {}),
        ("/user/group/list", {"channel_id": channel}),
        ("/channel/history_message", {"channel_id": channel, "limit": 3, "before": ""}),
    ):
        reply = await wire.call("GET", path, body=parameters, token=ada.token)
        assert reply["code"] == 10000


async def test_c_9_a_service_of_1_3_7_is_heard_before_its_real_login(room: Room) -> None:
    socket = await room.ada.service_socket("")
    shown = update(room, "update_buttons", [])
    await socket.good(type="update", service_id=room.service_id, body=shown)
    assert (await body_of(room.bob_socket))["subtype"] == "buttons"


async def test_c_10_the_platform_restarts_while_a_service_runs(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        channel = await ada.channel()
        service_id, group = await ada.bound_service(channel), await ada.group(ada.user_id)
        service = await ada.service_socket(service_id)
        await platform.stop()
        assert await service.closed() == 1001
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada.wire = wire
        member, service = await ada.user_socket(), await ada.service_socket(service_id)
        body = {"subtype": "text", "channel_id": channel, "content": {"text": "back"}}
        sent = {**body, "recipients": group, "sender": "OWL"}
        await service.good(type="message_down", service_id=service_id, body=sent)
        assert (await body_of(member))["content"] == {"text": "back"}


async def test_c_11_the_service_is_offline(room: Room) -> None:
    await room.bound.close()
    await say(room, [room.ada.user_id])
    assert [each["content"] for each in await history(room.bob, room)] == [{"text": "hello all"}]
    room.service = await room.ada.service_socket(room.service_id)
    await room.bound.nothing()


async def test_c_12_a_message_of_200_kib_closes_and_the_client_goes_on(room: Room) -> None:
    body = message_up(room, content={"text": "x" * 200 * 1024})
    await room.bob_socket.send(type="message_up", body=body)
    assert await room.bob_socket.closed() == 1009
    await room.bound.nothing()
    room.bob_socket = await room.bob.user_socket()
    await say(room)
    assert (await body_of(room.bound))["content"] == {"text": "hello all"}


async def test_c_13_in_a_channel_without_a_service_two_users_talk(plain_room: Room) -> None:
    room = plain_room
    await do(room, "refresh")
    group = (await body_of(room.bob_socket))["content"]["characters"]
    assert await characters_of(room.bob, group) == [room.ada.user_id, room.bob.user_id]
    await room.bob_socket.drop()
    await say(room, [room.ada.user_id])
    up = await body_of(room.ada_socket)
    assert (up["sender"], up["content"]) == (room.bob.user_id, {"text": "hello all"})
    await room.bob_socket.nothing()


async def test_c_14_a_wrong_token_makes_no_busy_loop() -> None:
    async with LocalPlatform(PlatformOptions()) as platform, wire_to(platform.url) as wire:
        socket = await wire.socket()
        begun = time.monotonic()
        for _ in range(2):  # as the Python service does: again as soon as it is refused
            await socket.bad(type="service_login", access_token="wrong", service_id="SVC")
        assert time.monotonic() - begun >= 2.0
