"""The reference of core.sdk: the life of a service and its callbacks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moobius import Moobius, MoobiusStorage, types
from tests.promises.stage import CALLBACKS, Recorder, Stage
from tests.support.patience import until
from tests.support.room import running

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Diary(Recorder):
    """Notes the steps of its life, with what is known at that moment."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.diary: list[Any] = []

    async def authenticate(self) -> tuple[str, str]:
        self.diary.append(("authenticate", self.ws_client.is_connected))
        return await super().authenticate()

    async def send_service_login(self) -> dict[str, Any]:
        self.diary.append(("login", bool(self.http_api.access_token), bool(self.client_id)))
        return await super().send_service_login()

    async def true_channel_list(self) -> list[str]:
        self.diary.append(("bind", self.ws_client.is_connected))
        return await super().true_channel_list()

    async def before_channel_init(self) -> None:
        self.diary.append(("before", dict(self.channels), await self.fetch_bound_channels()))

    async def on_channel_init(self, channel_id: str) -> None:
        self.diary.append(("init", channel_id))
        await super().on_channel_init(channel_id)

    async def on_channel_checkin(self, channel_id: str) -> None:
        self.diary.append(("checkin", channel_id))

    async def on_start(self) -> None:
        self.diary.append(("start", self.scheduler.running))

    async def do_member_sync(self, channel_id: str, character: str) -> None:
        self.diary.append(("sync", channel_id, character))


# ---- The life ----------------------------------------------------------------------------------


@pytest.mark.promise("2-04", "2-16", "2-52", "3-16")
@pytest.mark.defect("D40", "D106")
async def test_the_steps_of_start(stage: Stage) -> None:
    room = await stage.another_room()
    async with running(Diary(config=room.config())) as service:
        channel_id = room.channel_id
        assert service.diary == [
            ("authenticate", False),
            ("login", True, True),
            ("bind", True),
            ("before", {channel_id: None}, [channel_id]),
            ("init", channel_id),
            ("checkin", channel_id),
            ("start", True),
        ]
        await room.say("ada", "do you listen?", "bob")
        await service.wait_for("on_message_up")
        service.queue.put("and to the wand?")
        await service.wait_for("on_spell")


@pytest.mark.promise("2-04")
async def test_the_scheduler_has_its_jobs_and_takes_yours(stage: Stage) -> None:
    room = await stage.another_room()

    class Busy(Diary):
        async def on_start(self) -> None:
            self.scheduler.add_job(self.work, "interval", seconds=0.05)

        async def work(self) -> None:
            self.diary.append("worked")

    async with running(Busy(config=room.config())) as service:
        spans = sorted(job.trigger.interval.total_seconds() for job in service.scheduler.get_jobs())
        assert spans == [0.05, 30, 3600, 6 * 3600, 7 * 24 * 3600]
        await until(lambda: service.diary.count("worked") >= 2)


@pytest.mark.promise("2-03", "2-04")
async def test_a_new_service_is_kept_in_its_file(stage: Stage, in_folder: Path) -> None:
    room = await stage.another_room()
    config = room.config(service_id="")
    file = in_folder / "service.json"
    file.write_text(json.dumps(config["service_config"]), "utf-8")
    async with running(Recorder(config={**config, "service_config": "service.json"})) as service:
        assert json.loads(file.read_text("utf-8"))["service_id"] == service.client_id


@pytest.mark.promise("2-53")
@pytest.mark.parametrize("stored", [True, False])
async def test_a_channel_gets_its_storage_then_its_check_in(
    stage: Stage, tmp_path: Path, stored: bool
) -> None:
    room = await stage.another_room()
    seen: list[Any] = []

    class Keeper(Moobius):
        async def on_channel_checkin(self, channel_id: str) -> None:
            seen.append((channel_id, self.channels[channel_id]))

    config = room.config()
    settings = {"root_dir": str(tmp_path)}
    if stored:
        config["db_config"] = [{"implementation": "json", "name": "data", "settings": settings}]
    async with running(Keeper(config=config)) as service:
        ((channel_id, storage),) = seen
        assert channel_id == room.channel_id
        assert isinstance(storage, MoobiusStorage) is stored
        assert (storage is None) is not stored
        # Any time later, for a channel of one's own making.
        new = await service.create_channel("New", "")
        await service.on_channel_init(new)
        assert seen[-1][0] == new


@pytest.mark.promise("2-17", "3-03")
async def test_check_ins_come_at_the_start_and_again(stage: Stage) -> None:
    room = await stage.another_room()
    async with running(Diary(config=room.config(checkin_interval=0.05))) as service:
        checkin = ("checkin", room.channel_id)
        assert service.diary.index(checkin) < service.diary.index(("start", True))
        await until(lambda: service.diary.count(checkin) >= 3)


@pytest.mark.promise("2-15")
async def test_refresh_and_join_sync_the_member_by_themselves(stage: Stage) -> None:
    room = await stage.another_room("ada")
    async with running(Diary(config=room.config())) as service:
        assert not [entry for entry in service.diary if entry[0] == "sync"]
        await room.act("ada", "refresh")
        await until(lambda: ("sync", room.channel_id, stage.ada) in service.diary)
        join = {"subtype": "join", "channel_id": room.channel_id}
        await stage.room.sockets["bob"].good(type="action", body=join)
        await until(lambda: ("sync", room.channel_id, stage.bob) in service.diary)
        await stage.room.sockets["bob"].good(type="action", body={**join, "subtype": "leave"})
        await service.wait_for("on_leave")
        assert [entry[0] for entry in service.diary].count("sync") == 2


@pytest.mark.promise("2-48", "2-54")
@pytest.mark.defect("D38")
async def test_the_loop_over_spells_survives_a_bad_one(stage: Stage, log: list[str]) -> None:
    room = await stage.another_room()

    class Wizard(Recorder):
        async def on_spell(self, obj: Any) -> None:
            if obj == "bad":
                raise RuntimeError("a bad spell")
            self.seen.append(("on_spell", obj))

    async with running(Wizard(config=room.config())) as service:
        for spell in ("one", "bad", {"two": 2}):
            service.queue.put(spell)
        await service.wait_for("on_spell", lambda spell: spell == {"two": 2})
        spells = [event for name, event in service.seen if name == "on_spell"]
        assert spells == ["one", {"two": 2}]
    assert any("a bad spell" in line for line in log)


# ---- The callbacks -----------------------------------------------------------------------------


@pytest.mark.promise("2-01")
async def test_socket_callbacks_and_http_work_together(stage: Stage) -> None:
    room = await stage.another_room()

    class Clerk(Moobius):
        async def on_message_up(self, message: types.MessageBody) -> None:
            who = await self.fetch_character_profile(message.sender)
            await self.send_message(message, text=f"{who.character_id} says it")

    async with running(Clerk(config=room.config())):
        await room.say("ada", "hello", "bob")
        assert (await stage.sees("bob"))["content"]["text"] == f"{stage.ada} says it"


@pytest.mark.promise("2-57", "2-58", "3-09", "3-10", "3-21")
async def test_joining_looking_and_leaving(stage: Stage) -> None:
    for subtype in ("leave", "join", "refresh"):
        await stage.room.act("bob", subtype)
    await stage.service.wait_for("on_refresh")
    events = [
        (name, event) for name, event in stage.service.seen if isinstance(event, types.SimpleAction)
    ]
    assert [name for name, _ in events] == ["on_leave", "on_join", "on_refresh"]
    for name, event in events:
        assert event == types.SimpleAction(
            name.removeprefix("on_"), stage.channel_id, stage.bob, event.context
        )


@pytest.mark.promise("2-56")
async def test_every_frame_has_its_copy(stage: Stage) -> None:
    frame = await stage.service.send_message("hi", stage.channel_id, "x", stage.ada)
    assert frame is not None
    copy = await stage.service.wait_for("on_copy_client")
    assert isinstance(copy, types.CopyBody)
    assert (copy.request_id, copy.origin_type, copy.status) == (
        frame["request_id"],
        "message_down",
        True,
    )


@pytest.mark.promise("2-56")
async def test_a_refusal_is_a_copy_too_and_the_base_may_be_called(stage: Stage) -> None:
    await stage.service.send_message("hi", "no-such-channel", "x", stage.ada)
    copy = await stage.service.wait_for("on_copy_client", lambda copy: not copy.status)
    assert copy.context["message"]
    await stage.service.send_message("still here", stage.channel_id, "x", stage.ada)
    assert (await stage.sees("ada"))["content"]["text"] == "still here"


@pytest.mark.promise("2-49", "2-59")
async def test_a_raw_frame_is_handled(stage: Stage) -> None:
    body = {"subtype": "refresh", "channel_id": stage.channel_id, "sender": stage.ada}
    await stage.service.handle_received_payload(json.dumps({"type": "action", "body": body}))
    action = await stage.service.wait_for("on_refresh")
    assert action.sender == stage.ada
    unknown = {"type": "weather", "body": {"rain": True}}
    await stage.service.handle_received_payload(json.dumps(unknown))
    assert await stage.service.wait_for("on_unknown_payload") == unknown


@pytest.mark.promise("2-49")
async def test_an_error_of_the_gateway_is_logged(stage: Stage, log: list[str]) -> None:
    await stage.service.handle_received_payload('{"message": "Internal server error"}')
    await until(lambda: any("internal server error" in line.lower() for line in log))


@pytest.mark.promise("2-50")
async def test_on_action_may_be_overridden_and_routes_by_subtype(stage: Stage) -> None:
    room = await stage.another_room()
    seen: list[Any] = []

    class Router(Recorder):
        async def on_action(self, action_data: Any) -> None:
            seen.append(action_data["subtype"])
            if action_data["subtype"] != "leave":
                await super().on_action(action_data)

    async with running(Router(config=room.config())) as service:
        for subtype in ("leave", "join", "refresh"):
            await room.act("ada", subtype)
        await service.wait_for("on_refresh")
        assert seen == ["leave", "join", "refresh"]
        names = [name for name, _ in service.seen if name != "on_copy_client"]
        assert names == ["on_join", "on_refresh"]


UPDATES: dict[str, tuple[str, Any, str, Any]] = {
    # callback: (verb, what is sent, field of the item, what arrives)
    "on_update_buttons": (
        "send_buttons",
        types.Button("a", "A", types.Dialog("D", [types.InputComponent("Drink", "text")])),
        "button",
        types.Button("a", "A", types.Dialog("D", [types.InputComponent("Drink", "text")])),
    ),
    "on_update_canvas": (
        "send_canvas",
        types.CanvasItem("day", "https://example.org/day.png"),
        "canvas_item",
        types.CanvasItem("day", "https://example.org/day.png"),
    ),
    "on_update_style": (
        "send_style",
        types.StyleItem("canvas", "visible", True),
        "style_item",
        types.StyleItem("canvas", "visible", True),
    ),
    "on_update_menu": (
        "send_menu",
        types.MenuItem("q", "Quote", [types.TEXT]),
        "menu_item",
        types.MenuItem("q", "Quote", [types.TEXT]),
    ),
}


@pytest.mark.promise("2-51", "2-61", "2-62", "0-19")
@pytest.mark.parametrize("callback", UPDATES)
async def test_updates_arrive_as_whole_objects(stage: Stage, callback: str) -> None:
    verb, given, field, expected = UPDATES[callback]
    await getattr(stage.service, verb)(given, stage.channel_id, stage.fan.client_id)
    update = await stage.fan.wait_for(callback)
    assert isinstance(update, types.UpdateBody)
    assert update.channel_id == stage.channel_id
    (item,) = update.content
    assert getattr(item, field) == expected
    assert update is await stage.fan.wait_for("on_update")


@pytest.mark.promise("2-61")
@pytest.mark.defect("D31")
async def test_an_update_of_characters_brings_names_in_order(stage: Stage) -> None:
    owl = await stage.service.create_agent("Owl")
    shown = [stage.bob, owl, stage.ada]
    await stage.service.send_characters(shown, stage.channel_id, stage.fan.client_id)
    update = await stage.fan.wait_for("on_update_characters")
    profiles = await stage.service.fetch_character_profile(shown)
    assert [item.character for item in update.content] == profiles


@pytest.mark.promise("2-61")
@pytest.mark.defect("D31")
async def test_an_update_of_the_channel_brings_its_facts(stage: Stage) -> None:
    info = types.ChannelInfo(stage.channel_id, "Cocoa room", "hot", "ccs")
    await stage.service.send_update_channel_info(stage.channel_id, info)
    update = await stage.fan.wait_for("on_update_channel_info")
    assert update.content[0].channel_info == info


@pytest.mark.promise("2-51")
async def test_on_update_may_be_overridden_by_nothing(stage: Stage) -> None:
    person = await stage.room.owner.wire.sign_up("deaf")
    config = stage.room.config(service_mode=False)
    config["account_config"] = {"email": person.email, "password": "deaf"}

    class Deaf(Recorder):
        async def on_update(self, update: types.UpdateBody) -> None:
            self.seen.append(("on_update", update))

    async with running(Deaf(config=config)) as deaf:
        await stage.service.wait_for("on_join", lambda a: a.sender == deaf.client_id)
        await stage.service.send_canvas([], stage.channel_id, deaf.client_id)
        await deaf.wait_for("on_update")
        await stage.service.send_message("end", stage.channel_id, "x", deaf.client_id)
        await deaf.wait_for("on_message_down")
        assert [n for n, _ in deaf.seen if n.startswith("on_update")] == ["on_update"]


@pytest.mark.promise("2-55", "2-59", "2-62")
async def test_every_callback_has_a_default_that_does_no_harm(stage: Stage, log: list[str]) -> None:
    assert all(callable(getattr(Moobius, name)) for name in CALLBACKS)
    room = await stage.another_room()
    async with running(Moobius(config=room.config())) as bare:
        await room.say("ada", "hello", "bob")
        for subtype in ("refresh", "leave", "join"):
            await room.act("ada", subtype)
        await room.act("ada", "button_click", button_id="b", arguments=[])
        await room.act(
            "ada",
            "menu_item_click",
            menu_item_id="q",
            message_id="m",
            message_subtype="text",
            message_content={"text": "x"},
            arguments=[],
        )
        bare.queue.put("spell")
        await until(lambda: any("spell" in line for line in log))
        assert await bare.send_message("alive", room.channel_id, "x", stage.bob)
        assert (await stage.sees("bob"))["content"]["text"] == "alive"
    assert not [line for line in log if line.startswith("ERROR")]
