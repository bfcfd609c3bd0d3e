"""Section 2.7: services, bindings, agents."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import Room
from tests.support.raw_http import ask
from tests.support.wire import Person

OWL = {"name": "Owl", "avatar": "https://files.example/owl.png", "description": "wise"}


async def make_owl(room: Room, **context: str) -> dict[str, Any]:
    given = {"service_id": room.service_id, "context": context or OWL}
    found: dict[str, Any] = await room.ada.post("/service/character/create", **given)
    return found


async def test_2_7_create_answers_with_the_id_alone(ada: Person) -> None:
    for body in ({"description": "Created by the SDK"}, {}):
        made = await ada.post("/service/create", **body)
        assert made == {"service_id": made["service_id"]}


async def test_2_7_a_new_service_can_be_used_at_once(ada: Person) -> None:
    channel = await ada.channel()
    service = (await ada.post("/service/create", description=""))["service_id"]
    socket = await ada.service_socket(service)
    await ada.post("/service/bind", channel_id=channel, service_id=service)
    body = {"subtype": "channel_info", "channel_id": channel, "content": {}}
    await socket.good(type="update", service_id=service, body={**body, "recipients": ""})


async def test_2_7_list_has_every_service_of_the_account_with_a_list_of_channels(
    room: Room,
) -> None:
    idle = (await room.ada.post("/service/create", description="idle"))["service_id"]
    assert await room.ada.get("/service/list") == [
        {"service_id": room.service_id, "channel_ids": [room.channel], "description": ""},
        {"service_id": idle, "channel_ids": [], "description": "idle"},
    ]
    assert await room.bob.get("/service/list") == []


async def test_2_7_binding_the_same_pair_again_succeeds(room: Room) -> None:
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    for _ in range(2):
        await room.ada.post("/service/bind", **pair)
    (listed,) = await room.ada.get("/service/list")
    assert listed["channel_ids"] == [room.channel]


async def test_2_7_a_channel_bound_to_another_service_is_refused(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    given = {"channel_id": room.channel, "service_id": other}
    assert await room.ada.refused("POST", "/service/bind", **given) == 10004
    await room.ada.post("/service/unbind", channel_id=room.channel, service_id=room.service_id)
    await room.ada.post("/service/bind", **given)


async def test_2_7_binding_needs_no_connection(ada: Person) -> None:
    await ada.bound_service(await ada.channel())


async def test_2_7_binding_pushes_nothing(plain_room: Room) -> None:
    room = plain_room
    await room.bob_socket.drop()
    await room.ada.bound_service(room.channel)
    await room.bob_socket.nothing()


async def test_2_7_unbinding_shows_the_members_each_other(room: Room) -> None:
    await room.ada.post("/service/unbind", channel_id=room.channel, service_id=room.service_id)
    frame = await room.bob_socket.next()
    assert (frame["type"], frame["body"]["subtype"]) == ("update", "characters")
    group = frame["body"]["content"]["characters"]
    found = await room.bob.get("/user/group", group_id=group)
    assert found["characters"] == [room.ada.user_id, room.bob.user_id]


async def test_2_7_unbinding_what_is_not_bound_is_10002(room: Room) -> None:
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    given = {**pair, "service_id": other}
    assert await room.ada.refused("POST", "/service/unbind", **given) == 10002
    await room.ada.post("/service/unbind", **pair)
    assert await room.ada.refused("POST", "/service/unbind", **pair) == 10002


@pytest.mark.parametrize("path", ["/service/bind", "/service/unbind"])
async def test_2_7_what_is_not_there_is_10002(room: Room, path: str) -> None:
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    for field in pair:
        assert await room.ada.refused("POST", path, **{**pair, field: "unknown"}) == 10002


async def test_2_7_creating_an_agent_answers_with_its_profile(room: Room) -> None:
    owl = await make_owl(room)
    assert owl == {"character_id": owl["character_id"], "character_context": OWL}


async def test_2_7_updating_an_agent_is_partial_and_answers_with_its_profile(room: Room) -> None:
    owl = await make_owl(room)
    which = {"service_id": room.service_id, "character_id": owl["character_id"]}
    for context, expected in (
        ({"name": "Owl II"}, {**OWL, "name": "Owl II"}),
        ({}, {**OWL, "name": "Owl II"}),
        ({"avatar": "", "description": ""}, {"name": "Owl II", "avatar": "", "description": ""}),
    ):
        changed = await room.ada.post("/service/character/update", **which, context=context)
        assert changed == {**owl, "character_context": expected}


async def test_2_7_after_an_update_nothing_is_pushed(room: Room) -> None:
    owl = await make_owl(room)
    which = {"service_id": room.service_id, "character_id": owl["character_id"]}
    await room.ada.post("/service/character/update", **which, context={"name": "Owl II"})
    await room.bob_socket.nothing()


async def test_2_7_only_agents_of_the_service_are_updated(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    owl = await make_owl(room)
    for service, character in (
        (other, owl["character_id"]),
        (room.service_id, "unknown"),
        (room.service_id, room.ada.user_id),
    ):
        given = {"service_id": service, "character_id": character, "context": {"name": "x"}}
        assert await room.ada.refused("POST", "/service/character/update", **given) == 10002


async def test_2_7_agents_are_listed_as_profiles_by_query_and_by_body(room: Room) -> None:
    listed = [await make_owl(room), await make_owl(room, name="Fox", avatar="", description="")]
    url, token, given = room.ada.wire.url, room.ada.token, {"service_id": room.service_id}
    target = f"/service/character/list?service_id={room.service_id}"
    assert (await ask(url, "GET", target, token=token)).json["data"] == listed
    reply = await ask(url, "GET", "/service/character/list", body=given, token=token)
    assert reply.json["data"] == listed
    assert await room.bob.refused("GET", "/service/character/list", **given) == 10002


@pytest.mark.parametrize("avatar", ["", "https://gba.example/LogoLight.jpg", "not a url", "ä b"])
async def test_2_7_an_avatar_is_stored_as_it_is(room: Room, avatar: str) -> None:
    owl = await make_owl(room, name="Owl", avatar=avatar, description="")
    assert owl["character_context"]["avatar"] == avatar
