"""Section 1: entities, identifiers, groups, permissions."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.wire import Person, Wire, wire_to

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


async def owl_of(room: Room) -> str:
    """Create an agent of the room's service."""
    context = {"name": "Owl", "avatar": "", "description": ""}
    given = {"service_id": room.service_id, "context": context}
    return str((await room.ada.post("/service/character/create", **given))["character_id"])


async def type_of(person: Person, channel_id: str) -> str:
    listed = await person.get("/channel/list")
    found = {each["channel_id"]: each["channel_context"]["channel_type"] for each in listed}
    return str(found[channel_id])


async def test_1_1_user_clients_are_not_told_who_is_an_agent(room: Room) -> None:
    wanted = [room.ada.user_id, await owl_of(room)]
    member, owl = await room.bob.post("/character/fetch_profile", character_list=wanted)
    assert member.keys() == owl.keys() == {"character_id", "character_context"}
    assert member["character_context"].keys() == owl["character_context"].keys()


async def test_1_1_an_agent_is_no_member(room: Room) -> None:
    owl = await owl_of(room)
    members = await room.ada.get("/channel/character_list", channel_id=room.channel)
    assert owl not in members["character_list"]


async def test_1_1_a_service_logs_in_with_its_owners_token(room: Room) -> None:
    socket = await room.ada.service_socket(room.service_id)
    await socket.good(type="heartbeat", body={})
    foreign = await room.bob.wire.socket()
    frame = {"type": "service_login", "service_id": room.service_id}
    await foreign.bad(**frame, access_token=room.bob.token)


async def test_1_1_one_service_in_many_channels_many_services_in_one_account(ada: Person) -> None:
    first, second = await ada.channel("One"), await ada.channel("Two")
    service = await ada.bound_service(first)
    await ada.post("/service/bind", channel_id=second, service_id=service)
    other = (await ada.post("/service/create", description=""))["service_id"]
    listed = {each["service_id"]: each["channel_ids"] for each in await ada.get("/service/list")}
    assert listed == {service: [first, second], other: []}


async def test_1_1_a_channel_has_at_most_one_service(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    given = {"channel_id": room.channel, "service_id": other}
    assert await room.ada.refused("POST", "/service/bind", **given) == 10004


async def test_1_2_the_type_follows_the_binding(ada: Person) -> None:
    channel = await ada.channel()
    assert await type_of(ada, channel) == "dcs"
    service = await ada.bound_service(channel)
    assert await type_of(ada, channel) == "ccs"
    await ada.post("/service/unbind", channel_id=channel, service_id=service)
    assert await type_of(ada, channel) == "dcs"


async def test_1_3_ids_are_plain_lower_case_uuids(room: Room) -> None:
    bob = room.bob
    await room.bob_socket.good(
        type="message_up",
        body={
            "subtype": "text",
            "channel_id": room.channel,
            "content": {"text": "hello"},
            "recipients": "service",
        },
    )
    message = (await room.bound.next())["body"]
    ids = [
        room.channel,
        room.service_id,
        await owl_of(room),
        await room.ada.group("x"),
        bob.user_id,
        message["message_id"],
    ]
    assert [each for each in ids if not UUID4.fullmatch(each)] == []
    assert len(set(ids)) == len(ids)


async def test_1_3_a_members_character_id_is_the_user_id_in_every_channel(
    ada: Person, bob: Person
) -> None:
    for name in ("One", "Two"):
        channel = await ada.channel(name)
        await bob.join(channel)
        members = await ada.get("/channel/character_list", channel_id=channel)
        assert members == {"character_list": [ada.user_id, bob.user_id]}


async def test_1_3_timestamps_are_milliseconds(room: Room) -> None:
    body = {"subtype": "text", "channel_id": room.channel, "content": {}, "recipients": "service"}
    await room.bob_socket.good(type="message_up", body=body)
    stamp = (await room.bound.next())["body"]["timestamp"]
    assert isinstance(stamp, int)
    assert abs(stamp - time.time() * 1000) < 60_000


async def test_1_4_any_id_may_be_in_a_group_and_order_is_kept(room: Room) -> None:
    listed = ["nobody", room.bob.user_id, "service", await owl_of(room), room.ada.user_id]
    for characters in (listed, listed[::-1], [listed[1], listed[1]], []):
        group = await room.ada.group(*characters)
        found = await room.bob.get("/user/group", group_id=group)
        assert found["characters"] == characters


async def test_1_4_equal_lists_may_share_an_id_and_different_ones_never(ada: Person) -> None:
    assert await ada.group("a", "b") == await ada.group("a", "b")
    assert await ada.group("b", "a") != await ada.group("a", "b")


async def test_1_4_every_flavour_is_resolved_by_both_endpoints(room: Room) -> None:
    bob, where = room.bob, {"channel_id": room.channel}
    named = await bob.post("/user/group/create", **where, group_name="Us", characters=["a"])
    temp = await bob.post("/user/group/temp", **where, characters=["b"])
    service = await room.ada.group("c")
    for group, expected in (
        (named["group_id"], ["a"]),
        (temp["group_id"], ["b"]),
        (service, ["c"]),
    ):
        for path in ("/user/group", "/service/group"):
            assert (await room.ada.get(path, group_id=group))["characters"] == expected


async def test_1_4_there_is_one_temp_group_a_user_and_channel(room: Room) -> None:
    ada, bob, here = room.ada, room.bob, {"channel_id": room.channel}
    there = {"channel_id": await ada.channel("Elsewhere")}
    await bob.post("/user/group/temp", **here, characters=["a"])
    await bob.post("/user/group/temp", **here, characters=["b"])
    await bob.post("/user/group/temp", **there, characters=["c"])
    await ada.post("/user/group/temp", **here, characters=["d"])
    assert await bob.get("/user/group/temp", **here) == ["b"]
    assert await bob.get("/user/group/temp", **there) == ["c"]
    assert await ada.get("/user/group/temp", **here) == ["d"]


async def test_1_4_group_ids_stay_valid_across_a_restart(tmp_path: Path) -> None:
    options = PlatformOptions(data=tmp_path / "data")
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        group, token = await ada.group("a", "service"), ada.token
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = Person(wire, "ada@example.org", token, "")
        assert (await ada.get("/user/group", group_id=group))["characters"] == ["a", "service"]
        assert await ada.group("a", "service") == group


async def test_1_5_the_creator_is_a_member_at_once(ada: Person) -> None:
    channel = await ada.channel()
    members = await ada.get("/channel/character_list", channel_id=channel)
    assert members == {"character_list": [ada.user_id]}


async def test_1_5_the_creator_may_leave_and_still_controls_the_service(room: Room) -> None:
    body = {"subtype": "leave", "channel_id": room.channel}
    await room.ada_socket.good(type="action", body=body)
    members = await room.ada.get("/channel/character_list", channel_id=room.channel)
    assert members == {"character_list": [room.bob.user_id]}
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    await room.ada.post("/service/unbind", **pair)
    await room.ada.post("/service/bind", **pair)


async def test_1_5_who_knows_the_id_joins_and_leaves_with_the_service_offline(
    ada: Person, bob: Person
) -> None:
    channel = await ada.channel()
    await ada.bound_service(channel)
    socket = await bob.user_socket()
    for subtype, expected in (("join", True), ("leave", False)):
        await socket.good(type="action", body={"subtype": subtype, "channel_id": channel})
        members = await ada.get("/channel/character_list", channel_id=channel)
        assert (bob.user_id in members["character_list"]) is expected


@pytest.mark.parametrize("path", ["/service/bind", "/service/unbind"])
async def test_1_5_only_the_creator_binds_and_unbinds(room: Room, path: str) -> None:
    mine = (await room.bob.post("/service/create", description=""))["service_id"]
    given = {"channel_id": room.channel, "service_id": mine}
    assert await room.bob.refused("POST", path, **given) == 10003


async def test_1_5_a_service_of_another_account_is_not_bound(ada: Person, bob: Person) -> None:
    channel = await ada.channel()
    foreign = (await bob.post("/service/create", description=""))["service_id"]
    given = {"channel_id": channel, "service_id": foreign}
    assert await ada.refused("POST", "/service/bind", **given) == 10002
    assert await type_of(ada, channel) == "dcs"


async def test_1_5_a_channel_is_bound_again_once_it_is_unbound(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    pair = {"channel_id": room.channel, "service_id": room.service_id}
    await room.ada.post("/service/unbind", **pair)
    await room.ada.post("/service/bind", **{**pair, "service_id": other})


async def test_1_5_agents_are_their_owners(room: Room) -> None:
    owl = await owl_of(room)
    given: dict[str, Any] = {"service_id": room.service_id, "context": {"name": "Mine"}}
    assert await room.bob.refused("POST", "/service/character/create", **given) == 10002
    given["character_id"] = owl
    assert await room.bob.refused("POST", "/service/character/update", **given) == 10002


async def test_1_5_only_the_bound_service_sends_into_a_channel(room: Room) -> None:
    other = (await room.ada.post("/service/create", description=""))["service_id"]
    elsewhere = await room.ada.service_socket(other)
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "x"},
        "recipients": await room.ada.group(room.bob.user_id),
        "sender": "OWL",
    }
    await elsewhere.bad(type="message_down", service_id=other, body=body)
    await room.bob_socket.nothing()
    await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    assert (await room.bob_socket.next())["body"]["sender"] == "OWL"  # any string will do (Q24)


async def test_1_5_members_speak_and_others_do_not(room: Room, cy: Person) -> None:
    socket = await cy.user_socket()
    body = {"subtype": "text", "channel_id": room.channel, "content": {}, "recipients": "service"}
    await socket.bad(type="message_up", body=body)
    await socket.bad(type="action", body={"subtype": "refresh", "channel_id": room.channel})
    await room.bound.nothing()


async def test_1_5_the_member_list_is_for_creator_members_and_the_bound_services_owner(
    room: Room, cy: Person
) -> None:
    given = {"channel_id": room.channel}
    for person in (room.ada, room.bob):
        assert await person.get("/channel/character_list", **given)
    assert await cy.refused("GET", "/channel/character_list", **given) == 10003


async def test_1_5_everybody_reads_their_own_history_only(room: Room) -> None:
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "for bob"},
        "recipients": await room.ada.group(room.bob.user_id),
        "sender": "OWL",
    }
    await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    ask = {"channel_id": room.channel}
    assert len(await room.bob.get("/channel/history_message", **ask)) == 1
    assert await room.ada.get("/channel/history_message", **ask) == []


async def test_1_5_only_the_creator_renames(room: Room) -> None:
    given = {"channel_id": room.channel, "channel_name": "Mine"}
    assert await room.bob.refused("POST", "/channel/update", **given) == 10003


async def test_1_5_a_profile_is_its_users_alone(wire: Wire, ada: Person, bob: Person) -> None:
    await bob.post("/user/info", name="Robert", user_id=ada.user_id)  # py0.0.1 sends an id too
    names = [
        each["character_context"]["name"]
        for each in await ada.post(
            "/character/fetch_profile", character_list=[ada.user_id, bob.user_id]
        )
    ]
    assert names == ["Ada", "Robert"]
