"""Section 5: the sequences that original clients go through, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from moobius.local import LocalPlatform, PlatformOptions
from tests.conformance.literal import (
    action,
    body_of,
    characters_of,
    do,
    message_up,
    say,
    show,
    tell,
    update,
)
from tests.local.conftest import Room
from tests.support.wire import Person, Socket, Wire, wire_to

DAY_MS = 24 * 3_600_000


def login(token: str, service_id: str) -> dict[str, str]:
    frame = {"type": "service_login", "auth_origin": "cognito", "access_token": token}
    return {**frame, "service_id": service_id}


async def test_5_1_a_service_of_1_8_0_starts(wire: Wire) -> None:
    ada = await wire.sign_up("ada")
    channel = await ada.channel()
    body = {"username": ada.email, "password": "ada"}
    signed = await wire.call("POST", "/auth/sign_in", body=body)
    ada.token = signed["data"]["AuthenticationResult"]["AccessToken"]
    socket = await wire.socket()
    service_id = (await ada.post("/service/create", description="x"))["service_id"]
    for _ in range(2):  # both are read much later
        await socket.send(**login(ada.token, service_id))
    context = {"name": "Owl", "avatar": "", "description": ""}
    await ada.post("/service/character/create", service_id=service_id, context=context)
    assert (await ada.get("/service/list"))[0]["channel_ids"] == []
    await ada.post("/service/bind", channel_id=channel, service_id=service_id)
    assert await ada.get("/user/group/list", channel_id=channel, service_id=service_id) == []
    listed = await ada.get("/channel/character_list", channel_id=channel, service_id=service_id)
    group = await ada.group(*listed["character_list"])
    member = await ada.user_socket()
    shown = {"subtype": "buttons", "channel_id": channel, "recipients": group, "content": []}
    await socket.send(type="update", service_id=service_id, body=shown)
    assert [(await socket.copy())["origin_type"] for _ in range(3)] == [
        *["service_login"] * 2,
        "update",
    ]
    assert (await body_of(member))["subtype"] == "buttons"


async def test_5_1_a_service_of_1_3_7_speaks_before_its_real_login(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    await socket.good(**login(room.ada.token, ""))
    new = (await room.ada.post("/service/create", description=""))["service_id"]
    channel = await room.ada.channel("Old")
    await room.ada.post("/service/bind", channel_id=channel, service_id=new)
    shown = update(room, "update_buttons", [], recipients=room.ada.user_id, channel_id=channel)
    await socket.good(type="update", service_id=new, body=shown)
    assert (await body_of(room.ada_socket))["subtype"] == "buttons"
    await socket.good(**login(room.ada.token, new))
    await room.ada_socket.good(type="action", body=action(room, "refresh", channel_id=channel))
    assert (await body_of(socket))["subtype"] == "fetch_characters"


async def test_5_2_creating_and_binding_need_no_connection(ada: Person) -> None:
    service_id = (await ada.post("/service/create", description=""))["service_id"]
    channel = await ada.channel()
    await ada.post("/service/bind", channel_id=channel, service_id=service_id)
    listed = {each["service_id"]: each["channel_ids"] for each in await ada.get("/service/list")}
    assert listed == {service_id: [channel]}


async def test_5_3_python_user_mode_starts(room: Room, cy: Person) -> None:
    socket = await cy.user_socket()
    assert (await cy.get("/user/info"))["user_id"] == cy.user_id
    await socket.good(type="user_login", auth_origin="cognito", access_token=cy.token)
    assert await cy.get("/channel/list") == []
    await socket.good(type="action", user_id=cy.user_id, body=action(room, "join_channel"))
    assert (await body_of(room.bound))["subtype"] == "join"
    await tell(room, [cy.user_id])
    assert (await body_of(socket))["content"] == {"text": "welcome"}


async def test_5_3_javascript_starts(wire: Wire) -> None:
    socket = await wire.socket()  # before anybody has signed in
    await socket.good(type="heartbeat", body={})
    ada = await wire.sign_up("ada")
    body = await socket.ask(type="user_login", auth_origin="cognito", access_token=ada.token)
    assert body["status"] is True


async def test_5_3_javascript_forgets_to_log_in_again(room: Room, wire: Wire) -> None:
    socket = await wire.socket()
    body = await socket.ask(type="message_up", user_id=room.bob.user_id, body=message_up(room))
    assert (body["status"], body["context"]) == (False, {"message": "You have not login yet"})


async def test_5_4_a_browser_reloads(room: Room) -> None:
    socket = await room.bob.user_socket()
    await socket.good(type="action", user_id=room.bob.user_id, body=action(room, "refresh"))
    asked = await body_of(room.bound)
    assert asked["sender"] == room.bob.user_id
    shown = await room.ada.group("OWL", room.bob.user_id)
    contents: dict[str, Any] = {"characters": {"characters": shown}, "buttons": [], "menu": []}
    for subtype, content in {**contents, "canvas": [], "style": []}.items():
        await show(room, subtype, content, recipients=asked["sender"])
    bodies = [await body_of(socket) for _ in range(5)]
    assert [each["subtype"] for each in bodies] == [*contents, "canvas", "style"]
    assert not any("recipients" in each for each in bodies)
    assert await characters_of(room.bob, bodies[0]["content"]["characters"]) == [
        "OWL",
        room.bob.user_id,
    ]
    await room.ada_socket.nothing()


async def test_5_5_a_join(room: Room, cy: Person) -> None:
    socket = await cy.user_socket()
    await socket.good(type="action", body=action(room, "join_channel"))
    joined = await body_of(room.bound)
    members = await room.ada.get("/channel/character_list", channel_id=room.channel)
    assert members["character_list"][-1] == joined["sender"] == cy.user_id
    everybody = members["character_list"]
    for asked in range(2):  # once for the join, once for the refresh that follows
        await show(room, "characters", {"characters": everybody}, recipients=everybody)
        group = (await body_of(socket))["content"]["characters"]
        assert await characters_of(cy, group) == everybody
        if not asked:
            await socket.good(type="action", body=action(room, "refresh"))
            assert (await body_of(room.bound))["subtype"] == "refresh"


async def test_5_6_a_message_through_a_forwarding_service(room: Room, cy: Person) -> None:
    given = {"channel_id": room.channel, "group_name": "x"}
    members = [room.ada.user_id, cy.user_id]  # Cy is no member
    group = (await room.bob.post("/user/group/create", **given, characters=members))["group_id"]
    await say(room, group)
    up = await body_of(room.bound)
    resolved = await room.ada.get(
        "/user/group", group_id=up["recipients"], channel_id=room.channel, user_id=up["sender"]
    )
    assert resolved["characters"] == members
    down = await room.ada.group(*resolved["characters"])
    stranger = await cy.user_socket()
    await tell(room, down, sender=up["sender"], content=up["content"])
    received = await body_of(room.ada_socket)
    assert (received["content"], received["sender"]) == (up["content"], room.bob.user_id)
    assert received["message_id"] != up["message_id"]
    await stranger.nothing()


async def test_5_7_and_5_8_clicks_lead_to_messages(room: Room) -> None:
    button = {"button_id": "order", "button_text": "Order", "dialog": None}
    item = {"menu_item_id": "quote", "menu_item_text": "Quote", "message_subtypes": ["text"]}
    await show(room, "buttons", [button])
    await show(room, "menu", [item])
    for _ in range(2):
        await room.bob_socket.next()
    await do(room, "button_click", button_id="order", arguments=[], bottom_button_id="confirm")
    assert (await body_of(room.bound))["button_id"] == "order"
    await tell(room, [room.bob.user_id])
    message = await body_of(room.bob_socket)
    click = {"message_id": message["message_id"], "message_subtype": message["subtype"]}
    content = {"message_content": message["content"]}
    await do(room, "menu_item_click", menu_item_id="quote", **click, **content)
    assert (await body_of(room.bound))["message_content"] == {"text": "welcome"}


async def test_5_9_a_file_message_is_passed_on(room: Room) -> None:
    content = {"path": "https://files.example/list.pdf", "filename": "list.pdf", "size": 1234}
    await say(room, subtype="file", content=content)
    assert (await body_of(room.bound))["content"] == content


async def test_5_10_a_socket_outlives_its_token() -> None:
    now = [1_719_000_000_000]
    platform = LocalPlatform(PlatformOptions(), clock=lambda: now[0])
    async with platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        channel = await ada.channel()
        socket = await ada.user_socket()
        now[0] += 2 * DAY_MS
        body = {"subtype": "text", "channel_id": channel, "content": {"text": "still here"}}
        await socket.good(type="message_up", body={**body, "recipients": [ada.user_id]})
        assert (await body_of(socket))["content"] == {"text": "still here"}


async def test_5_10_signing_out_leaves_sockets_open(room: Room) -> None:
    await room.bob.post("/auth/sign_out", access_token=room.bob.token)
    await tell(room, [room.bob.user_id])
    assert (await body_of(room.bob_socket))["content"] == {"text": "welcome"}


async def test_5_11_after_a_restart_everything_is_as_it_was(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada, bob = await wire.be("ada@example.org"), await wire.be("bob@example.org")
        channel = await ada.channel()
        await bob.join(channel)
        room = Room(ada, bob, channel, await ada.user_socket(), await bob.user_socket())
        room.service_id = await ada.bound_service(channel)
        group = await ada.group(bob.user_id)
        room.service = await ada.service_socket(room.service_id)
        assert room.bob_socket.raw.close_code is None
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        for person in (ada, bob):
            person.wire = wire
        room.bob_socket = await bob.user_socket()  # with the old token
        room.service = await ada.service_socket(room.service_id)
        await tell(room, group)
        assert (await body_of(room.bob_socket))["sender"] == "OWL"
        await say(room)
        assert (await body_of(room.bound))["sender"] == bob.user_id


async def test_5_11_what_comes_before_the_login_is_refused_and_what_follows_is_not(
    room: Room,
) -> None:
    socket: Socket = await room.bob.wire.socket()
    await socket.send(type="message_up", body=message_up(room, content={"text": "early"}))
    await socket.send(type="user_login", access_token=room.bob.token)
    await socket.send(type="message_up", body=message_up(room, content={"text": "late"}))
    assert [(await socket.copy())["status"] for _ in range(3)] == [False, True, True]
    assert (await body_of(room.bound))["content"] == {"text": "late"}
    await room.bound.nothing()
