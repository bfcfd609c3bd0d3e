"""Defects of earlier versions in what is received: groups, caches and recipients (5.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from moobius.core.groups import CACHE_SIZE, ServiceGroupLib
from moobius.local import LocalPlatform, PlatformOptions
from tests.promises.stage import Recorder, Stage, requests_of
from tests.support.patience import until
from tests.support.room import Room, room_on, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


def text_to(stage: Stage, recipients: Any, text: str = "delete everything") -> str:
    """Return the frame of a message from Ada, as the Platform delivers it."""
    body = {
        "subtype": "text",
        "channel_id": stage.channel_id,
        "content": {"text": text},
        "recipients": recipients,
        "sender": stage.ada,
        "timestamp": 1,
        "message_id": "MSG",
        "context": {},
    }
    return json.dumps({"type": "message_up", "body": body})


@asynccontextmanager
async def plain_room() -> AsyncIterator[Room]:
    """A room on a Platform that, like the hosted one, takes no lists in the place of groups."""
    async with LocalPlatform(PlatformOptions(features=())) as platform, room_on(platform) as room:
        yield room


class Careful(Recorder):
    """Also keeps the errors of its callbacks."""

    async def on_error(self, callback: str, event: Any, error: Exception) -> None:
        self.seen.append(("on_error", (callback, event, error)))


@pytest.mark.defect("D18")
async def test_characters_that_cannot_be_looked_up_are_an_error_and_no_sentence(
    stage: Stage,
) -> None:
    person = await stage.room.owner.wire.sign_up("careful")
    config = stage.room.config(service_mode=False)
    config["account_config"] = {"email": person.email, "password": "careful"}
    async with running(Careful(config=config)) as client:
        body = {
            "subtype": "characters",
            "channel_id": stage.channel_id,
            "content": {"characters": "a-group-nobody-knows"},
        }
        await client.handle_received_payload(json.dumps({"type": "update", "body": body}))
        callback, event, error = await client.wait_for("on_error")
        assert callback == "on_update" and "a-group-nobody-knows" in str(error)
        assert event.recipients == [] and event.content == []
        assert not [name for name, _ in client.seen if name.startswith("on_update")]


@pytest.mark.defect("D18", "D20")
@pytest.mark.parametrize("away", [False, True])
async def test_a_message_whose_group_cannot_be_looked_up_is_no_command(
    stage: Stage, away: bool
) -> None:
    room = await stage.another_room()
    async with running(Careful(config=room.config())) as service:
        if away:
            service.http_api.http_server_uri = "http://127.0.0.1:1/"
        await service.handle_received_payload(text_to(stage, "a-group-nobody-knows"))
        callback, event, _ = await service.wait_for("on_error")
        assert (callback, event.content.text) == ("on_message_up", "delete everything")
        assert not [name for name, _ in service.seen if name == "on_message_up"]
        # What really was sent to the service still is.
        await service.handle_received_payload(text_to(stage, "service", "hide"))
        assert (await service.wait_for("on_message_up")).recipients == []


@pytest.mark.defect("D19")
async def test_a_group_id_may_be_the_recipient(stage: Stage) -> None:
    group = await stage.service.create_service_group([stage.ada])
    assert await stage.service.send_message(
        "by group", stage.channel_id, stage.bob, stage.ada
    )  # the group is known in both directions now
    frame = await stage.service.send_message("by id", stage.channel_id, stage.bob, group.group_id)
    assert frame is not None and isinstance(frame["body"]["recipients"], str)
    texts = [(await stage.sees("ada"))["content"]["text"] for _ in range(2)]
    assert texts == ["by group", "by id"]


@pytest.mark.defect("D21")
async def test_messages_to_a_known_group_cost_no_request(stage: Stage) -> None:
    group = await stage.room.people["ada"].post(
        "/user/group/create",
        channel_id=stage.channel_id,
        group_name="mine",
        characters=[stage.bob],
    )
    await stage.room.up("ada", "first", group["group_id"])
    await stage.service.wait_for("on_message_up", lambda m: m.content.text == "first")
    with requests_of(stage.service) as asked:
        for number in range(5):
            await stage.room.up("ada", str(number), group["group_id"])
        message = await stage.service.wait_for("on_message_up", lambda m: m.content.text == "4")
    assert asked == []
    assert message.recipients == [stage.bob]


@pytest.mark.defect("D22")
async def test_a_group_upwards_belongs_to_its_channel() -> None:
    async with plain_room() as room:
        owner = room.owner
        there = await owner.channel("Another")
        config = room.config(service_mode=False, channels=[room.channel_id, there])
        async with running(Recorder(config=config)) as fan:
            frames = [
                await fan.send_message("hi", channel_id, recipients=[room.id_of("ada")])
                for channel_id in (room.channel_id, there)
            ]
            first, second = [frame["body"]["recipients"] for frame in frames if frame]
            assert first != second


@pytest.mark.defect("D23")
async def test_new_groups_do_not_wait_for_each_other() -> None:
    """One look-up that never ends holds up its own list and no other."""
    async with plain_room() as room, running(Recorder(config=room.config())) as service:
        create, never = service.http_api.create_service_group, asyncio.Event()
        waiting: list[list[str]] = []

        async def slow(characters: Any) -> Any:
            if list(characters) == ["slow"]:
                waiting.append(["slow"])
                await never.wait()
            return await create(characters)

        service.http_api.create_service_group = slow  # type: ignore[method-assign]
        stuck = asyncio.create_task(service.send_message("stuck", room.channel_id, "x", ["slow"]))
        await until(lambda: bool(waiting))
        await service.send_message("quick", room.channel_id, "x", [room.id_of("ada")])
        assert (await room.sockets["ada"].next())["body"]["content"] == {"text": "quick"}
        never.set()
        assert await stuck


@pytest.mark.defect("D23")
async def test_the_cache_of_groups_is_bounded(stage: Stage) -> None:
    groups = ServiceGroupLib()
    for number in range(CACHE_SIZE + 10):
        groups._members.put(f"group {number}", ["id"])
    api = stage.service.http_api
    with requests_of(stage.service) as asked:
        known = await groups.members_of(
            api, f"group {CACHE_SIZE}", sender_id="x", channel_id=stage.channel_id
        )
        assert known == ["id"] and asked == []
        with pytest.raises(Exception, match="group 0"):
            await groups.members_of(api, "group 0", sender_id="x", channel_id=stage.channel_id)
