"""Section 2.8: groups of characters."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.wire import Person, wire_to


async def test_2_8_a_service_group_is_answered_with_a_bare_id(ada: Person) -> None:
    body = {"group_id": "", "characters": ["x", "y"]}
    group = await ada.post("/service/group/create", **body)
    assert isinstance(group, str)
    assert len(group) == 36


@pytest.mark.parametrize("path", ["/user/group", "/service/group"])
async def test_2_8_a_group_is_resolved_by_its_id_alone_for_anybody(
    ada: Person, cy: Person, path: str
) -> None:
    group = await ada.group("x", "service")
    for rest in ({}, {"channel_id": "unknown", "user_id": "whoever"}):
        found = await cy.get(path, group_id=group, **rest)
        assert found["characters"] == ["x", "service"]
        assert isinstance(found["group_name"], str)


@pytest.mark.parametrize("path", ["/user/group", "/service/group"])
async def test_2_8_an_unknown_group_is_an_empty_container(ada: Person, path: str) -> None:
    assert await ada.get(path, group_id="unknown") == {}
    assert await ada.refused("GET", path) == 10001


async def test_2_8_a_channel_group_is_answered_with_id_and_name(room: Room) -> None:
    given = {"channel_id": room.channel, "characters": ["service"]}
    made = await room.bob.post("/user/group/create", **given, group_name="A_message_up_group")
    assert made == {"group_id": made["group_id"], "group_name": "A_message_up_group"}
    found = await room.ada.get("/user/group", group_id=made["group_id"])
    assert found["group_name"] == "A_message_up_group"
    assert found["characters"] == ["service"]


async def test_2_8_lists_are_the_callers_own_without_temp_groups(room: Room) -> None:
    bob, here = room.bob, {"channel_id": room.channel}
    there = {"channel_id": await room.ada.channel("Elsewhere")}
    us = await bob.post("/user/group/create", **here, group_name="Us", characters=["a", "b"])
    them = await bob.post("/user/group/create", **there, group_name="Them", characters=[])
    await bob.post("/user/group/temp", **here, characters=["c"])
    await room.ada.post("/user/group/create", **here, group_name="Ada's", characters=["d"])
    (listed,) = await bob.get("/user/group/list", **here, service_id="whatever")
    assert listed == {**us, "characters": ["a", "b"], "timestamp": listed["timestamp"]}
    both = await bob.get("/user/group/list")  # js in a browser loses its parameters
    assert [each["group_id"] for each in both] == [us["group_id"], them["group_id"]]
    assert await bob.get("/user/group/list", channel_id="unknown") == []


async def test_2_8_a_changed_group_has_a_new_id_and_the_old_one_stays_as_it_was(
    room: Room,
) -> None:
    bob, here = room.bob, {"channel_id": room.channel}
    made = await bob.post("/user/group/create", **here, group_name="Us", characters=["a"])
    last = await bob.post("/user/group/create", **here, group_name="Last", characters=[])
    which: dict[str, Any] = {**here, "group_id": made["group_id"]}
    changed = await bob.post("/user/group/update", **which, characters=["b"])
    assert set(changed) == {"group_id", "group_name"}
    assert (changed["group_name"], changed["group_id"] != made["group_id"]) == ("Us", True)
    assert (await bob.get("/user/group", group_id=made["group_id"]))["characters"] == ["a"]
    which["group_id"] = changed["group_id"]
    renamed = await bob.post("/user/group/update", **which, group_name="We")
    listed = await bob.get("/user/group/list", **here)
    assert [each["group_id"] for each in listed] == [renamed["group_id"], last["group_id"]]
    assert (listed[0]["group_name"], listed[0]["characters"]) == ("We", ["b"])


async def test_2_8_only_ones_own_groups_are_changed_or_deleted(room: Room) -> None:
    here = {"channel_id": room.channel}
    made = await room.bob.post("/user/group/create", **here, group_name="Us", characters=[])
    given = {**here, "group_id": made["group_id"]}
    for path in ("/user/group/update", "/user/group/delete"):
        assert await room.ada.refused("POST", path, **given) == 10002
        assert await room.bob.refused("POST", path, **here, group_id="unknown") == 10002
        assert await room.bob.refused("POST", path, **here) == 10001  # all that js sends
    assert len(await room.bob.get("/user/group/list", **here)) == 1


async def test_2_8_a_deleted_group_is_resolved_for_ever(room: Room) -> None:
    bob, here = room.bob, {"channel_id": room.channel}
    made = await bob.post("/user/group/create", **here, group_name="Us", characters=["a"])
    await bob.post("/user/group/delete", **here, group_id=made["group_id"])
    assert await bob.get("/user/group/list", **here) == []
    assert (await bob.get("/user/group", group_id=made["group_id"]))["characters"] == ["a"]


async def test_2_8_the_temp_group_is_a_list_of_ids_and_replaced_by_each_post(room: Room) -> None:
    bob, here = room.bob, {"channel_id": room.channel}
    assert await bob.get("/user/group/temp", **here, service_id="whatever") == []
    for characters in (["a"], ["b", "a"], []):
        made = await bob.post("/user/group/temp", **here, characters=characters)
        assert made == {"group_id": made["group_id"], "characters": characters}
        assert await bob.get("/user/group/temp", **here) == characters


async def test_2_8_members_is_another_word_for_characters(room: Room) -> None:
    bob, here = room.bob, {"channel_id": room.channel}
    group = await bob.post("/service/group/create", group_id="", members=["x"])
    assert (await bob.get("/user/group", group_id=group))["characters"] == ["x"]
    made = await bob.post("/user/group/create", **here, group_name="", members=["y"])
    which = {**here, "group_id": made["group_id"]}
    made = await bob.post("/user/group/update", **which, members=["z"])
    assert (await bob.get("/user/group", group_id=made["group_id"]))["characters"] == ["z"]
    await bob.post("/user/group/temp", **here, members=["t"])
    assert await bob.get("/user/group/temp", **here) == ["t"]


@pytest.mark.parametrize("characters", [None, 1, {"a": 1}, ["a", 1], [["a"]], [None]])
async def test_2_8_what_is_no_list_of_ids_is_10001(room: Room, characters: Any) -> None:
    given = {"channel_id": room.channel, "group_name": "x", "characters": characters}
    for path in ("/service/group/create", "/user/group/create", "/user/group/temp"):
        assert await room.bob.refused("POST", path, **given) == 10001


async def test_2_8_ten_thousand_recipients_are_one_group(ada: Person) -> None:
    characters = [f"00000000-0000-4000-8000-{number:012}" for number in range(10_000)]
    group = await ada.group(*characters)
    assert (await ada.get("/user/group", group_id=group))["characters"] == characters


async def test_an_account_keeps_no_more_groups_than_it_may() -> None:
    options = PlatformOptions(limits=Limits(groups_per_account=2))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada, bob = await wire.be("ada@example.org"), await wire.be("bob@example.org")
        where = {"channel_id": await ada.channel()}
        made = await ada.post("/user/group/create", **where, group_name="Us", characters=["a"])
        group = await ada.group("d")
        assert await ada.group("d") == group  # which is not a new one
        for path in ("/user/group/create", "/service/group/create"):
            assert await ada.refused("POST", path, **where, characters=["e"]) == 10003
        # One in the place of another is no further one, unless it is much longer.
        which = {**where, "group_id": made["group_id"]}
        changed = await ada.post("/user/group/update", **which, group_name="We", characters=["b"])
        which["group_id"] = changed["group_id"]
        many = [f"c{number}" for number in range(100)]
        assert await ada.refused("POST", "/user/group/update", **which, characters=many) == 10003
        await ada.post("/user/group/delete", **which)  # and now there is room for one
        await ada.post("/user/group/create", **where, group_name="Us", characters=["e"])
        assert (await ada.get("/user/group", group_id=group))["characters"] == ["d"]
        await bob.group("e")


@pytest.mark.parametrize(
    ("ids", "most"),
    [
        pytest.param([str(uuid.UUID(int=number)) for number in range(100)], 57, id="uuids"),
        pytest.param([f"{number:03}" + "x" * 253 for number in range(100)], 11, id="long ones"),
        pytest.param([f"{number}" for number in range(1000)], 157, id="short ones"),
    ],
)
async def test_a_long_list_counts_as_several_groups(ids: list[str], most: int) -> None:
    options = PlatformOptions(limits=Limits(groups_per_account=3))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        for path in ("/user/group/create", "/service/group/create"):
            given = {"channel_id": await ada.channel(), "characters": ids[: most + 10]}
            assert await ada.refused("POST", path, **given) == 10003
        await ada.group(*ids[:most])
        assert await ada.refused("POST", "/service/group/create", characters=["c"]) == 10003


async def test_what_nobody_keeps_is_never_refused_and_the_oldest_is_forgotten() -> None:
    options = PlatformOptions(limits=Limits(groups_per_account=4))
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        where = {"channel_id": await ada.channel()}
        service_id = await ada.bound_service(where["channel_id"])
        socket, service = await ada.user_socket(), await ada.service_socket(service_id)
        kept = await ada.group("d")
        await ada.post("/user/group/temp", **where, characters=["t"])
        seen = []
        for number in range(12):
            body = {"subtype": "text", **where, "content": {}, "recipients": [f"a{number}"]}
            await socket.good(type="message_up", body=body)
            seen.append((await service.next())["body"]["recipients"])
            made = await ada.post("/user/group/create", **where, group_name="Us", characters=["e"])
            which = {**where, "group_id": made["group_id"]}
            await ada.post("/user/group/delete", **which)
        found = [await ada.get("/service/group", group_id=each) for each in seen]
        assert (found[0], found[-1]["characters"]) == ({}, ["a11"])
        assert await ada.get("/user/group/temp", **where) == ["t"], "this one is in use"
        assert await ada.group("d") == kept
        # Who asks for one of those as a group gets one that stays.
        asked = await ada.group("a11")
        assert asked != seen[-1]
        for number in range(6):
            body = {"subtype": "text", **where, "content": {}, "recipients": [f"b{number}"]}
            await socket.good(type="message_up", body=body)
        assert (await ada.get("/service/group", group_id=asked))["characters"] == ["a11"]
