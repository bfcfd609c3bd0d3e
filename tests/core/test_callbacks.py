"""What members do, and which callback hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moobius import Moobius, types
from tests.support.clients import Recorder
from tests.support.patience import until
from tests.support.room import Room, running


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


class Router(Recorder):
    """Routes actions itself, as services of 1.8.0 may."""

    async def on_action(self, action_data: Mapping[str, Any]) -> None:
        self._note("action", dict(action_data))
        await super().on_action(action_data)


async def test_an_override_of_on_action_sees_the_body_and_may_pass_it_on(room: Room) -> None:
    async with running(Router(config=room.config())) as service:
        await room.act("ada", "refresh")
        await room.act("ada", "button_click", button_id="x", arguments=[])
        await service.wait_for("button_click")
        events = [(kind, event) for kind, event in service.seen if kind != "copy"]
    kinds = [kind for kind, _ in events]
    assert kinds == ["action", "refresh", "action", "button_click"]
    assert events[0][1]["subtype"] == "refresh"
    assert events[0][1]["sender"] == room.id_of("ada")
    assert events[1][1].sender == room.id_of("ada")


async def test_refresh_and_join_left_alone_call_do_member_sync(room: Room) -> None:
    class Syncing(Recorder):
        on_refresh = Moobius.on_refresh
        on_join = Moobius.on_join

        async def do_member_sync(self, channel_id: str, character: str) -> None:
            self._note("sync", (channel_id, character))

    async with running(Syncing(config=room.config())) as service:
        await room.enter("cy")
        await room.act("ada", "refresh")
        await until(lambda: sum(kind == "sync" for kind, _ in service.seen) == 2)
    synced = [event for kind, event in service.seen if kind == "sync"]
    assert synced == [(room.channel_id, room.id_of("cy")), (room.channel_id, room.id_of("ada"))]


async def test_an_internal_error_of_the_platform_is_one_logged_line(
    room: Room, log: list[str]
) -> None:
    async with running(Recorder(config=room.config())) as service:
        await service.handle_received_payload(
            '{"message": "Internal server error", "connectionId": "X", "requestId": "Y"}'
        )
        await until(lambda: any("internal error" in line for line in log))
