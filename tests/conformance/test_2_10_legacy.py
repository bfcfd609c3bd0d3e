"""Section 2.10: the paths of py0.0.1, with the shapes it reads."""

from __future__ import annotations

from typing import Any

from tests.local.conftest import Room
from tests.support.wire import Person

OWL = {"nickname": "Owl", "avatar": "https://files.example/owl.png", "description": "wise"}


async def make_owl(room: Room) -> dict[str, Any]:
    given = {"service_id": room.service_id, "username": "owl", "context": OWL}
    found: dict[str, Any] = await room.ada.post("/service/user/create", **given)
    return found


async def test_2_10_userlist_has_the_members_as_objects(room: Room, cy: Person) -> None:
    query = {"channel_id": room.channel, "service_id": room.service_id}
    found = (await room.ada.get("/channel/userlist", **query))["userlist"]
    assert [each["user_id"] for each in found] == [room.ada.user_id, room.bob.user_id]
    profile = (await room.ada.post("/character/fetch_profile", character_list=[room.bob.user_id]))[
        0
    ]
    context = profile["character_context"]
    assert found[1] == {
        "user_id": room.bob.user_id,
        "username": "Bob",
        "user_context": {
            "nickname": "Bob",
            "avatar": context["avatar"],
            "description": context["description"],
        },
    }
    assert await cy.refused("GET", "/channel/userlist", **query) == 10003


async def test_2_10_profiles_are_an_object_by_id(room: Room) -> None:
    owl = await make_owl(room)
    wanted = [owl["user_id"], "unknown", room.ada.user_id]
    found = await room.bob.post("/user/fetch_profile", userlist=wanted)
    assert set(found) == {owl["user_id"], room.ada.user_id}
    assert found[owl["user_id"]] == owl
    assert await room.bob.post("/user/fetch_profile", userlist=[]) == {}


async def test_2_10_an_agent_is_created_and_changed_by_nickname(room: Room) -> None:
    owl = await make_owl(room)
    assert owl == {"user_id": owl["user_id"], "username": "Owl", "user_context": OWL}
    which = {"service_id": room.service_id, "user_id": owl["user_id"]}
    context = {"nickname": "Owl II"}
    changed = await room.ada.post("/service/user/update", **which, username="owl", context=context)
    assert changed["user_context"] == {**OWL, **context}
    (modern,) = await room.ada.get("/service/character/list", service_id=room.service_id)
    assert modern["character_context"]["name"] == "Owl II"


async def test_2_10_without_a_nickname_the_username_is_the_name(room: Room) -> None:
    given = {"service_id": room.service_id, "username": "fox", "context": {}}
    fox = await room.ada.post("/service/user/create", **given)
    assert fox["user_context"]["nickname"] == "fox"
    given = {"service_id": room.service_id, "context": {}}
    assert await room.ada.refused("POST", "/service/user/create", **given) == 10001


async def test_2_10_agents_are_listed_as_users(room: Room) -> None:
    owl = await make_owl(room)
    assert await room.ada.get("/service/user/list", service_id=room.service_id) == [owl]
    query = {"service_id": room.service_id}
    assert await room.bob.refused("GET", "/service/user/list", **query) == 10002
