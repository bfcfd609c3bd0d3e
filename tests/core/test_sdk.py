"""The verbs and callbacks of `Moobius`, seen from the members' side of the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from moobius import Moobius, types
from moobius.errors import FrameTooLarge, MissingFile, WrongMode
from moobius.types import Character
from tests.support.patience import until
from tests.support.room import Room, running

PNG = b"\x89PNG\r\n\x1a\n-not-really-a-picture"


class Echo(Moobius):
    """Forwards every message unchanged."""

    async def on_message_up(self, message: types.MessageBody) -> None:
        await self.send_message(message)


class Recorder(Moobius):
    """Keeps what its callbacks are called with."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seen: list[tuple[str, Any]] = []

    def _note(self, name: str, event: Any) -> None:
        self.seen.append((name, event))

    async def on_message_up(self, message: types.MessageBody) -> None:
        self._note("message_up", message)

    async def on_join(self, action: types.SimpleAction) -> None:
        self._note("join", action)

    async def on_leave(self, action: types.SimpleAction) -> None:
        self._note("leave", action)

    async def on_refresh(self, action: types.SimpleAction) -> None:
        self._note("refresh", action)

    async def on_button_click(self, action: types.ButtonClick) -> None:
        self._note("button_click", action)

    async def on_menu_item_click(self, action: types.MenuItemClick) -> None:
        self._note("menu_item_click", action)

    async def on_copy_client(self, copy: types.CopyBody) -> None:
        self._note("copy", copy)

    async def wait_for(self, name: str) -> Any:
        await until(
            lambda: any(kind == name for kind, _ in self.seen),
            lambda: f"no {name} among {self.seen}",
        )
        return next(event for kind, event in self.seen if kind == name)


# ---- Messages --------------------------------------------------------------------------------


async def test_a_forwarded_message_reaches_whom_it_was_meant_for(room: Room) -> None:
    async with running(Echo(config=room.config())):
        await room.say("ada", "hello", "ada", "bob")
        for name in ("ada", "bob"):
            body = (await room.sockets[name].next())["body"]
            assert body["content"] == {"text": "hello"}
            assert body["sender"] == room.id_of("ada")
            assert "recipients" not in body


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
    assert "not found" in line.lower()


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


# ---- Events ----------------------------------------------------------------------------------


async def test_joining_leaving_and_looking_reach_their_callbacks(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        await room.enter("cy")
        await room.act("cy", "refresh")
        await room.act("cy", "leave")
        await service.wait_for("leave")
        events = [(kind, event.sender) for kind, event in service.seen if kind != "copy"]
        cy = room.id_of("cy")
        assert events == [("join", cy), ("refresh", cy), ("leave", cy)]


async def test_a_click_brings_what_was_entered(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        await room.act(
            "ada",
            "button_click",
            button_id="order",
            arguments=[{"label": "Drink", "value": "tea"}],
            bottom_button_id="now",
        )
        click = await service.wait_for("button_click")
        assert click.button_id == "order"
        assert click.sender == room.id_of("ada")
        assert click.arguments == [types.ClickArgument("Drink", "tea")]
        assert click.bottom_button_id == "now"


async def test_a_menu_choice_brings_the_message(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        await room.act(
            "ada",
            "menu_item_click",
            menu_item_id="quote",
            message_id="MSG",
            message_subtype="text",
            message_content={"text": "welcome"},
            arguments=[],
            bottom_button_id="confirm",
        )
        click = await service.wait_for("menu_item_click")
        assert click.menu_item_id == "quote"
        assert click.message_content == types.MessageContent(text="welcome")


async def test_every_frame_is_acknowledged_to_on_copy_client(room: Room) -> None:
    async with running(Recorder(config=room.config())) as service:
        frame = await service.send_message("hi", room.channel_id, "x", room.id_of("ada"))
        assert frame is not None
        await until(
            lambda: any(
                kind == "copy" and event.request_id == frame["request_id"] and event.status
                for kind, event in service.seen
            )
        )


async def test_a_service_with_an_empty_body_runs(room: Room) -> None:
    class Nothing(Moobius):
        pass

    async with running(Nothing(config=room.config())) as service:
        await room.say("ada", "anybody?", "ada", "bob")
        await room.act("ada", "refresh")
        await room.sockets["ada"].nothing()
        assert list(service.channels) == [room.channel_id]


# ---- Asking and creating ---------------------------------------------------------------------


async def test_members_agents_and_profiles(room: Room) -> None:
    ada, bob = room.id_of("ada"), room.id_of("bob")
    async with running(Moobius(config=room.config())) as service:
        assert await service.fetch_member_ids(room.channel_id) == [ada, bob]
        owl = await service.create_agent("Owl", description="wise")
        assert isinstance(owl, Character)
        assert (owl.name, owl.description) == ("Owl", "wise")
        assert owl.avatar
        characters = await service.fetch_characters(room.channel_id)
        assert [character.character_id for character in characters] == [ada, bob, owl.character_id]
        assert (await service.fetch_character_profile(ada)).character_id == ada
        profiles = await service.fetch_character_profile([bob, owl, bob])
        assert [one.character_id for one in profiles] == [bob, owl.character_id, bob]
        assert await service.fetch_character_profile([]) == []


async def test_an_agent_can_be_renamed_and_keeps_its_id(room: Room) -> None:
    async with running(Moobius(config=room.config())) as service:
        owl = await service.create_agent("Owl")
        await service.update_agent(owl, str(owl.avatar), "asleep", "Night owl")
        (after,) = await service.fetch_agents()
        assert (after.character_id, after.name) == (owl.character_id, "Night owl")


async def test_the_same_picture_is_uploaded_once(room: Room, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").write_bytes(PNG)
    async with running(Moobius(config=room.config())) as service:
        one = await service.create_agent("One", tmp_path / "a.png")
        two = await service.create_agent("Two", tmp_path / "b.png")
        assert one.avatar == two.avatar


# ---- User mode -------------------------------------------------------------------------------


class Fan(Recorder):
    """A client in user mode."""

    async def on_message_down(self, message: types.MessageBody) -> None:
        self._note("message_down", message)

    async def on_update_characters(self, update: types.UpdateBody) -> None:
        self._note("characters", update)


async def fan_of(room: Room) -> Fan:
    person = await room.owner.wire.sign_up("fan")
    config = room.config()
    config["account_config"] = {"email": person.email, "password": "fan"}
    return Fan(config=config, is_agent=True)


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


async def until_member(service: Moobius, room: Room, character_id: str) -> None:
    for _ in range(200):
        if character_id in await service.fetch_member_ids(room.channel_id):
            return
    raise AssertionError(f"{character_id} did not join")


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


# ---- The object itself -----------------------------------------------------------------------


def test_the_constructor_needs_no_event_loop_and_hides_the_password() -> None:
    service = Moobius(account_config={"email": "a@b", "password": "sesame-open"})
    assert "sesame-open" not in f"{service} {service!r} {service.config} {service.settings!r}"
    assert service.channels == {}
    assert service.client_id is None
    assert not hasattr(service, "whatever")


async def test_senders_are_safe_to_call_from_many_tasks(room: Room) -> None:
    ada = room.id_of("ada")
    async with running(Moobius(config=room.config())) as service:
        await asyncio.gather(
            *(service.send_message(str(n), room.channel_id, ada, [ada]) for n in range(50))
        )
        texts = [(await room.sockets["ada"].next())["body"]["content"]["text"] for _ in range(50)]
        assert sorted(texts, key=int) == [str(n) for n in range(50)]
