"""The demo, as its users live it: `python main.py` in a process, and people at the wire."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.member import Member
from tests.support.patience import until
from tests.support.program import ROOT, Program, copy_project
from tests.support.redis import refusing_port

BUTTONS = ["Do Some Magic", "Swap Canvas", "Order Tea", "Channels", "Commands"]


class Room(NamedTuple):
    program: Program
    ada: Member
    bob: Member


@asynccontextmanager
async def open_room(folder: Path, *arguments: str, **environment: str) -> AsyncIterator[Room]:
    """Start the demo, and have Ada and Bob join it."""
    async with Program(folder, "main.py", *arguments, **environment) as program:
        async with two_people(await program.url()) as (ada, bob):
            yield Room(program, ada, bob)


@asynccontextmanager
async def two_people(url: str) -> AsyncIterator[tuple[Member, Member]]:
    """Have Ada and Bob join the demo."""
    async with Member(url, "Ada") as ada, Member(url, "Bob") as bob:
        await ada.join()
        await bob.join()
        await ada.see_characters("Ada", "Bob")
        await bob.see_characters("Bob", "Ada")
        yield ada, bob


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with open_room(copy_project("demo", tmp_path)) as room:
        yield room


def labels(buttons: list[dict[str, str]]) -> list[str]:
    return [button["button_text"] for button in buttons]


async def test_messages_reach_whom_they_were_meant_for(room: Room) -> None:
    _, ada, bob = room
    await ada.write("only for Bob", bob)
    assert (await bob.hear("only for Bob"))["sender"] == ada.user_id
    await ada.write("for all of us", ada, bob)
    await bob.hear("for all of us")
    assert (await ada.hear("for all of us"))["sender"] == ada.user_id  # the echo
    assert bob.texts() == ["only for Bob", "for all of us"]
    assert ada.texts() == ["for all of us"]


async def test_moobius_is_great_in_any_capitals(room: Room) -> None:
    _, ada, bob = room
    await ada.write("mOObiUS", ada, bob)
    await bob.hear("Moobius is Great!")
    await ada.write("moobius rocks", ada, bob)
    for member in (ada, bob):
        await member.hear("moobius rocks")
        assert member.texts() == ["Moobius is Great!", "moobius rocks"]


async def test_an_image_goes_to_everybody_but_its_sender(room: Room) -> None:
    _, ada, bob = room
    await ada.send_message("image", {"path": "https://example.org/cat.png"}, ada, bob)
    await until(lambda: bool(bob.messages))
    await ada.write("did you see it?", ada, bob)
    await ada.hear("did you see it?")
    await bob.hear("did you see it?")
    assert [message["subtype"] for message in bob.messages] == ["image", "text"]
    assert bob.messages[0]["content"]["path"] == "https://example.org/cat.png"
    assert [message["subtype"] for message in ada.messages] == ["text"]


async def test_commands_to_service(room: Room) -> None:
    _, ada, bob = room
    await ada.see("buttons", lambda buttons: labels(buttons) == BUTTONS)
    await ada.write("hide")
    await ada.see("buttons", lambda buttons: buttons == [])
    await ada.act("refresh")
    await ada.see("buttons", lambda buttons: buttons == [])
    await bob.see("buttons", lambda buttons: labels(buttons) == BUTTONS)
    await ada.write("Show")
    await ada.see("buttons", lambda buttons: labels(buttons) == BUTTONS)
    await ada.write("what?")
    await ada.hear("reset - your Mickeys leave")
    assert bob.messages == []


@pytest.mark.promise("0-11")
async def test_every_click_of_magic_is_one_more_mickey_of_your_own(room: Room) -> None:
    _, ada, bob = room
    await asyncio.gather(ada.click("magic"), ada.click("magic"))
    await ada.see_characters("Ada", "Mickey 1", "Mickey 2", "Bob")
    await bob.click("magic")
    await bob.see_characters("Bob", "Mickey 1", "Ada")
    await ada.write("reset")
    await ada.see_characters("Ada", "Bob")
    await bob.act("refresh")
    await bob.see_characters("Bob", "Mickey 1", "Ada")


async def test_mickeys_and_canvas_survive_a_restart(tmp_path: Path) -> None:
    folder = copy_project("demo", tmp_path)
    async with open_room(folder) as (program, ada, _):
        await ada.click("magic")
        await ada.see_characters("Ada", "Mickey 1", "Bob")
        await ada.click("swap")
        await ada.see("canvas", lambda canvas: "night" in canvas[0]["text"])
        assert await program.interrupt() == 130
    async with Program(folder, "main.py") as program, Member(await program.url(), "Ada") as ada:
        (channel,) = await ada.ask("GET", "/channel/list")
        ada.channel_id = channel["channel_id"]
        await ada.act("refresh")
        await ada.see_characters("Ada", "Mickey 1", "Bob")
        await ada.see("canvas", lambda canvas: "night" in canvas[0]["text"])


@pytest.mark.promise("0-10", "0-11")
async def test_everybody_swaps_a_canvas_of_their_own(room: Room) -> None:
    _, ada, bob = room
    day = await ada.see("canvas", lambda canvas: "morning" in canvas[0]["text"])
    await bob.see("canvas", lambda canvas: "morning" in canvas[0]["text"])
    await ada.click("swap")
    night = await ada.see("canvas", lambda canvas: "night" in canvas[0]["text"])
    assert day[0]["path"] != night[0]["path"]
    for canvas in (day, night):
        async with ada.session.get(canvas[0]["path"]) as picture:
            assert (await picture.read()).startswith(b"\x89PNG")
    assert "morning" in bob.view["canvas"][0]["text"]
    await ada.click("swap")
    await ada.see("canvas", lambda canvas: "morning" in canvas[0]["text"])


@pytest.mark.promise("0-11")
async def test_the_dialog_has_every_kind_of_input(room: Room) -> None:
    _, ada, bob = room
    buttons = await ada.see("buttons", lambda buttons: labels(buttons) == BUTTONS)
    dialog = buttons[2]["dialog"]
    kinds = [component["type"] for component in dialog["components"]]
    assert sorted(kinds) == ["dropdown", "number", "password", "text", "textbox"]
    assert [bottom["submit"] for bottom in dialog["bottom_buttons"]] == [False, True, True]
    order = [("Drink", "cocoa"), ("Cups", "2"), ("Secret word", "xyzzy")]
    await ada.click("tea", *order, bottom="to go")
    answer = (await ada.hear("Your order, to go"))["content"]["text"]
    assert "Drink: cocoa" in answer
    assert "Cups: 2" in answer
    assert "xyzzy" not in answer
    assert bob.messages == []


@pytest.mark.promise("0-10", "0-11")
async def test_channels_commands_menu_and_style(room: Room) -> None:
    _, ada, bob = room
    await ada.click("channels")
    assert ada.channel_id in (await ada.hear("Channels of this service"))["content"]["text"]
    await ada.click("commands")
    await ada.hear("Send these to Service")
    menu = await ada.see("menu", lambda menu: len(menu) == 1)
    assert (menu[0]["menu_item_text"], menu[0]["message_subtypes"]) == ("Quote", ["text"])
    style = await ada.see("style", lambda style: len(style) == 2)
    assert {"widget": "button", "display": "highlight"}.items() <= style[1].items()
    await ada.act(
        "menu_item_click",
        menu_item_id="quote",
        message_id="any",
        message_subtype="text",
        message_content={"text": "wise words"},
        arguments=[],
        bottom_button_id="confirm",
    )
    assert (await bob.hear("“wise words”"))["sender"] == ada.user_id


async def test_who_leaves_is_gone_from_the_others_lists(room: Room) -> None:
    _, ada, bob = room
    await bob.act("leave")
    await ada.see_characters("Ada")


async def test_four_spells_arrive_in_order_and_the_bomb_is_refused(tmp_path: Path) -> None:
    folder = copy_project("demo", tmp_path)
    async with Program(folder, "main.py", "test", DEMO_SPELL_DELAY="5") as program:
        url = await program.url()
        os.kill(program.pid, signal.SIGSTOP)  # who casts them is to wait until all are there
        async with two_people(url) as (ada, bob):
            os.kill(program.pid, signal.SIGCONT)
            await bob.hear("WAND: SURVIVE")
            spells = [text for text in bob.texts() if text.startswith("WAND: ")]
            assert [spell.split()[1] for spell in spells] == ["SYNC", "ASYNC", "BOMB", "SURVIVE"]
            refusal = spells[2]
            assert re.fullmatch(r"WAND: BOMB refused, [\d,]+ bytes where [\d,]+ may pass", refusal)
            assert bob.messages[0]["sender"] not in (ada.user_id, bob.user_id)
            assert await bob.names_of([bob.messages[0]["sender"]]) == ["Wand"]
            assert bob.view["names"] == ["Bob", "Ada"]
            await ada.write("still there?", bob)
            await bob.hear("still there?")
            assert await program.interrupt() == 130
            assert "the spell did not go off" in program.output
            assert "Traceback" not in program.output


async def test_the_wand_checks_in_every_minute(tmp_path: Path) -> None:
    folder = copy_project("demo", tmp_path)
    async with open_room(folder, DEMO_CHECK_IN_MINUTES="0.01") as (_, ada, _):
        text = (await ada.hear("Check in every minute"))["content"]["text"]
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", text)


@pytest.mark.promise("0-05", "0-13")
async def test_the_agent_says_hello_and_answers(tmp_path: Path) -> None:
    folder = copy_project("demo", tmp_path)
    # Ada is there before the agent is: it greets her.
    async with Program(folder, "main.py") as program, Member(await program.url(), "Ada") as ada:
        await ada.join()
        assert await program.interrupt() == 130
    async with Program(folder, "main.py", "agent") as program:
        async with Member(await program.url(), "Ada") as ada:
            (channel,) = await ada.ask("GET", "/channel/list")
            ada.channel_id = channel["channel_id"]
            hello = await ada.recall("Hello!")
            agent = Member(ada.url, "agent")
            agent.user_id = hello["sender"]
            await ada.write("agent ping", agent)
            pong = await ada.hear("Agent pong!")
            assert pong["sender"] == agent.user_id
            assert ada.user_id != agent.user_id
        assert await program.interrupt() == 130
        assert "Traceback" not in program.output


async def test_one_interrupt_stops_it_without_a_traceback(room: Room) -> None:
    program, ada, _ = room
    await ada.write("bye", ada)
    await ada.hear("bye")
    assert await program.interrupt() == 130
    assert "Traceback" not in program.output


async def test_an_unknown_way_to_run_it_is_explained(tmp_path: Path) -> None:
    folder = copy_project("demo", tmp_path)
    async with Program(folder, "main.py", "dance") as program:
        assert await program.ended() == 1
        assert "python main.py test" in program.output


@pytest.mark.parametrize("way", ["test", "agent"])
async def test_a_platform_out_of_reach_is_told_in_one_line(tmp_path: Path, way: str) -> None:
    with refusing_port() as port:
        hosted = {
            "MOOBIUS_HTTP_SERVER_URI": f"http://127.0.0.1:{port}",
            "MOOBIUS_EMAIL": "ada@example.net",
            "MOOBIUS_PASSWORD": "hush",
        }
        folder = copy_project("demo", tmp_path)
        async with Program(folder, "main.py", way, **hosted) as program:
            assert await program.ended() == 1
    assert re.fullmatch(r"demo: POST .*/auth/sign_in: cannot be reached .*\n", program.output)


def test_the_configuration_as_committed_is_local_and_without_ids() -> None:
    for name in ("service.json", "agent.json"):
        config = json.loads((ROOT / "projects/demo/config" / name).read_text("utf-8"))
        assert config["http_server_uri"] == "local"
        assert not config["channels"]
        assert not config.get("service_id")


@pytest.mark.promise("0-05")
def test_the_examples_for_a_hosted_platform_are_complete() -> None:
    for name in ("(example service).json", "(example agent).json"):
        config = json.loads((ROOT / "projects/demo/config" / name).read_text("utf-8"))
        assert config["http_server_uri"].startswith("https://")
        assert {"ws_server_uri", "email", "password", "channels"} <= config.keys()
