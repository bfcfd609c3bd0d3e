"""What the tutorial "Members and Characters" and its further pages promise."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import pytest

from moobius import Moobius, MoobiusWand, types
from moobius.network.http_api_wrapper import HTTPAPIWrapper
from moobius.network.ws_client import WSClient
from tests.promises.stage import Recorder, Stage
from tests.support.room import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- What members see --------------------------------------------------------------------------


@pytest.mark.promise("3-01")
async def test_nobody_sees_characters_before_the_service_sends_some(stage: Stage) -> None:
    room = await stage.another_room()
    async with running(Recorder(config=room.config())) as service:
        await stage.sweep()
        await room.act("ada", "refresh")
        await service.wait_for("on_refresh")
        await stage.sees_nothing("ada")
        await service.send_characters([stage.bob], room.channel_id, stage.ada)
        assert await stage.shown_to("ada") == [stage.bob]


@pytest.mark.promise("3-02")
async def test_the_owner_need_not_be_a_member(stage: Stage) -> None:
    room = await stage.another_room()
    async with running(Recorder(config=room.config())) as service:
        assert room.owner.user_id not in await service.fetch_member_ids(room.channel_id)
        await stage.sweep()
        await service.send_message("served", room.channel_id, stage.bob, stage.ada)
        assert (await stage.sees("ada"))["content"] == {"text": "served"}
        await service.update_channel(room.channel_id, "Still mine", "")


@pytest.mark.promise("3-27", "3-28", "3-15")
async def test_everybody_has_an_order_of_their_own(stage: Stage) -> None:
    owl = await stage.service.create_agent("Owl")
    characters: list[Any] = [owl, *await stage.service.fetch_member_ids(stage.channel_id)]
    assert characters.index(owl) == 0
    for name, member in (("ada", stage.ada), ("bob", stage.bob)):
        place = characters.index(member)
        others = characters[:place] + characters[place + 1 :]
        shown = [member, *others]
        await stage.service.send_characters(shown, stage.channel_id, member)
        expected = [c if isinstance(c, str) else c.character_id for c in shown]
        assert await stage.shown_to(name) == expected
        assert expected[:2] == [member, owl.character_id]


@pytest.mark.promise("3-11")
@pytest.mark.parametrize("form", ["one", "list", "dict", "keys", "generator", "nested", "mixed"])
async def test_recipients_of_every_verb(stage: Stage, form: str) -> None:
    ada = stage.ada
    profile = await stage.service.fetch_character_profile(ada)

    def recipients() -> Any:
        return {
            "one": ada,
            "list": [ada],
            "dict": {ada: "Ada"},
            "keys": {ada: "Ada"}.keys(),
            "generator": (one for one in [ada]),
            "nested": [[ada]],
            "mixed": [profile, [stage.fan.client_id]],
        }[form]

    send, channel_id = stage.service, stage.channel_id
    assert await send.send_message("hi", channel_id, stage.bob, recipients())
    assert await send.send_characters([stage.bob], channel_id, recipients())
    assert await send.send_buttons([], channel_id, recipients())
    assert await send.send_menu([], channel_id, recipients())
    assert await send.send_canvas([], channel_id, recipients())
    assert await send.send_style([], channel_id, recipients())
    subtypes = [(await stage.sees("ada"))["subtype"] for _ in range(6)]
    assert subtypes == ["text", "characters", "buttons", "menu", "canvas", "style"]


@pytest.mark.promise("3-13", "3-34")
async def test_an_agent_that_copies_a_member_cannot_be_told_apart(stage: Stage) -> None:
    face = {"avatar": "https://example.org/ada.png", "description": "likes tea", "name": "Ada"}
    await stage.room.people["ada"].post("/user/info", **face)
    ada = await stage.service.fetch_character_profile(stage.ada)
    twin = await stage.service.create_agent(ada.name, ada.avatar, str(ada.description))
    assert twin.character_id != ada.character_id
    profiles = await stage.room.people["bob"].post(
        "/character/fetch_profile", character_list=[stage.ada, twin.character_id]
    )
    first, second = profiles
    assert first.keys() == second.keys()
    assert first["character_context"] == second["character_context"]


@pytest.mark.promise("3-17")
async def test_an_agent_receives_nothing(stage: Stage) -> None:
    owl = await stage.service.create_agent("Owl")
    await stage.service.send_message("hi", stage.channel_id, owl, [owl, stage.ada])
    body = await stage.sees("ada")
    assert body["sender"] == owl.character_id
    await stage.service.send_message("to the owl alone", stage.channel_id, stage.ada, owl)
    await stage.service.wait_for("on_copy_client", lambda copy: copy.origin_type == "message_down")
    await stage.sees_nothing("ada")
    copies = [event for name, event in stage.service.seen if name == "on_copy_client"]
    assert all(copy.status for copy in copies)


@pytest.mark.promise("3-31")
async def test_profiles_have_their_names_under_the_name_of_the_tutorial(stage: Stage) -> None:
    profile = await stage.service.get_character_profile(stage.ada)
    assert profile == await stage.service.fetch_character_profile(stage.ada)
    assert profile.name


# ---- Sending -----------------------------------------------------------------------------------


@pytest.mark.promise("3-29")
async def test_tasks_may_send_at_once(stage: Stage) -> None:
    recipients = [stage.ada, stage.bob]
    tasks = [
        asyncio.create_task(
            stage.service.send_characters([stage.ada, stage.bob], stage.channel_id, one)
        )
        for one in recipients * 10
    ]
    await asyncio.gather(*tasks)
    for name in ("ada", "bob"):
        for _ in range(10):
            assert await stage.shown_to(name) == [stage.ada, stage.bob]
        await stage.sees_nothing(name)


@pytest.mark.promise("3-30")
async def test_one_call_is_one_frame(stage: Stage) -> None:
    items = [types.CanvasItem(text=str(number)) for number in range(5)]
    await stage.service.send_canvas(items, stage.channel_id, [stage.ada, stage.bob])
    assert len((await stage.sees("ada"))["content"]) == 5
    await stage.sees_nothing("ada")
    copies = [event for name, event in stage.service.seen if name == "on_copy_client"]
    assert [copy.origin_type for copy in copies] == ["update"]


@pytest.mark.promise("3-36")
async def test_the_same_again_is_harmless(stage: Stage) -> None:
    for _ in range(3):
        await stage.service.send_buttons(
            types.Button("a", "A"), channel_id=stage.channel_id, recipients=stage.ada
        )
    bodies = [await stage.sees("ada") for _ in range(3)]
    assert bodies[0] == bodies[1] == bodies[2]


@pytest.mark.promise("3-37")
async def test_any_rule_about_who_hears_whom(stage: Stage) -> None:
    """Bob is muted, Ada hears a changed text under another name, in another channel too."""
    room = await stage.another_room()
    owl = await stage.service.create_agent("Owl")

    class Gossip(Recorder):
        async def on_message_up(self, message: types.MessageBody) -> None:
            if message.sender == stage.bob:
                return
            heard = [one for one in message.recipients if one != message.sender]
            await self.send_message(message, recipients=heard)
            await self.send_message(message, text="psst", sender=owl, recipients=[stage.ada])

    async with running(Gossip(config=room.config())) as service:
        await room.say("bob", "nobody hears this", "ada", "bob")
        await room.say("ada", "hello", "ada", "bob")
        to_bob, to_ada = await stage.sees("bob"), await stage.sees("ada")
        assert (to_bob["sender"], to_bob["content"]["text"]) == (stage.ada, "hello")
        assert (to_ada["sender"], to_ada["content"]["text"]) == (owl.character_id, "psst")
        await service.send_message("over there", room.channel_id, stage.ada, stage.bob)
        assert (await stage.sees("bob"))["channel_id"] == room.channel_id
        await stage.sees_nothing("ada")


# ---- Events ------------------------------------------------------------------------------------


@pytest.mark.promise("3-07", "3-33")
async def test_every_refresh_is_answered_with_the_whole_view(stage: Stage) -> None:
    room = await stage.another_room()

    class Painter(Moobius):
        async def do_member_sync(self, channel_id: str, character: str) -> None:
            await self.send_characters([character], channel_id, character)
            await self.send_buttons(types.Button("a", "A"), channel_id, character)
            await self.send_canvas(types.CanvasItem("day"), channel_id, character)

    async with running(Painter(config=room.config())):
        await stage.sweep()
        for _ in range(3):
            await room.act("ada", "refresh")
            subtypes = [(await stage.sees("ada"))["subtype"] for _ in range(3)]
            assert subtypes == ["characters", "buttons", "canvas"]


@pytest.mark.promise("3-08")
async def test_a_received_frame_is_logged_with_where_it_came_from(stage: Stage) -> None:
    from loguru import logger

    records: list[tuple[str, str, str, str]] = []

    def keep(message: Any) -> None:
        record = message.record
        records.append(
            (record["level"].name, record["name"], record["function"], record["message"])
        )

    sink = logger.add(keep, level="INFO")
    try:
        await stage.room.act("ada", "refresh")
        await stage.service.wait_for("on_refresh")
    finally:
        logger.remove(sink)
    (shown,) = [record for record in records if "refresh" in record[3] and "action" in record[3]]
    assert shown[:3] == ("INFO", "moobius.network.ws_client", "receive")
    assert stage.ada in shown[3]


@pytest.mark.promise("3-23", "3-38")
async def test_who_comes_and_goes_meanwhile_is_known_after_a_restart(stage: Stage) -> None:
    room = await stage.another_room()
    config = room.config()
    async with running(Recorder(config=config)) as service:
        config["service_config"]["service_id"] = service.client_id
        assert await service.fetch_member_ids(room.channel_id) == [stage.ada, stage.bob]
    leave = {"subtype": "leave", "channel_id": room.channel_id}
    await room.sockets["ada"].good(type="action", body=leave)
    async with running(Recorder(config=config)) as service:
        assert await service.fetch_member_ids(room.channel_id) == [stage.bob]
        await room.sockets["ada"].good(type="action", body={**leave, "subtype": "join"})
        await service.wait_for("on_join")
        assert await service.fetch_member_ids(room.channel_id) == [stage.bob, stage.ada]


@pytest.mark.promise("3-35")
async def test_a_login_from_elsewhere_is_seen_and_does_not_start_a_fight(
    stage: Stage, log: list[str]
) -> None:
    """The same service a second time: the later one is served, the earlier one stays calm."""
    room = await stage.another_room()
    config = room.config()
    async with running(Recorder(config=config)) as first:
        config["service_config"]["service_id"] = first.client_id
        async with running(Recorder(config=config)) as second:
            await room.say("ada", "who hears me?", "bob")
            await second.wait_for("on_message_up")
            assert "on_message_up" not in [name for name, _ in first.seen]
            logins = [
                copy
                for service in (first, second)
                for name, copy in service.seen
                if name == "on_copy_client" and copy.origin_type == "service_login"
            ]
            assert len(logins) == 2
            assert first.ws_client.is_connected and second.ws_client.is_connected
        await room.say("ada", "and now?", "bob")
        await first.wait_for("on_message_up")


# ---- The object --------------------------------------------------------------------------------


@pytest.mark.promise("3-18")
async def test_the_constructor_asks_nobody(stage: Stage) -> None:
    config = stage.room.config(http_server_uri="http://127.0.0.1:1/", ws_server_uri="ws://[::1]:1")
    service = await asyncio.to_thread(Recorder, config=config)  # no loop runs there
    assert service.scheduler is None and not service.channels
    assert not service.ws_client.is_connected


@pytest.mark.promise("3-19")
async def test_attributes_may_be_set_anywhere(stage: Stage) -> None:
    room = await stage.another_room()

    class Free(Moobius):
        motto = "free"

        async def before_channel_init(self) -> None:
            self.members: dict[str, list[str]] = {}

        async def on_channel_init(self, channel_id: str) -> None:
            self.members[channel_id] = await self.fetch_member_ids(channel_id)
            self.channels[channel_id] = {"mine": True}

    async with running(Free(config=room.config())) as service:
        assert service.members == {room.channel_id: [stage.ada, stage.bob]}
        assert service.channels == {room.channel_id: {"mine": True}}
        assert not hasattr(service, "never_set")


@pytest.mark.promise("3-24")
async def test_the_first_line_of_the_tutorial() -> None:
    names: dict[str, Any] = {}
    exec("from moobius import Moobius, MoobiusWand, types", names)
    assert (names["Moobius"], names["MoobiusWand"], names["types"]) == (Moobius, MoobiusWand, types)


@pytest.mark.promise("3-39")
@pytest.mark.parametrize("cls", [Moobius, MoobiusWand, HTTPAPIWrapper, WSClient])
async def test_every_public_method_is_documented(cls: type) -> None:
    silent = [
        f"{cls.__name__}.{name}"
        for name, member in inspect.getmembers(cls)
        if not name.startswith("_")
        and (inspect.isfunction(member) or isinstance(member, property))
        and not inspect.getdoc(member)
    ]
    assert silent == []
