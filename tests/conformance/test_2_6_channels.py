"""Section 2.6: channels; their histories are in `test_2_6_history.py`."""

from __future__ import annotations

from typing import Any

from moobius.local import LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.wire import Person, wire_to


async def create(person: Person, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = await person.post("/channel/create", **body)
    return found


async def test_2_6_create_answers_with_the_channel_object(ada: Person) -> None:
    context = {"channel_description": "hot drinks"}
    channel = await create(ada, channel_name="Tea room", context=context)
    assert channel == {
        "channel_id": channel["channel_id"],
        "channel_name": "Tea room",
        "channel_context": {"channel_description": "hot drinks", "channel_type": "dcs"},
        "user_channel_context": {},
    }


async def test_2_6_js_creates_without_a_description(ada: Person) -> None:
    bodies: list[dict[str, Any]] = [{"context": {}}, {}, {"context": None}]
    for body in bodies:
        channel = await create(ada, channel_name="Tea room", **body)
        assert channel["channel_context"]["channel_description"] == ""


async def test_2_6_a_channel_has_a_name(ada: Person) -> None:
    assert await ada.refused("POST", "/channel/create", channel_name="", context={}) == 10001


async def test_2_6_update_is_partial(ada: Person) -> None:
    context = {"channel_description": "hot"}
    made = await create(ada, channel_name="Tea", context=context)
    which = {"channel_id": made["channel_id"]}
    await ada.post("/channel/update", **which)  # js: nothing but the id
    assert await ada.get("/channel/list") == [made]
    await ada.post("/channel/update", **which, channel_name="Cocoa")
    await ada.post("/channel/update", **which, context={})
    (listed,) = await ada.get("/channel/list")
    assert listed == {**made, "channel_name": "Cocoa"}
    await ada.post("/channel/update", **which, context={"channel_description": "sweet"})
    (listed,) = await ada.get("/channel/list")
    assert listed["channel_name"] == "Cocoa"
    assert listed["channel_context"]["channel_description"] == "sweet"


async def test_2_6_update_is_for_the_creator_of_a_channel_there_is(room: Room) -> None:
    given = {"channel_id": room.channel, "channel_name": "Mine"}
    assert await room.bob.refused("POST", "/channel/update", **given) == 10003
    given["channel_id"] = "unknown"
    assert await room.ada.refused("POST", "/channel/update", **given) == 10002


async def test_2_6_renaming_tells_the_members_by_channel_info(room: Room) -> None:
    await room.ada.post("/channel/update", channel_id=room.channel, channel_name="Cocoa")
    frame = await room.bob_socket.next()
    assert frame["type"] == "update"
    assert frame["body"]["subtype"] == "channel_info"
    assert frame["body"]["content"]["channel_name"] == "Cocoa"
    await room.bound.nothing()


async def test_2_6_list_holds_the_callers_channels_as_objects(ada: Person, bob: Person) -> None:
    tea = await create(ada, channel_name="Tea", context={})
    cocoa = await create(ada, channel_name="Cocoa", context={})
    assert await ada.get("/channel/list") == [tea, cocoa]
    assert await bob.get("/channel/list") == []
    await bob.join(cocoa["channel_id"])
    assert await bob.get("/channel/list") == [cocoa]


async def test_2_6_popular_lists_most_members_first(ada: Person, bob: Person, cy: Person) -> None:
    quiet, lively, middling = [await ada.channel(name) for name in ("1", "2", "3")]
    for person, channel in ((bob, lively), (cy, lively), (cy, middling)):
        await person.join(channel)
    popular = await cy.get("/channel/popular")
    assert [each["channel_id"] for each in popular] == [lively, middling, quiet]
    assert popular[0]["channel_context"] == {
        "channel_description": "",
        "channel_type": "dcs",
        "channel_user_count": 3,
        "tag": [],
    }


async def test_2_6_popular_lists_twenty_at_most(ada: Person) -> None:
    for number in range(21):
        await ada.channel(f"Channel {number}")
    assert len(await ada.get("/channel/popular")) == 20
    assert len(await ada.get("/channel/list")) == 21


async def test_2_6_the_member_list_is_real_members_by_time_of_joining(
    ada: Person, bob: Person, cy: Person
) -> None:
    channel = await ada.channel()
    await cy.join(channel)
    await bob.join(channel)
    members = await bob.get("/channel/character_list", channel_id=channel)
    assert members == {"character_list": [ada.user_id, cy.user_id, bob.user_id]}
    socket = await cy.user_socket()
    for subtype in ("leave", "join"):
        await socket.good(type="action", body={"subtype": subtype, "channel_id": channel})
    members = await bob.get("/channel/character_list", channel_id=channel)
    assert members == {"character_list": [ada.user_id, bob.user_id, cy.user_id]}


async def test_2_6_the_member_list_does_not_look_at_service_id(room: Room, cy: Person) -> None:
    for service_id in (room.service_id, room.ada.user_id, "", "nonsense"):
        query = {"channel_id": room.channel, "service_id": service_id}
        assert await room.ada.get("/channel/character_list", **query)
        assert await cy.refused("GET", "/channel/character_list", **query) == 10003
    assert await room.ada.get("/channel/character_list", channel_id=room.channel)


async def test_2_6_the_bound_services_owner_sees_the_members_without_being_one() -> None:
    # Binding takes the creator, so this owner is the creator; who has left sees them still.
    async with LocalPlatform(PlatformOptions()) as platform, wire_to(platform.url) as wire:
        ada, bob = await wire.be("ada@example.org"), await wire.be("bob@example.org")
        channel = await ada.channel()
        await ada.bound_service(channel)
        await bob.join(channel)
        socket = await ada.user_socket()
        await socket.good(type="action", body={"subtype": "leave", "channel_id": channel})
        members = await ada.get("/channel/character_list", channel_id=channel)
        assert members == {"character_list": [bob.user_id]}


async def test_2_6_members_of_no_channel_are_not_found(ada: Person) -> None:
    assert await ada.refused("GET", "/channel/character_list", channel_id="unknown") == 10002
    assert await ada.refused("GET", "/channel/history_message", channel_id="unknown") == 10002
