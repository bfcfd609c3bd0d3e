"""Which callback a frame leads to, in which order they start, and what their failure costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from moobius import Moobius, types
from moobius.core.bursts import Bursts
from moobius.core.dispatch import route_of
from moobius.network.frame_reader import read_frame
from moobius.network.transport import encode
from tests.support.patience import until
from tests.support.room import Room, running


@pytest.mark.parametrize(
    ("type_", "subtype", "callback"),
    [
        ("message_up", "text", "on_message_up"),
        ("message_up", "something new", "on_message_up"),
        ("message_down", "image", "on_message_down"),
        ("action", "join", "on_join"),
        ("action", "join_channel", "on_join"),
        ("action", "leave", "on_leave"),
        ("action", "leave_channel", "on_leave"),
        ("action", "refresh", "on_refresh"),
        ("refresh", "", "on_refresh"),
        ("action", "button_click", "on_button_click"),
        ("button_click", "", "on_button_click"),
        ("action", "menu_item_click", "on_menu_item_click"),
        ("action", "menu_click", "on_menu_item_click"),
        ("menu_click", "", "on_menu_item_click"),
        ("update", "characters", "on_update"),
        ("update", "update_context_menu", "on_update"),
        ("copy", "", "on_copy_client"),
        ("copy_client", "", "on_copy_client"),
        ("msg_up", "text", "on_message_up"),
        ("msg_down", "text", "on_message_down"),
        ("feature_call", "", "on_button_click"),
        ("action", "fetch_playground", "on_refresh"),
        ("update", "update_userlist", "on_update"),
        ("action", "dance", "on_unknown_payload"),
        ("update", "weather", "on_unknown_payload"),
        ("poke", "", "on_unknown_payload"),
    ],
)
def test_a_frame_leads_to_its_callback(type_: str, subtype: str, callback: str) -> None:
    frame = read_frame(encode({"type": type_, "body": {"subtype": subtype, "channel_id": "CH"}}))
    assert route_of(frame) == callback


class Diary(Moobius):
    """Notes when callbacks start and end; each waits until it is let go."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.diary: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def on_message_up(self, message: types.MessageBody) -> None:
        text = str(message.content.text)
        self.diary.append(f"start {text}")
        if "wait" in text:
            await self.gates.setdefault(text, asyncio.Event()).wait()
        self.diary.append(f"end {text}")

    def let_go(self, text: str) -> None:
        self.gates[text].set()


async def test_callbacks_start_in_the_order_of_arrival_and_may_overlap(room: Room) -> None:
    async with running(Diary(config=room.config())) as service:
        for text in ("wait 1", "wait 2", "3"):
            await room.say("ada", text, "bob")
        await until(lambda: "end 3" in service.diary)
        assert service.diary == ["start wait 1", "start wait 2", "start 3", "end 3"]
        service.let_go("wait 1")
        service.let_go("wait 2")
        await until(lambda: len(service.diary) == 6)


@pytest.mark.defect("D13")
async def test_many_messages_with_new_groups_start_in_order(room: Room) -> None:
    async with running(Diary(config=room.config())) as service:
        # Groups that are new need a look-up, known ones do not; the order must not care.
        for number in range(20):
            await room.say("ada", str(number), *(["bob"] if number % 3 else ["ada", "bob"]))
        await until(lambda: len(service.diary) == 40)
        starts = [line for line in service.diary if line.startswith("start")]
        assert starts == [f"start {number}" for number in range(20)]


async def test_one_at_a_time_per_channel(room: Room) -> None:
    async with running(Diary(config=room.config(order="channel"))) as service:
        await room.say("ada", "wait 1", "bob")
        await room.say("bob", "2", "ada")
        await until(lambda: "wait 1" in service.gates)
        await room.sockets["ada"].nothing()
        assert service.diary == ["start wait 1"]
        service.let_go("wait 1")
        await until(lambda: len(service.diary) == 4)
        assert service.diary == ["start wait 1", "end wait 1", "start 2", "end 2"]


async def test_one_at_a_time_per_member(room: Room) -> None:
    async with running(Diary(config=room.config(order="member"))) as service:
        await room.say("ada", "wait 1", "bob")
        await room.say("ada", "2", "bob")
        await room.say("bob", "3", "ada")
        await until(lambda: "end 3" in service.diary)
        assert "start 2" not in service.diary
        service.let_go("wait 1")
        await until(lambda: "end 2" in service.diary)


async def test_a_callback_that_raises_costs_one_event(room: Room, log: list[str]) -> None:
    errors: list[tuple[str, Any, Exception]] = []

    class Clumsy(Diary):
        async def on_message_up(self, message: types.MessageBody) -> None:
            if message.content.text == "trip":
                raise RuntimeError("over my own feet")
            await super().on_message_up(message)

        async def on_error(self, callback: str, event: Any, error: Exception) -> None:
            errors.append((callback, event, error))

    async with running(Clumsy(config=room.config())) as service:
        await room.say("ada", "trip", "bob")
        await room.say("ada", "hello", "bob")
        await until(lambda: "end hello" in service.diary)
    ((callback, event, error),) = errors
    assert (callback, event.content.text) == ("on_message_up", "trip")
    assert str(error) == "over my own feet"
    logged = "".join(log)
    assert "RuntimeError raised in on_message_up: over my own feet" in logged
    assert "Traceback" in logged


@pytest.mark.defect("D20")
async def test_a_group_that_cannot_be_resolved_is_an_error_never_a_command(room: Room) -> None:
    errors: list[tuple[str, Any, Exception]] = []

    class Careful(Diary):
        async def on_error(self, callback: str, event: Any, error: Exception) -> None:
            errors.append((callback, event, error))

    async with running(Careful(config=room.config())) as service:
        await service.handle_received_payload(
            encode(
                {
                    "type": "message_up",
                    "body": {
                        "subtype": "text",
                        "channel_id": room.channel_id,
                        "content": {"text": "delete everything"},
                        "recipients": "a-group-nobody-knows",
                        "sender": room.id_of("ada"),
                    },
                }
            )
        )
        await until(lambda: bool(errors))
        assert service.diary == []
    assert "a-group-nobody-knows" in str(errors[0][2])


async def test_unknown_payloads_have_a_callback(room: Room) -> None:
    seen: list[dict[str, Any]] = []

    class Curious(Moobius):
        async def on_unknown_payload(self, payload_data: dict[str, Any]) -> None:
            seen.append(payload_data)

    async with running(Curious(config=room.config())) as service:
        await service.handle_received_payload('{"type": "weather", "body": {"rain": true}}')
        await until(lambda: bool(seen))
    assert seen == [{"type": "weather", "body": {"rain": True}}]


class Refreshed(Moobius):
    """Notes who is refreshed."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.refreshed: list[str] = []

    async def on_refresh(self, action: types.SimpleAction) -> None:
        assert action.subtype == types.REFRESH
        self.refreshed.append(action.sender)


def action(subtype: str, sender: str) -> str:
    body = {"subtype": subtype, "channel_id": "CH", "sender": sender}
    return encode({"type": "action", "body": body})


async def test_requests_for_all_parts_of_a_view_are_one_refresh(room: Room) -> None:
    parts = ("fetch_characters", "fetch_buttons", "fetch_canvas", "fetch_style", "fetch_menu")
    async with running(Refreshed(config=room.config())) as service:
        assert service._dispatch is not None
        service._dispatch._bursts = Bursts(3600.0)  # here, however slowly they come
        for part in parts:
            for sender in ("ADA", "BOB"):
                await service.handle_received_payload(action(part, sender))
        await service.handle_received_payload(action("refresh", "CARA"))
        await until(lambda: "CARA" in service.refreshed)
        assert service.refreshed == ["ADA", "BOB", "CARA"]


async def test_whole_refreshes_are_all_answered(room: Room) -> None:
    async with running(Refreshed(config=room.config())) as service:
        for _ in range(3):
            await service.handle_received_payload(action("refresh", "ADA"))
        await until(lambda: service.refreshed == ["ADA"] * 3)
