"""Lists of recipients: inline where the Platform says so, by a group elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from moobius import Moobius, types
from moobius.core.addressing import MANY
from moobius.errors import FrameTooLarge
from moobius.local import LocalPlatform, PlatformOptions
from moobius.network.ws_client import FRAME_LIMIT
from tests.promises.stage import requests_of
from tests.support.clients import Fan, Recorder, fan_of, until_member
from tests.support.patience import until
from tests.support.room import Room, room_on, running

MAKE = "POST /service/group/create"


@asynccontextmanager
async def hosted() -> AsyncIterator[Room]:
    """A room on a Platform that announces nothing beyond 1.8.0."""
    async with LocalPlatform(PlatformOptions(features=())) as platform, room_on(platform) as room:
        yield room


async def test_a_list_that_is_new_costs_no_request(room: Room) -> None:
    both = [room.id_of("ada"), room.id_of("bob")]
    async with running(Moobius(config=room.config())) as service:
        with requests_of(service) as asked:
            frame = await service.send_message("hi", room.channel_id, "OWL", both)
            await service.send_canvas({"text": "Menu"}, room.channel_id, both)
            await service.send_characters(["OWL", *both], room.channel_id, both)
            for name in ("ada", "bob"):
                seen = [(await room.sockets[name].next())["body"] for _ in range(3)]
                assert [each["subtype"] for each in seen] == ["text", "canvas", "characters"]
                assert not any("recipients" in each for each in seen)
        assert asked == []
        assert frame is not None and frame["body"]["recipients"] == both
    shown = await room.people["ada"].get("/user/group", group_id=seen[2]["content"]["characters"])
    assert shown["characters"] == ["OWL", *both]


async def test_elsewhere_a_list_becomes_a_group_once() -> None:
    async with hosted() as room, running(Moobius(config=room.config())) as service:
        both = [room.id_of("ada"), room.id_of("bob")]
        with requests_of(service) as asked:
            for text in ("one", "two"):
                frame = await service.send_message(text, room.channel_id, "OWL", both)
                assert frame is not None and isinstance(frame["body"]["recipients"], str)
                assert (await room.sockets["ada"].next())["body"]["content"] == {"text": text}
            await service.send_characters(["OWL", *both], room.channel_id, both)
            characters = (await room.sockets["ada"].next())["body"]["content"]["characters"]
            assert isinstance(characters, str)
        assert asked == [MAKE, MAKE]


@pytest.mark.parametrize("mode", ["send_update", "send"])
async def test_frames_made_by_hand_too(room: Room, mode: str) -> None:
    both = [room.id_of("ada"), room.id_of("bob")]
    body = {"channel_id": room.channel_id, "recipients": both}
    async with running(Moobius(config=room.config())) as service:
        with requests_of(service) as asked:
            if mode == "send":
                content = {"subtype": "text", "content": {"text": "hi"}, "sender": "OWL"}
                await service.send(types.MESSAGE_DOWN, {**body, **content})
            else:
                await service.send_update({**body, "subtype": "canvas", "content": []})
            await room.sockets["bob"].next()
        assert asked == []
        assert body["recipients"] == both


async def test_upwards_as_well(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        fan: Fan = await fan_of(room)
        async with running(fan):
            await until_member(service, room, fan.own_id)
            to = [room.id_of("bob"), "OWL"]
            with requests_of(fan) as asked:
                await fan.send_message("hi", room.channel_id, recipients=to)
                message = await service.wait_for("message_up")
            assert (message.recipients, asked) == (to, [])


async def test_a_group_made_by_somebody_else_can_be_named(room: Room) -> None:
    group = await room.people["ada"].group(room.id_of("ada"), room.id_of("bob"))
    async with running(Moobius(config=room.config())) as service:
        await service.send_message("hi", room.channel_id, "OWL", group)
        for name in ("ada", "bob"):
            assert (await room.sockets[name].next())["body"]["content"] == {"text": "hi"}


async def test_a_list_too_long_for_a_frame_goes_by_a_group(room: Room) -> None:
    ada = room.id_of("ada")
    crowd = [ada, *(f"somebody-{number:028}" for number in range(1000))]
    assert len(str(crowd)) > FRAME_LIMIT
    async with running(Moobius(config=room.config())) as service:
        with requests_of(service) as asked:
            for text in ("one", "two"):
                frame = await service.send_message(text, room.channel_id, "OWL", crowd)
                assert frame is not None and isinstance(frame["body"]["recipients"], str)
                assert (await room.sockets["ada"].next())["body"]["content"] == {"text": text}
            assert asked == [MAKE]
            crowd.reverse()
            await service.send_characters(crowd, room.channel_id, [ada])
            group = (await room.sockets["ada"].next())["body"]["content"]["characters"]
        assert asked == [MAKE, MAKE]
        shown = await room.people["ada"].get("/user/group", group_id=group)
        assert shown["characters"] == crowd
        with pytest.raises(FrameTooLarge):
            await service.send_message("x" * FRAME_LIMIT, room.channel_id, "OWL", crowd)


async def test_as_many_characters_as_go_inline_leave_room_for_recipients(room: Room) -> None:
    ada = room.id_of("ada")
    crowd = [f"somebody-{number:028}" for number in range(MANY)]
    async with running(Moobius(config=room.config())) as service:
        with requests_of(service) as asked:
            await service.send_characters(crowd, room.channel_id, [ada, *crowd])
            await room.sockets["ada"].next()
        assert asked == []


async def test_nobody_is_still_nobody(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        assert await service.send_message("hi", room.channel_id, "OWL", []) is None
        assert await service.send_canvas([], room.channel_id, []) is None
        assert await service.send_characters(["OWL"], room.channel_id, []) is None


async def test_what_the_latest_login_says_counts(room: Room) -> None:
    to = [room.id_of("ada"), room.id_of("bob")]
    async with running(Moobius(config=room.config())) as service:
        frame = await service.send_message("hi", room.channel_id, "OWL", to)
        assert frame is not None and frame["body"]["recipients"] == to
        first = service.ws_client.features
        async with LocalPlatform(PlatformOptions(features=())) as plain, room_on(plain) as there:
            # The same service moves to a Platform that says nothing of lists.
            service.ws_client.ws_server_uri = plain.ws_url
            service.http_api.http_server_uri = plain.url
            await service.http_api.authenticate()
            service.client_id = await there.owner.bound_service(there.channel_id)
            room.platform.cut_connections()
            await until_features(service, ())
            members = [there.id_of("ada"), there.id_of("bob")]
            frame = await service.send_message("hi", there.channel_id, "OWL", members)
            assert frame is not None and isinstance(frame["body"]["recipients"], str)
            assert (await there.sockets["ada"].next())["body"]["content"] == {"text": "hi"}
    assert "inline_recipients" in first


async def until_features(service: Moobius, features: tuple[str, ...]) -> None:
    await until(lambda: service.ws_client.is_connected and service.ws_client.features == features)
