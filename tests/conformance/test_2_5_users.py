"""Section 2.5: users and characters."""

from __future__ import annotations

from typing import Any

from tests.local.conftest import Room
from tests.support.wire import Person, data_of


async def test_2_5_user_info_has_what_every_client_reads(ada: Person) -> None:
    assert await ada.get("/user/info") == {
        "context": {
            "name": "Ada",
            "avatar": "",
            "description": "Likes machines that follow a table.",
        },
        "email": "ada@example.org",
        "email_verified": True,
        "user_id": ada.user_id,
        "sub": ada.user_id,
        "system_context": {},
    }


async def test_2_5_editing_answers_with_the_whole_info(ada: Person) -> None:
    given = {"name": "Ada L.", "avatar": "https://files.example/a.png", "description": "x"}
    info = await ada.post("/user/info", **given)
    assert info["context"] == given
    assert info == await ada.get("/user/info")


async def test_2_5_editing_is_partial(ada: Person) -> None:
    before = (await ada.get("/user/info"))["context"]
    for field in ("name", "avatar", "description"):
        changed = (await ada.post("/user/info", **{field: f"new {field}"}))["context"]
        assert changed == {**before, field: f"new {field}"}
        before = changed
    assert (await ada.post("/user/info"))["context"] == before
    assert (await ada.post("/user/info", description=""))["context"]["description"] == ""


async def test_2_5_py_0_0_1_sends_two_fields_more(ada: Person, bob: Person) -> None:
    info = await ada.post("/user/info", name="A", nickname="B", user_id=bob.user_id)
    assert (info["context"]["name"], info["user_id"]) == ("A", ada.user_id)


async def test_2_5_profiles_have_all_three_fields(ada: Person, bob: Person) -> None:
    assert await ada.post("/character/fetch_profile", character_list=[bob.user_id]) == [
        {
            "character_id": bob.user_id,
            "character_context": {
                "name": "Bob",
                "avatar": "",
                "description": "Reads everything, answers some of it.",
            },
        }
    ]


async def test_2_5_profiles_come_in_the_order_asked_with_duplicates(
    ada: Person, bob: Person
) -> None:
    wanted = [bob.user_id, ada.user_id, bob.user_id]
    found = await ada.post("/character/fetch_profile", character_list=wanted)
    assert [each["character_id"] for each in found] == wanted


async def test_2_5_unknown_ids_are_left_out(ada: Person) -> None:
    wanted = ["unknown", ada.user_id, "service", ""]
    found = await ada.post("/character/fetch_profile", character_list=wanted)
    assert [each["character_id"] for each in found] == [ada.user_id]


async def test_2_5_an_empty_or_a_lost_list_finds_nobody(ada: Person) -> None:
    assert await ada.post("/character/fetch_profile", character_list=[]) == []
    assert await ada.post("/character/fetch_profile") == []
    assert await ada.get("/character/fetch_profile") == []


async def test_2_5_members_and_agents_are_looked_up_alike_by_post_and_get(room: Room) -> None:
    context = {"name": "Owl", "avatar": "https://files.example/owl.png", "description": "wise"}
    given: dict[str, Any] = {"service_id": room.service_id, "context": context}
    owl = await room.ada.post("/service/character/create", **given)
    wanted = [owl["character_id"], room.ada.user_id]
    posted = await room.bob.post("/character/fetch_profile", character_list=wanted)
    assert posted[0] == {"character_id": owl["character_id"], "character_context": context}
    call = room.bob.wire.call
    body = {"character_list": wanted}
    for given in ({"body": body}, {"query": {"character_list[]": wanted}}):
        reply = await call("GET", "/character/fetch_profile", token=room.bob.token, **given)
        assert data_of(reply) == posted
