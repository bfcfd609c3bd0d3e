"""A service as its author would write it, fully typed: what mypy must understand without help.

Nothing here runs; `mypy --strict` over the tests reads it. Whoever changes a public signature in a
way that breaks such code learns it here.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loguru import logger

from moobius import Moobius, MoobiusError, MoobiusStorage, MoobiusWand, json_utils, types
from moobius.errors import BadResponseException, FrameTooLarge
from moobius.types import Button, CanvasItem, Character, Dialog, InputComponent, MessageBody


@dataclass
@types.add_str_method
class Forecast:
    """Something of the user's own that storage keeps."""

    city: str
    degrees: float
    seen_by: list[str]


class WeatherRoom(Moobius):
    """Tells the weather, and remembers who asked."""

    def __init__(self, city: str = "Kyoto", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.city = city
        self.frog: Character | None = None
        self.background: set[asyncio.Task[None]] = set()

    async def before_channel_init(self) -> None:
        agents: list[Character] = await self.fetch_agents()
        self.frog = next((agent for agent in agents if agent.name == "Frog"), None)
        if self.frog is None:
            self.frog = await self.create_agent("Frog", avatar=Path("frog.png"))

    async def on_channel_init(self, channel_id: str) -> None:
        await super().on_channel_init(channel_id)
        storage = self.channels[channel_id]
        assert isinstance(storage, MoobiusStorage)
        if "today" not in storage.forecasts:
            storage.forecasts["today"] = Forecast(self.city, 21.5, [])

    async def on_channel_checkin(self, channel_id: str) -> None:
        members: list[str] = await self.fetch_member_ids(channel_id)
        for member_id in members:
            await self.do_member_sync(channel_id, member_id)

    async def on_start(self) -> None:
        self.scheduler.add_job(self.announce, "interval", minutes=10)
        logger.info("{} serves {}", self, list(self.channels))

    async def on_stop(self) -> None:
        await asyncio.gather(*(self.say(channel_id, "Bye.") for channel_id in self.channels))

    async def do_member_sync(self, channel_id: str, character: str) -> None:
        members = await self.fetch_character_profile(await self.fetch_member_ids(channel_id))
        shown: list[Character | str] = [*members, *([self.frog] if self.frog else [])]
        await self.send_characters(shown, channel_id, [character])
        await self.send_buttons(
            [Button("ask", "Ask", Dialog("Where?", [InputComponent("City", types.TEXTBOX)]))],
            channel_id,
            character,
        )
        await self.send_menu(types.MenuItem("save", "Save", [types.TEXT]), channel_id, character)
        await self.send_canvas([CanvasItem("Sunny", "sun.png")], channel_id, character)
        await self.send_style(types.StyleItem(types.CANVAS, "visible", True), channel_id, character)

    async def on_message_up(self, message: MessageBody) -> None:
        if not message.recipients:
            await self.say(message.channel_id, (message.content.text or "").upper())
            return
        others = [one for one in message.recipients if one != message.sender]
        frame = await self.send_message(message, recipients=others)
        if frame is not None:
            logger.debug("forwarded {}", frame["body"]["content"])

    async def on_button_click(self, action: types.ButtonClick) -> None:
        sender: Character = await self.fetch_character_profile(action.sender)
        arguments: list[types.ClickArgument] = action.arguments or []
        city = arguments[0].value if arguments else self.city
        await self.say(action.channel_id, f"{sender.name} asks for {city}.")

    async def on_menu_item_click(self, action: types.MenuItemClick) -> None:
        logger.info("{} saved {}", action.sender, action.message_content.text)

    async def on_join(self, action: types.SimpleAction) -> None:
        await super().on_join(action)
        task = asyncio.create_task(self.say(action.channel_id, "Welcome!"))
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def on_copy_client(self, copy: types.CopyBody) -> None:
        await super().on_copy_client(copy)
        if not copy.status:
            logger.warning("{} refused", copy.origin_type)

    async def on_spell(self, obj: Any) -> None:
        for channel_id in self.channels:
            await self.say(channel_id, str(obj))

    async def on_error(self, callback: str, event: Any, error: Exception) -> None:
        await super().on_error(callback, event, error)

    async def say(self, channel_id: str, text: str) -> None:
        """Let the frog speak to everybody."""
        everybody = await self.fetch_member_ids(channel_id)
        try:
            await self.send_message(text, channel_id, self.frog, everybody, len_limit=4096)
        except FrameTooLarge as error:
            logger.error("{} of {} bytes", error.size, error.limit)
        except (BadResponseException, MoobiusError) as error:
            logger.error("{}", error)

    async def announce(self) -> None:
        """Show a picture of the sky, hourly."""
        for channel_id in self.channels:
            everybody = await self.fetch_member_ids(channel_id)
            await self.send_message(
                Path("sky.png"), channel_id, sender=self.frog, recipients=everybody
            )
            url: str = await self.upload("sky.png")
            await self.send_message(
                channel_id=channel_id, image=url, text="The sky", recipients=everybody
            )


class Visitor(Moobius):
    """A member who reads along."""

    async def on_message_down(self, message: MessageBody) -> None:
        if message.content.path:
            where = await self.download(message, auto_dir="pictures")
            logger.info("kept {}", where)
        await self.send_message("Nice.", message.channel_id, recipients=[message.sender])

    async def on_update_buttons(self, update: types.UpdateBody) -> None:
        buttons = [item.button for item in update.content if item.button is not None]
        if buttons:
            await self.send_button_click(
                buttons[0].button_id, button_args=[("City", "Lima")], channel_id=update.channel_id
            )


def main() -> None:
    """Run both, cast a spell, wait."""
    wand = MoobiusWand()
    handle = wand.run(
        WeatherRoom,
        config="config/config.json",
        db_config=[{"implementation": "json", "name": "forecasts", "settings": {}}],
        log_config={"log_level": "DEBUG"},
        background=True,
        city="Lima",
    )
    assert handle is not None
    wand.spell(handle, {"rain": True})
    asyncio.run(wand.aspell(handle, "snow"))
    wand.run(Visitor, config={"email": "v@example.org", "password": "v"}, is_agent=True)


def keep(forecast: Forecast) -> Forecast:
    """Use typed JSON and storage outside a service."""
    storage = MoobiusStorage("service", "channel", [])
    storage.add_container("json", {"root_dir": "data"}, "forecasts")
    storage.forecasts[forecast.city] = forecast
    storage.forecasts.save(forecast.city)
    text: str = json_utils.enhanced_json_save(None, forecast, indent=2)
    again = json_utils.enhanced_json_load(text.encode())
    button = types.from_dict(Button, {"button_id": "a", "button_text": "A", "dialog": None})
    logger.info("{}", button)
    assert isinstance(again, Forecast)
    return again
