"""A service on the published 1.3.7, and people, on our Platform (platform.md, appendix C 9)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from moobius.local import LocalPlatform
from tests.peers.original import Original
from tests.support.room import Room, room_on

PRESS = {"button_id": "press", "button_name": "Press me", "new_window": False}
pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


@pytest.fixture
async def room(memory_platform: LocalPlatform) -> AsyncIterator[Room]:
    async with room_on(memory_platform) as room:
        yield room


@pytest.fixture
async def service(room: Room, sdk_1_3_7: Path, tmp_path: Path) -> AsyncIterator[Original]:
    """Bound to the room, with an id that it made for itself, started."""
    config = {
        "http_server_uri": f"{room.platform.url}/",
        "ws_server_uri": room.platform.ws_url,
        "email": room.owner.email,
        "password": "owner",
        "service_id": "",
        "channels": [room.channel_id],
        "others": "include",
    }
    early_buttons = {
        "channel_id": room.channel_id,
        "buttons": [PRESS],
        "recipients": [room.id_of("ada")],
    }
    async with Original(
        sdk_1_3_7,
        tmp_path / "service",
        config=config,
        run={"config_path": "config.json", "db_config_path": "", "is_agent": False},
        early=[{"call": "send_update_buttons", "with": early_buttons}],
    ) as service:
        await service.event("on_start")
        yield service


async def test_it_starts_with_an_empty_service_id_and_its_early_updates_arrive(
    room: Room, service: Original
) -> None:
    made = json.loads((service.folder / "config.json").read_text())["service_id"]
    bound = await room.owner.get("/service/list")
    assert [(each["service_id"], each["channel_ids"]) for each in bound] == [
        (made, [room.channel_id])
    ]
    frame = await room.sockets["ada"].next()
    assert frame["body"]["subtype"] == "buttons"
    assert frame["body"]["content"] == [
        {"button_id": "press", "button_text": "Press me", "dialog": None}
    ]


async def test_it_hears_and_answers(room: Room, service: Original) -> None:
    assert (await room.sockets["ada"].next())["body"]["subtype"] == "buttons"  # from its start
    await room.say("ada", "Good morning")
    heard = await service.event("on_message_up")
    assert heard["content"]["text"] == "Good morning"
    assert heard["sender"] == room.id_of("ada")
    answer = {"channel_id": room.channel_id, "sender": room.id_of("bob")}
    await service.call("send_message", the_message="Ah", recipients=[room.id_of("ada")], **answer)
    frame = await room.sockets["ada"].next()
    assert (frame["type"], frame["body"]["content"]) == ("message_down", {"text": "Ah"})


async def test_it_hears_of_everything_in_its_own_words(room: Room, service: Original) -> None:
    ada = room.id_of("ada")
    await room.act("ada", "leave")
    left = await service.event("on_leave_channel")
    assert (left["subtype"], left["sender"]) == ("leave_channel", ada)
    await room.act("ada", "join")
    joined = await service.event("on_join_channel")
    assert (joined["subtype"], joined["sender"]) == ("join_channel", ada)
    await room.act("ada", "refresh")
    for part in ("characters", "buttons", "canvas", "context_menu", "channel_info"):
        asked = await service.event(f"on_fetch_{part}")
        assert (asked["subtype"], asked["sender"]) == (f"fetch_{part}", ada)


async def test_it_hears_of_clicks(room: Room, service: Original) -> None:
    how = {"label": "How", "value": "softly"}
    await room.act(
        "ada", "button_click", button_id="press", arguments=[how], bottom_button_id="confirm"
    )
    click = await service.event("on_button_click")
    assert (click["button_id"], click["sender"]) == ("press", room.id_of("ada"))
    assert [(each["name"], each["value"]) for each in click["arguments"]] == [("How", "softly")]
    await room.act(
        "ada",
        "menu_item_click",
        menu_item_id="copy",
        arguments=[],
        message_id="M-1",
        message_subtype="text",
        message_content={"text": "Copy me"},
        bottom_button_id="confirm",
    )
    click = await service.event("on_context_menu_click")
    assert (click["item_id"], click["message_id"]) == ("copy", "M-1")
    assert click["message_content"]["text"] == "Copy me"


async def test_an_agent_talks_and_sees_what_a_service_shows_it(
    room: Room, service: Original, sdk_1_3_7: Path, tmp_path: Path
) -> None:
    cy = room.people["cy"] = await room.owner.wire.sign_up("cy")
    config = {
        "http_server_uri": f"{room.platform.url}/",
        "ws_server_uri": f"{room.platform.ws_url}?dialect=d1",
        "email": cy.email,
        "password": "cy",
    }
    run = {"config_path": "config.json", "db_config_path": "", "is_agent": True}
    async with Original(sdk_1_3_7, tmp_path / "agent", config=config, run=run) as agent:
        await agent.event("on_start")
        await agent.call("send_join_channel", channel_id=room.channel_id)
        await service.event("on_join_channel", lambda joined: joined["sender"] == cy.user_id)
        await agent.call("send_fetch_buttons", channel_id=room.channel_id)
        await service.event("on_fetch_buttons", lambda asked: asked["sender"] == cy.user_id)
        to_cy = {"channel_id": room.channel_id, "recipients": [cy.user_id]}
        await service.call("send_update_buttons", buttons=[PRESS], **to_cy)
        update = await agent.event("on_update_buttons")
        assert update["content"][0]["button"]["button_name"] == "Press me"
        await service.call("send_message", the_message="Ah", sender=room.id_of("bob"), **to_cy)
        message = await agent.event("on_message_down")
        assert message["content"]["text"] == "Ah"
