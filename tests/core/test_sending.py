"""What a service sends, seen from the members' side of the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from moobius import Moobius, types
from moobius.errors import FrameTooLarge, MissingFile, PayloadError
from tests.support.clients import Echo, Recorder
from tests.support.patience import until
from tests.support.room import Room, running

PNG = b"\x89PNG\r\n\x1a\n-not-really-a-picture"


async def test_a_forwarded_message_reaches_whom_it_was_meant_for(room: Room) -> None:
    async with running(Echo(config=room.config())):
        await room.say("ada", "hello", "ada", "bob")
        for name in ("ada", "bob"):
            body = (await room.sockets[name].next())["body"]
            assert body["content"] == {"text": "hello"}
            assert body["sender"] == room.id_of("ada")
            assert "recipients" not in body


@pytest.mark.promise("0-15")
async def test_who_is_not_a_recipient_receives_nothing(room: Room) -> None:
    async with running(Echo(config=room.config())):
        await room.say("ada", "for bob", "bob")
        assert (await room.sockets["bob"].next())["body"]["content"] == {"text": "for bob"}
        await room.sockets["ada"].nothing()


async def test_a_message_to_service_has_no_recipients(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        await room.say("ada", "hide")
        message = await service.wait_for("message_up")
        assert message.recipients == []
        assert message.content.text == "hide"


async def test_recipients_are_ids_in_order(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        await room.say("ada", "hi", "bob", "ada")
        message = await service.wait_for("message_up")
        assert message.recipients == [room.id_of("bob"), room.id_of("ada")]
        assert message.sender == room.id_of("ada")
        assert message.message_id


@pytest.mark.promise("0-15")
async def test_overrides_replace_parts_of_a_forwarded_message(room: Room) -> None:
    class Shout(Moobius):
        async def on_message_up(self, message: types.MessageBody) -> None:
            await self.send_message(message, text="LOUD", recipients=[message.sender])

    async with running(Shout(config=room.config())):
        await room.say("ada", "quiet", "bob")
        assert (await room.sockets["ada"].next())["body"]["content"] == {"text": "LOUD"}
        await room.sockets["bob"].nothing()


@pytest.mark.parametrize("form", ["id", "list", "tuple", "set", "generator", "nested", "keys"])
async def test_recipients_come_in_many_forms(room: Room, form: str) -> None:
    ada = room.id_of("ada")
    forms: dict[str, Any] = {
        "id": ada,
        "list": [ada],
        "tuple": (ada,),
        "set": {ada},
        "generator": (one for one in [ada]),
        "nested": [[ada]],
        "keys": {ada: 1}.keys(),
    }
    async with running(Moobius(config=room.config())) as service:
        frame = await service.send_message("hi", room.channel_id, ada, forms[form])
        assert frame is not None
        assert (await room.sockets["ada"].next())["body"]["content"] == {"text": "hi"}


@pytest.mark.parametrize("nobody", [[], None, ()])
async def test_nobody_to_send_to_sends_nothing(room: Room, nobody: Any) -> None:
    async with running(Moobius(config=room.config())) as service:
        channel = room.channel_id
        assert await service.send_message("hi", channel, "x", nobody) is None
        assert await service.send_buttons([], channel, nobody) is None
        assert await service.send_characters([], channel, nobody) is None
        await room.sockets["ada"].nothing()


async def test_forgotten_recipients_are_told(room: Room, log: list[str]) -> None:
    async with running(Moobius(config=room.config())) as service:
        await service.send_message("hi", room.channel_id)
        assert any("WARNING nobody receives" in line for line in log)
        log.clear()
        await service.send_message("hi", room.channel_id, recipients=[])
        assert not any("WARNING" in line for line in log)


async def test_a_message_without_a_channel_says_so(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        with pytest.raises(ValueError, match="channel_id"):
            await service.send_message("hi", recipients=room.id_of("ada"))


async def test_the_channel_may_stand_first_as_in_older_code(room: Room, log: list[str]) -> None:
    async with running(Moobius(config=room.config())) as service:
        ada = room.id_of("ada")
        await service.send_message(room.channel_id, "hi", ada, [ada])
        assert (await room.sockets["ada"].next())["body"]["content"] == {"text": "hi"}
        assert any("swapped" in line for line in log)


async def test_a_local_image_is_uploaded_and_can_be_fetched(room: Room, tmp_path: Path) -> None:
    picture = tmp_path / "my cat.v2.png"
    picture.write_bytes(PNG)
    async with running(Moobius(config=room.config())) as service:
        ada = room.id_of("ada")
        frame = await service.send_message(picture, room.channel_id, ada, ada)
        assert frame is not None
        body = (await room.sockets["ada"].next())["body"]
        assert body["subtype"] == types.IMAGE
        assert body["content"]["filename"] == "my cat.v2.png"
        assert body["content"]["size"] == len(PNG)
        assert body["content"]["path"] == frame["body"]["content"]["path"]
        async with aiohttp.ClientSession() as session:
            async with session.get(body["content"]["path"]) as response:
                assert await response.read() == PNG


async def test_the_size_of_a_file_at_an_address_is_asked_for(room: Room, tmp_path: Path) -> None:
    (tmp_path / "list.pdf").write_bytes(PNG)
    async with running(Moobius(config=room.config())) as service:
        ada = room.id_of("ada")
        url = await service.upload(tmp_path / "list.pdf")
        frame = await service.send_message(url, room.channel_id, ada, ada, subtype=types.FILE)
        assert frame is not None
        assert frame["body"]["content"]["size"] == len(PNG)
        nowhere = "http://127.0.0.1:1/list.pdf"
        frame = await service.send_message(nowhere, room.channel_id, ada, ada, subtype=types.FILE)
        assert frame is not None
        assert frame["body"]["content"] == {"path": nowhere, "filename": "list.pdf"}


async def test_a_file_that_does_not_exist_is_named(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        ada = room.id_of("ada")
        with pytest.raises(MissingFile, match=r"no_such\.png"):
            await service.send_message(Path("no_such.png"), room.channel_id, ada, ada)
        with pytest.raises(FileNotFoundError, match=r"no_such\.png"):
            await service.upload("no_such.png")


async def test_an_unknown_channel_is_one_line_in_the_log(room: Room, log: list[str]) -> None:
    async with running(Moobius(config=room.config())) as service:
        await service.send_message("hi", "no-such-channel", "x", [room.id_of("ada")])
        await until(lambda: any("no-such-channel" in line and "refused" in line for line in log))
    (line,) = [line for line in log if "refused" in line]
    assert line.startswith("ERROR")
    assert "message_down" in line
    assert "Channel not found (is its id right" in line


async def test_a_bomb_is_refused_here_and_harms_nothing(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        ada = room.id_of("ada")
        with pytest.raises(FrameTooLarge, match="32768"):
            await service.send_message("x" * 40_000, room.channel_id, ada, ada)
        await service.send_message("survived", room.channel_id, ada, ada)
        assert (await room.sockets["ada"].next())["body"]["content"] == {"text": "survived"}


async def test_a_message_after_the_groups_are_known_costs_no_request(room: Room) -> None:
    async with running(Echo(config=room.config())) as service:
        await room.say("ada", "first", "ada")
        await room.sockets["ada"].next()
        asked: list[str] = []
        request = service.http_api._transport.request

        async def counting(method: str, url: str, **kwargs: Any) -> Any:
            asked.append(f"{method} {url}")
            return await request(method, url, **kwargs)

        service.http_api._transport.request = counting  # type: ignore[method-assign]
        group = await room.people["ada"].get("/user/group/list", channel_id=room.channel_id)
        for number in range(5):
            await room.up("ada", str(number), group[0]["group_id"])
            body = (await room.sockets["ada"].next())["body"]
            assert body["content"] == {"text": str(number)}
        assert asked == []


async def test_senders_are_safe_to_call_from_many_tasks(room: Room) -> None:
    ada = room.id_of("ada")
    async with running(Moobius(config=room.config())) as service:
        await asyncio.gather(
            *(service.send_message(str(n), room.channel_id, ada, [ada]) for n in range(50))
        )
        texts = [(await room.sockets["ada"].next())["body"]["content"]["text"] for _ in range(50)]
        assert sorted(texts, key=int) == [str(n) for n in range(50)]


# ---- The view --------------------------------------------------------------------------------


async def test_each_member_has_a_character_list_of_their_own(room: Room) -> None:
    ada, bob = room.id_of("ada"), room.id_of("bob")
    async with running(Moobius(config=room.config())) as service:
        owl = await service.create_agent("Owl")
        await service.send_characters([ada, owl, bob], room.channel_id, ada)
        await service.send_characters([bob, owl, ada], room.channel_id, recipients=[bob])
        for name, seen in (
            ("ada", [ada, owl.character_id, bob]),
            ("bob", [bob, owl.character_id, ada]),
        ):
            body = (await room.sockets[name].next())["body"]
            assert body["subtype"] == "characters"
            group_id = body["content"]["characters"]
            group = await room.people[name].get("/user/group", group_id=group_id)
            assert group["characters"] == seen


async def test_an_empty_character_list_clears(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        await service.send_characters([], room.channel_id, room.id_of("ada"))
        body = (await room.sockets["ada"].next())["body"]
        group_id = body["content"]["characters"]
        group = await room.people["ada"].get("/user/group", group_id=group_id)
        assert group["characters"] == []


async def test_buttons_with_a_dialog_arrive_as_the_platform_documents_them(room: Room) -> None:
    order = types.Button(
        "order",
        "Order",
        types.Dialog(
            "Your order",
            [types.InputComponent("Drink", types.DROPDOWN, True, "choose", ["tea", "cocoa"])],
            [types.BottomButton("now", "Now", True)],
        ),
    )
    async with running(Moobius(config=room.config())) as service:
        await service.send_buttons(
            [order, {"button_id": "a", "button_text": "A", "dialog": False}],
            room.channel_id,
            room.id_of("ada"),
        )
        body = (await room.sockets["ada"].next())["body"]
    assert body == {
        "subtype": "buttons",
        "channel_id": room.channel_id,
        "group_id": "temp",
        "context": {},
        "content": [
            {
                "button_id": "order",
                "button_text": "Order",
                "dialog": {
                    "title": "Your order",
                    "components": [
                        {
                            "label": "Drink",
                            "type": "dropdown",
                            "required": True,
                            "placeholder": "choose",
                            "choices": ["tea", "cocoa"],
                        }
                    ],
                    "bottom_buttons": [{"id": "now", "text": "Now", "submit": True}],
                },
            },
            {"button_id": "a", "button_text": "A", "dialog": None},
        ],
    }


async def test_one_item_may_stand_for_a_list(room: Room) -> None:
    ada = room.id_of("ada")
    async with running(Moobius(config=room.config())) as service:
        channel = room.channel_id
        await service.send_buttons(types.Button("a", "A"), channel, ada)
        await service.send_menu(types.MenuItem("quote", "Quote", types.TEXT), channel, ada)
        await service.send_canvas(types.CanvasItem("hello"), channel, ada)
        await service.send_style(
            {"widget": "canvas", "display": "visible", "expand": True}, channel, ada
        )
        bodies = [(await room.sockets["ada"].next())["body"] for _ in range(4)]
    assert [body["subtype"] for body in bodies] == ["buttons", "menu", "canvas", "style"]
    assert bodies[1]["content"][0]["message_subtypes"] == ["text"]
    assert bodies[2]["content"] == [{"text": "hello", "path": None}]
    (style,) = bodies[3]["content"]
    assert (style["widget"], style["display"], style["expand"]) == ("canvas", "visible", True)


async def test_a_canvas_uploads_its_local_picture_and_leaves_the_item_alone(
    room: Room, tmp_path: Path
) -> None:
    picture = tmp_path / "day.png"
    picture.write_bytes(PNG)
    item = types.CanvasItem("day", str(picture))
    async with running(Moobius(config=room.config())) as service:
        await service.send_canvas([item], room.channel_id, room.id_of("ada"))
        (pane,) = (await room.sockets["ada"].next())["body"]["content"]
    assert pane["path"].startswith(room.platform.url)
    assert item.path == str(picture)


# ---- The rest ----------------------------------------------------------------------------------


async def test_any_frame_can_be_sent_and_its_recipients_may_be_a_list(room: Room) -> None:
    ada = room.id_of("ada")
    body = {
        "subtype": "text",
        "channel_id": room.channel_id,
        "content": {"text": "by hand"},
        "recipients": [ada],
        "timestamp": 1,
        "sender": "x",
    }
    async with running(Moobius(config=room.config())) as service:
        await service.send(types.MESSAGE_DOWN, body)
        assert (await room.sockets["ada"].next())["body"]["content"] == {"text": "by hand"}
        assert body["recipients"] == [ada]
        with pytest.raises(PayloadError, match="group id"):
            await service.send(types.UPDATE, {"subtype": "buttons", "recipients": [ada]})


@pytest.mark.parametrize("swapped", [False, True])
async def test_an_update_of_any_kind_in_either_order(room: Room, swapped: bool) -> None:
    body = {
        "subtype": "buttons",
        "channel_id": room.channel_id,
        "recipients": [room.id_of("ada")],
        "content": [],
    }
    arguments: list[Any] = [body, "whoever"]
    async with running(Moobius(config=room.config())) as service:
        frame = await service.send_update(*(arguments[::-1] if swapped else arguments))
        assert frame["service_id"] == service.client_id
        assert (await room.sockets["ada"].next())["body"]["subtype"] == "buttons"


async def test_news_of_the_channel_reach_all_members(room: Room) -> None:
    info = types.ChannelInfo(room.channel_id, "Tea room", "hot drinks", "ccs")
    async with running(Moobius(config=room.config())) as service:
        await service.send_update_channel_info(room.channel_id, info)
        for name in ("ada", "bob"):
            body = (await room.sockets[name].next())["body"]
            assert body["subtype"] == "channel_info"
            assert body["content"]["channel_name"] == "Tea room"


async def test_user_data_travels_with_a_message_and_keeps_its_context(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        ada = room.id_of("ada")
        await service.send_message(
            "hi", room.channel_id, ada, ada, context={"mood": "good"}, user_data={"n": 1}
        )
        body = (await room.sockets["ada"].next())["body"]
        assert body["context"] == {"mood": "good", "user_data": {"n": 1}}
