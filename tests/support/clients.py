"""Services and user clients that several tests use."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from moobius import Moobius, types
from tests.support.patience import PATIENCE, until
from tests.support.room import Room


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


async def until_member(service: Moobius, room: Room, character_id: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while character_id not in await service.fetch_member_ids(room.channel_id):
        assert time.monotonic() < deadline, f"{character_id} did not join"
        await asyncio.sleep(0.02)
