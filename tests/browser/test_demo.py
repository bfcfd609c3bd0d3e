"""The demo as two people in a browser know it: nothing here is less real than on a desk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.support.program import ROOT, Program, copy_project

from .conftest import OpenPerson

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PICTURE = ROOT / "projects" / "demo" / "resources" / "wand.png"


@pytest_asyncio.fixture(loop_scope="session")
async def demo(tmp_path: Path) -> AsyncIterator[str]:
    """The address of the page of a running demo, which stops in order afterwards."""
    async with Program(copy_project("demo", tmp_path), "main.py") as program:
        yield await program.url()
        assert await program.interrupt() == 130
        assert "Traceback" not in program.output


@pytest.mark.promise("0-10")
async def test_two_people_chat_and_each_has_a_view_of_their_own(
    demo: str, person: OpenPerson
) -> None:
    ada = await person("Ada", demo)
    await ada.sees("Ada")
    bob = await person("Bob", demo)
    # Everybody comes first in their own list; who joins appears for those who are there.
    await bob.sees("Bob", "Ada")
    await ada.sees("Ada", "Bob")

    # A message reaches whom it is meant for; an echo comes back to who is among them.
    await ada.say("hello everybody")
    await expect(bob.message("hello everybody")).to_have_count(1)
    await bob.say("only for Ada", "Ada")
    await expect(ada.message("only for Ada")).to_have_count(1)

    # The service may say something else.
    await ada.say("moobius")
    await expect(bob.message("Moobius is Great!")).to_have_count(1)
    await expect(bob.message("moobius").filter(has_not_text="Great")).to_have_count(0)

    # Magic happens in the list of who did it, and nowhere else.
    await ada.button("Do Some Magic").click()
    await ada.sees("Ada", "Mickey 1", "Bob")
    await bob.sees("Bob", "Ada")

    # Each has a canvas.
    await expect(ada.canvas).to_contain_text("Good morning!")
    await ada.button("Swap Canvas").click()
    await expect(ada.canvas).to_contain_text("Good night!")
    await expect(bob.canvas).to_contain_text("Good morning!")
    picture = ada.canvas.get_by_role("img")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


async def test_a_dialog_brings_what_was_entered(demo: str, person: OpenPerson) -> None:
    ada = await person("Ada", demo)
    await ada.button("Order Tea").click()
    await expect(ada.dialog).to_be_visible()
    await ada.dialog.get_by_label("Drink").select_option("cocoa")
    await ada.dialog.get_by_label("Cups").fill("2")
    await ada.dialog.get_by_label("Wishes").fill("no sugar")
    await ada.dialog.get_by_role("button", name="To go").click()
    await expect(ada.dialog).to_be_hidden()
    order = ada.message("Your order, to go:")
    for line in ("Drink: cocoa", "Cups: 2", "Wishes: no sugar"):
        await expect(order).to_contain_text(line)
    await expect(order).to_contain_text("Wand")  # a sender that is in nobody's list
    await ada.sees("Ada")


async def test_an_image_reaches_everyone_but_its_sender(demo: str, person: OpenPerson) -> None:
    ada = await person("Ada", demo)
    bob = await person("Bob", demo)
    await bob.sees("Bob", "Ada")
    await ada.sees("Ada", "Bob")
    await ada.attach(PICTURE)
    await ada.say("", "All")
    arrived = bob.log.get_by_role("img", name=PICTURE.name)
    await expect(arrived).to_be_visible()
    assert await arrived.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    # Ada has her own copy on the right; had it been echoed, there would be a second one, and
    # what she writes next arrives behind it.
    await ada.say("no echo before this", "All")
    await expect(ada.message("no echo before this")).to_have_count(2)
    await expect(ada.log.get_by_role("img", name=PICTURE.name)).to_have_count(1)


async def test_commands_to_service_change_the_view(demo: str, person: OpenPerson) -> None:
    ada = await person("Ada", demo)
    await ada.button("Do Some Magic").click()
    await ada.sees("Ada", "Mickey 1")
    await ada.say("hide", "Service")
    await expect(ada.button("Do Some Magic")).to_have_count(0)
    await ada.say("show")
    await expect(ada.button("Do Some Magic")).to_be_visible()
    await ada.say("reset")
    await ada.sees("Ada")
    await ada.page.reload()
    await ada.online()
    await ada.sees("Ada")


async def test_the_right_click_menu_quotes_a_message(demo: str, person: OpenPerson) -> None:
    ada = await person("Ada", demo)
    await ada.sees("Ada")
    await ada.say("a wise word", "All")
    await expect(ada.message("a wise word")).to_have_count(2)
    echo = ada.message("a wise word").last
    await expect(echo.locator(".more")).to_be_attached()  # the menu is there
    await echo.click(button="right")
    await ada.page.get_by_role("menuitem", name="Quote").click()
    await expect(ada.message("“a wise word”")).to_have_count(1)
