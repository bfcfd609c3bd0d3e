"""Clients in user mode: joining, looking, clicking, writing."""

from __future__ import annotations

import pytest

from moobius import Moobius, types
from moobius.errors import WrongMode
from tests.support.clients import Echo, Fan, Recorder, fan_of, until_member
from tests.support.patience import until
from tests.support.room import Room, running


async def test_a_user_client_joins_writes_and_receives(room: Room) -> None:
    async with running(Echo(config=room.config())) as service:
        async with running(await fan_of(room)) as fan:
            await until_member(service, room, str(fan.client_id))
            await fan.send_message("hello", room.channel_id, recipients=[fan.client_id])
            message = await fan.wait_for("message_down")
            assert message.content.text == "hello"
            assert message.sender == fan.client_id
            assert message.message_id


async def test_a_user_client_is_a_member_when_it_starts(room: Room) -> None:
    seen: list[list[str]] = []

    class Early(Fan):
        async def on_start(self) -> None:
            seen.append(await self.fetch_member_ids(room.channel_id))

    fan = await fan_of(room)
    async with running(Early(config=fan.config, is_agent=True)) as client:
        assert client.client_id in seen[0]


async def test_a_user_client_sees_whole_characters(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        async with running(await fan_of(room)) as fan:
            await until_member(service, room, str(fan.client_id))
            ada = room.id_of("ada")
            await service.send_characters([ada], room.channel_id, fan.client_id)
            update = await fan.wait_for("characters")
            assert update.content[0].character.character_id == ada
            assert update.content[0].character.name


async def test_verbs_of_the_other_mode_are_refused(room: Room) -> None:
    async with running(await fan_of(room)) as fan:
        with pytest.raises(WrongMode, match="send_buttons"):
            await fan.send_buttons([], room.channel_id, "x")
    with pytest.raises(WrongMode, match="send_button_click"):
        await Moobius(config=room.config()).send_button_click("b", channel_id=room.channel_id)


async def test_a_user_client_clicks_buttons_and_menus(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        async with running(await fan_of(room)) as fan:
            channel = room.channel_id
            await fan.send_button_click("ring", channel_id=channel)
            await fan.send_button_click("order", "now", [("Drink", "tea")], channel)
            message = types.MessageBody(
                "text", channel, types.MessageContent(text="hi"), 1, [], "x", "MSG-1"
            )
            await fan.send_menu_item_click("quote", the_message=message)
            await fan.send_menu_item_click("quote", "confirm", None, "MSG-2", channel)
            await until(lambda: sum(k == "menu_item_click" for k, _ in service.seen) == 2)
    clicks = [event for kind, event in service.seen if kind == "button_click"]
    assert [(c.button_id, c.bottom_button_id, c.arguments) for c in clicks] == [
        ("ring", "confirm", []),
        ("order", "now", [types.ClickArgument("Drink", "tea")]),
    ]
    choices = [event for kind, event in service.seen if kind == "menu_item_click"]
    assert [(c.message_id, c.message_content.text) for c in choices] == [
        ("MSG-1", "hi"),
        ("MSG-2", None),
    ]


async def test_user_data_arrives_with_a_message(room: Room) -> None:
    async with running(Echo(config=room.config())):
        async with running(await fan_of(room)) as fan:
            await fan.send_message(
                "hi", room.channel_id, recipients=[fan.client_id], user_data={"n": 1}
            )
            message = await fan.wait_for("message_down")  # forwarded by the service
            assert message.user_data == {"n": 1}


async def test_a_message_can_be_marked_as_read(room: Room) -> None:
    async with running(await fan_of(room)) as fan:
        frame = await fan.send_mark_as_read("MSG-1")
        assert frame["body"] == {"message_id": "MSG-1", "context": {}}
        frame = await fan.send_mark_as_read({"message_id": "MSG-1"}, invert=True)
        assert frame["body"]["context"] == {"invert": True}


async def test_leaving_and_joining_again(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        async with running(await fan_of(room)) as fan:
            await fan.send_leave_channel(room.channel_id)
            await service.wait_for("leave")
            await fan.user_join_service_channels({"channels": [room.channel_id]})
            await until_member(service, room, str(fan.client_id))


async def test_a_channel_that_cannot_be_joined_is_skipped(room: Room, log: list[str]) -> None:
    fan = await fan_of(room)
    config = {**fan.config, "service_config": {**fan.config["service_config"]}}
    config["service_config"]["channels"] = ["no-such-channel", room.channel_id]
    async with running(Fan(config=config, is_agent=True)) as client:
        assert await client.fetch_channel_list() == [room.channel_id]
    assert any("no-such-channel" in line and "refused" in line for line in log)
