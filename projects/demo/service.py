"""The demo service: a group chat in which everybody has a view of their own.

DemoServiceTutorial.md walks through this file. From top to bottom: what members can see, what
happens to them (callbacks), and how their view is put together and sent.
"""

import asyncio
import os
from datetime import datetime
from pathlib import Path

from loguru import logger

from moobius import Moobius, types
from moobius.errors import FrameTooLarge

RESOURCES = Path(__file__).parent / "resources"
CHECK_IN_MINUTES = float(os.environ.get("DEMO_CHECK_IN_MINUTES", "1"))

TEA = types.Dialog(
    title="What may it be?",
    components=[
        types.InputComponent("Drink", types.DROPDOWN, True, "choose one", ["tea", "cocoa", "milk"]),
        types.InputComponent("Cups", types.NUMBER, True, "1"),
        types.InputComponent("Name on the cup", types.TEXT, False, "yours, or a friend's"),
        types.InputComponent("Wishes", types.TEXTBOX, False, "no sugar, two spoons, ..."),
        types.InputComponent("Secret word", types.PASSWORD, False, "for a biscuit"),
    ],
    bottom_buttons=[
        types.BottomButton("later", "Not now", submit=False),  # closes the dialog, sends nothing
        types.BottomButton("to go", "To go", submit=True),
        types.BottomButton("for here", "For here", submit=True),
    ],
)
BUTTONS = [
    types.Button("magic", "Do Some Magic"),
    types.Button("swap", "Swap Canvas"),
    types.Button("tea", "Order Tea", TEA),
    types.Button("channels", "Channels"),
    types.Button("commands", "Commands"),
]
MENU = types.MenuItem("quote", "Quote", [types.TEXT])  # the right-click menu of text messages
STYLE = [
    types.StyleItem(types.CANVAS, "visible", expand=True),
    types.StyleItem(types.BUTTON, "highlight", button_id="magic", text="Click me!"),
]
HELP = """Send these to Service:
  hide - your buttons disappear
  show - they are back
  reset - your Mickeys leave
Send these to anybody:
  moobius - see what arrives
  agent ping - answered if the agent runs (python main.py agent)
Or right-click a message."""


class DemoService(Moobius):
    """Relays messages, with a little magic on the way."""

    # What can only be made once there is a connection is made here, not in __init__.
    async def before_channel_init(self):
        self.making_mickeys = asyncio.Lock()
        agents = {agent.name: agent for agent in await self.fetch_agents()}
        self.mickeys = [agent for name, agent in agents.items() if name.startswith("Mickey")]
        # Agents outlive the program: the one of last time is as good as new.
        self.wand = agents.get("Wand") or await self.create_agent(
            "Wand", RESOURCES / "wand.png", "Says what its service is told from outside."
        )
        # Uploaded once; each canvas then only names the address.
        day = await self.upload(RESOURCES / "day.png")
        night = await self.upload(RESOURCES / "night.png")
        self.canvases = {
            "day": [types.CanvasItem("Good morning! This canvas is yours alone.", day)],
            "night": [types.CanvasItem("Good night! Others may still have the sun.", night)],
        }

    async def on_start(self):
        self.scheduler.add_job(self.check_in_every_minute, "interval", minutes=CHECK_IN_MINUTES)

    async def check_in_every_minute(self):
        await self.announce(f"Check in every minute: {datetime.now():%Y-%m-%d %H:%M:%S}")

    # ---- Members come, go and look again ----

    async def on_channel_checkin(self, channel_id):
        for member in await self.fetch_member_ids(channel_id):
            await self.send_view(channel_id, member)

    async def on_refresh(self, action):
        await self.send_view(action.channel_id, action.sender)

    async def on_join(self, action):
        await self.send_lists(action.channel_id)

    async def on_leave(self, action):
        await self.send_lists(action.channel_id)

    # ---- Messages ----

    async def on_message_up(self, message):
        text = (message.content.text or "").strip().lower()
        if message.recipients in ([], [types.SERVICE]):
            await self.obey(text, message.channel_id, message.sender)
        elif message.subtype == types.IMAGE:
            others = [member for member in message.recipients if member != message.sender]
            await self.send_message(message, recipients=others)
        elif text == "moobius":
            await self.send_message(message, text="Moobius is Great!")
        else:
            await self.send_message(message)  # unchanged, to whom the sender wanted it

    async def obey(self, command, channel_id, member):
        """Do what a member told the service, and show them the result."""
        storage = self.channels[channel_id]
        match command:
            case "hide":
                storage.hidden[member] = True
            case "show":
                storage.hidden.pop(member, None)
            case "reset":
                storage.mickeys.pop(member, None)
            case _:
                await self.say(HELP, channel_id, member)
        await self.send_view(channel_id, member)

    # ---- Clicks ----

    async def on_button_click(self, click):
        reaction = {
            "magic": self.do_some_magic,
            "swap": self.swap_canvas,
            "tea": self.order_tea,
            "channels": self.name_channels,
            "commands": self.explain_commands,
        }[click.button_id]
        await reaction(click)

    async def do_some_magic(self, click):
        mickeys = self.channels[click.channel_id].mickeys
        mickeys[click.sender] = mickeys.get(click.sender, 0) + 1  # on disk when this line is done
        await self.send_lists(click.channel_id, [click.sender])

    async def swap_canvas(self, click):
        canvas = self.channels[click.channel_id].canvas
        canvas[click.sender] = "day" if canvas.get(click.sender) == "night" else "night"
        await self.send_canvas(self.canvases[canvas[click.sender]], click.channel_id, click.sender)

    async def order_tea(self, click):
        # One argument a component, in the order of the dialog; values are strings.
        order = [f"  {a.label}: {a.value}" for a in click.arguments if a.label != "Secret word"]
        text = "\n".join([f"Your order, {click.bottom_button_id}:", *order])
        await self.say(text, click.channel_id, click.sender)

    async def name_channels(self, click):
        here = {click.channel_id: " (you are here)"}
        lines = [f"  {channel_id}{here.get(channel_id, '')}" for channel_id in self.channels]
        text = "\n".join(["Channels of this service:", *lines])
        await self.say(text, click.channel_id, click.sender)

    async def explain_commands(self, click):
        await self.say(HELP, click.channel_id, click.sender)

    async def on_menu_item_click(self, click):
        members = await self.fetch_member_ids(click.channel_id)
        quote = f"“{click.message_content.text}”"
        await self.send_message(quote, click.channel_id, sender=click.sender, recipients=members)

    # ---- Spells: what the program that started us tells us ----

    async def on_spell(self, spell):
        try:
            await self.announce(f"WAND: {spell}")
        except FrameTooLarge as error:
            logger.error("the spell did not go off: {}", error)
            await self.announce(
                f"WAND: BOMB refused, {error.size:,} bytes where {error.limit:,} may pass"
            )

    # ---- Sending ----

    async def say(self, text, channel_id, recipients):
        # A sender need not be in anybody's character list: the Wand is in none.
        await self.send_message(text, channel_id, sender=self.wand, recipients=recipients)

    async def announce(self, text):
        """Say something to everybody, everywhere."""
        for channel_id in self.channels:
            await self.say(text, channel_id, await self.fetch_member_ids(channel_id))

    async def send_view(self, channel_id, member):
        """Send all that one member sees; a page that is loaded starts from nothing."""
        storage = self.channels[channel_id]
        buttons = [] if member in storage.hidden else BUTTONS
        canvas = self.canvases[storage.canvas.get(member, "day")]
        await self.send_lists(channel_id, [member])
        await self.send_buttons(buttons, channel_id, member)
        await self.send_canvas(canvas, channel_id, member)
        await self.send_menu(MENU, channel_id, member)
        await self.send_style(STYLE, channel_id, member)

    async def send_lists(self, channel_id, recipients=None):
        """Send their own character list to some members, or to everybody."""
        members = await self.fetch_member_ids(channel_id)
        for member in recipients or members:
            mickeys = await self.get_mickeys(self.channels[channel_id].mickeys.get(member, 0))
            others = [other for other in members if other != member]
            await self.send_characters([member, *mickeys, *others], channel_id, member)

    async def get_mickeys(self, count):
        """Return so many Mickeys. Everybody's first one is the same: only the lists differ."""
        # Callbacks overlap; two that need the third Mickey at once must not both make it.
        async with self.making_mickeys:
            while len(self.mickeys) < count:
                name = f"Mickey {len(self.mickeys) + 1}"
                self.mickeys.append(await self.create_agent(name, RESOURCES / "mickey.png"))
        return self.mickeys[:count]
