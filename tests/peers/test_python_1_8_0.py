"""A service and a user on the published 1.8.0, over TLS as it demands (platform.md, appendix C)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.peers.original import Original
from tests.support.ports import free_port
from tests.support.room import Room, room_on
from tests.support.tls import self_signed

PRESS = {"button_id": "press", "button_text": "Press me", "dialog": None}

pytestmark = [pytest.mark.peer, pytest.mark.timeout(600)]


def config_of(room: Room, name: str, password: str, **service: Any) -> dict[str, Any]:
    """A complete configuration: 1.8.0 falls over some that leave a part out."""
    return {
        "account_config": {"email": name, "password": password},
        "service_config": {
            "http_server_uri": f"{room.platform.url}/",
            "ws_server_uri": room.platform.ws_url,
            "service_id": "",
            "channels": [room.channel_id],
            "others": "include",
            **service,
        },
        "db_config": [],
        "log_config": {"log_level": "INFO"},
    }


@pytest.fixture
def options(tmp_path: Path) -> PlatformOptions:
    _context, certificate = self_signed(tmp_path)
    return PlatformOptions(
        port=free_port(),
        data=tmp_path / "data",
        tls_cert=certificate,
        tls_key=tmp_path / "key.pem",
    )


@pytest.fixture
async def room(options: PlatformOptions) -> AsyncIterator[Room]:
    async with LocalPlatform(options) as platform, room_on(platform) as room:
        yield room


@pytest.fixture
async def service(room: Room, sdk_1_8_0: Path, tmp_path: Path) -> AsyncIterator[Original]:
    """A service of the owner's, started, with an id that it made for itself."""
    config = config_of(room, room.owner.email, "owner")
    shown = {
        "characters": [room.id_of("bob")],
        "channel_id": room.channel_id,
        "recipients": [room.id_of("ada")],
    }
    async with Original(
        sdk_1_8_0,
        tmp_path / "service",
        {"SSL_CERT_FILE": room.platform.ca_file},  # for downloads, which do not ask certifi
        config=config,
        run={"config": "config.json"},
        early=[{"call": "send_characters", "with": shown}],
    ) as service:
        await service.event("on_start")
        yield service


@pytest.fixture
async def cy(
    room: Room, service: Original, sdk_1_8_0: Path, tmp_path: Path
) -> AsyncIterator[Original]:
    """Cy, who uses the user mode; in the room from the start."""
    account = await room.owner.wire.sign_up("cy")
    room.people["cy"] = account
    config = config_of(room, account.email, "cy", service_mode=False)
    async with Original(
        sdk_1_8_0, tmp_path / "cy", config=config, run={"config": "config.json"}
    ) as cy:
        await cy.event("on_start")
        yield cy


async def test_c_1_a_service_without_an_id_starts_and_shows_characters(
    room: Room, service: Original
) -> None:
    (owned,) = await room.owner.get("/service/list")
    assert owned["channel_ids"] == [room.channel_id]
    frame = await room.sockets["ada"].next()
    assert (frame["type"], frame["body"]["subtype"]) == ("update", "characters")
    shown = await room.people["ada"].get(
        "/user/group",
        channel_id=room.channel_id,
        user_id=room.id_of("ada"),
        group_id=frame["body"]["content"]["characters"],
    )
    assert shown["characters"] == [room.id_of("bob")]


async def test_c_2_a_user_joins_and_leaves_and_the_service_hears_of_it(
    room: Room, service: Original, cy: Original
) -> None:
    joined = await service.event("on_join")
    assert (joined["subtype"], joined["sender"]) == ("join", room.id_of("cy"))
    await cy.call("send_leave_channel", channel_id=room.channel_id)
    left = await service.event("on_leave")
    assert (left["subtype"], left["sender"]) == ("leave", room.id_of("cy"))


async def test_c_3_a_forwarded_message_reaches_the_members_among_its_recipients(
    room: Room, service: Original, cy: Original
) -> None:
    whom = [room.id_of("cy"), "somebody-unknown"]
    await cy.call(
        "send_message", message="Good morning", channel_id=room.channel_id, recipients=whom
    )
    heard = await service.event("on_message_up")
    assert heard["recipients"] == whom
    await service.call(
        "send_message",
        message="Ah",
        channel_id=room.channel_id,
        sender=room.id_of("cy"),
        recipients=whom,
    )
    message = await cy.event("on_message_down")
    assert message["content"]["text"] == "Ah"


async def test_c_4_a_message_to_the_service(room: Room, service: Original, cy: Original) -> None:
    await cy.call(
        "send_message", message="To you", channel_id=room.channel_id, recipients="service"
    )
    heard = await service.event("on_message_up")
    assert (heard["content"]["text"], heard["recipients"]) == ("To you", ["service"])
    await room.say("ada", "To you, literally")
    heard = await service.event("on_message_up")
    assert (heard["content"]["text"], heard["recipients"]) == ("To you, literally", [])


async def test_c_5_and_6_a_refresh_brings_buttons_menu_canvas_and_style(
    room: Room, service: Original, cy: Original
) -> None:
    await cy.call("send_refresh", channel_id=room.channel_id)
    asked = await service.event("on_refresh")
    assert (asked["subtype"], asked["sender"]) == ("refresh", room.id_of("cy"))
    to_cy = {"channel_id": room.channel_id, "recipients": [room.id_of("cy")]}
    item = {"menu_item_id": "copy", "menu_item_text": "Copy", "message_subtypes": ["text"]}
    await service.call("send_buttons", buttons=[PRESS], **to_cy)
    await service.call("send_menu", menu_items=[item], **to_cy)
    await service.call("send_canvas", canvas_items=[{"CanvasItem": {"text": "Sunny"}}], **to_cy)
    await service.call(
        "send_style", style_items=[{"widget": "canvas", "display": "visible"}], **to_cy
    )
    shown = {
        name: await cy.event(f"on_update_{name}") for name in ("buttons", "menu", "canvas", "style")
    }
    assert shown["buttons"]["content"][0]["button"]["button_text"] == "Press me"
    assert shown["menu"]["content"][0]["menu_item"]["menu_item_text"] == "Copy"
    assert shown["canvas"]["content"][0]["canvas_item"]["text"] == "Sunny"
    assert shown["style"]["content"][0]["style_item"]["display"] == "visible"
    assert {str(each["recipients"]) for each in shown.values()} == {"None"}


async def test_a_click_on_a_button_and_on_a_menu_item_arrives(
    room: Room, service: Original, cy: Original
) -> None:
    await cy.call(
        "send_button_click",
        button_id="press",
        bottom_button_id="confirm",
        button_args=[{"label": "How", "value": "softly"}],
        channel_id=room.channel_id,
    )
    click = await service.event("on_button_click")
    assert (click["button_id"], click["bottom_button_id"]) == ("press", "confirm")
    assert [(each["label"], each["value"]) for each in click["arguments"]] == [("How", "softly")]
    await service.call(
        "send_message",
        message="Copy me",
        channel_id=room.channel_id,
        sender=room.id_of("bob"),
        recipients=[room.id_of("cy")],
    )
    message = await cy.event("on_message_down")
    await cy.call(
        "send_menu_item_click",
        menu_item_id="copy",
        bottom_button_id="confirm",
        button_args=[],
        the_message=message["message_id"],
        channel_id=room.channel_id,
    )
    click = await service.event("on_menu_item_click")
    assert (click["menu_item_id"], click["message_subtype"]) == ("copy", "text")
    assert click["message_content"]["text"] == "Copy me"


async def test_c_7_a_file_goes_up_and_comes_down(
    room: Room, service: Original, tmp_path: Path
) -> None:
    file = tmp_path / "the list of 1.8.0, final.txt"
    content = b"tea\n" * 10_000
    file.write_bytes(content)
    address = await service.call("upload", file_path=str(file))
    assert address.startswith(room.platform.url)
    saved = await service.call("download", source=address, file_path=str(tmp_path / "saved.txt"))
    assert await asyncio.to_thread(Path(saved).read_bytes) == content


async def test_c_10_the_platform_restarts_and_the_service_goes_on(
    room: Room, options: PlatformOptions, service: Original
) -> None:
    group = await room.owner.group(room.id_of("ada"))
    await settled(room, service)
    await room.platform.stop()
    async with LocalPlatform(options):
        await service.event("on_copy_client", is_good_login)
        ada = await room.people["ada"].user_socket()
        to_old_group = {
            "subtype": "text",
            "channel_id": room.channel_id,
            "content": {"text": "Still here"},
            "recipients": group,
            "sender": room.id_of("bob"),
            "timestamp": 1,
            "context": {},
        }
        await service.call("send", payload_type="message_down", payload_body=to_old_group)
        assert (await ada.next())["body"]["content"] == {"text": "Still here"}
        await ada.close()


async def test_c_12_too_large_a_message_costs_the_connection_and_no_more(
    room: Room, service: Original
) -> None:
    await settled(room, service)
    await service.call(
        "send_message",
        message="x" * 200 * 1024,
        channel_id=room.channel_id,
        sender=room.id_of("bob"),
        recipients=[room.id_of("ada")],
    )
    await service.event("on_copy_client", is_good_login)
    await room.say("ada", "Still there?")
    heard = await service.event("on_message_up")
    assert heard["content"]["text"] == "Still there?"


async def settled(room: Room, service: Original) -> None:
    """Wait until everything that belongs to the start of the service has happened."""
    await room.say("ada", "Are you ready?")
    await service.event("on_message_up")


def is_good_login(copy: Any) -> bool:
    return copy["origin_type"] == "service_login" and copy["status"] is True
