"""The page without a service: who one is, which channel, and people reaching each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from moobius.local import LocalPlatform

from .conftest import PATIENCE_MS, OpenPerson

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture of one pixel."""
    file = tmp_path / "dot.png"
    file.write_bytes(
        bytes.fromhex(
            "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
            "0000000c49444154789c6330d89302000218011bb6c4a4b60000000049454e44ae426082"
        )
    )
    return file


async def fresh_page(browser: Browser, url: str) -> Page:
    context = await browser.new_context()
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto(url)
    return page


async def test_a_ready_made_person_is_chosen_and_joins_the_only_channel(
    browser: Browser, platform: LocalPlatform, direct_channel: str
) -> None:
    page = await fresh_page(browser, platform.url)
    await page.get_by_role("button", name="Ada", exact=True).click()
    await expect(page.get_by_role("button", name="Channel: Garden dcs")).to_be_visible()
    await expect(page.get_by_role("list", name="Characters")).to_contain_text("Ada")
    await expect(page).to_have_title("Ada · Garden · Moobius")
    assert page.url.endswith(f"#{direct_channel}")
    await page.context.close()


async def test_signing_up_signing_in_and_a_wrong_password(
    browser: Browser, platform: LocalPlatform
) -> None:
    page = await fresh_page(browser, platform.url)
    await page.get_by_label("E-mail").fill("eve@example.org")
    await page.get_by_label("Password").fill("a good long one")
    await page.get_by_role("button", name="Sign up").click()
    await expect(page.get_by_role("heading", name="Choose a channel")).to_be_visible()
    await page.get_by_role("button", name=re.compile("You are ")).click()
    await page.get_by_role("menuitem", name="Sign out").click()
    await page.get_by_label("E-mail").fill("eve@example.org")
    await page.get_by_label("Password").fill("a wrong one")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("alert")).to_have_text("Incorrect username or password")
    await page.get_by_label("Password").fill("a good long one")
    await page.get_by_label("Password").press("Enter")
    await expect(page.get_by_role("heading", name="Choose a channel")).to_be_visible()
    await page.context.close()


async def test_a_reload_keeps_who_and_where(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url)
    await ada.sees("Ada")
    await ada.page.goto(f"{platform.url}/#{direct_channel}")
    await ada.page.reload()
    await ada.online()
    await ada.sees("Ada")
    await expect(ada.page.get_by_role("button", name="Channel: Garden dcs")).to_be_visible()


async def test_an_address_that_is_no_proper_escape_names_no_channel(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url, channel_id="%")
    await expect(ada.page.get_by_role("heading", name="Choose a channel")).to_be_visible()


async def test_two_tabs_of_one_browser_are_two_people(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url)
    await ada.page.get_by_role("button", name=re.compile("You are Ada")).click()
    async with ada.page.context.expect_page() as opened:
        await ada.page.get_by_role("menuitem", name="Open Bob in a new tab").click()
    bob = await opened.value
    await expect(bob).to_have_title("Bob · Garden · Moobius")
    await ada.page.reload()
    await expect(ada.page).to_have_title("Ada · Garden · Moobius")


async def test_being_somebody_else_in_the_same_tab(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url)
    await ada.page.get_by_role("button", name=re.compile("You are Ada")).click()
    await ada.page.get_by_role("menuitem", name="Be Cy here").click()
    await expect(ada.page).to_have_title("Cy · Garden · Moobius")
    await ada.page.reload()
    await expect(ada.page).to_have_title("Cy · Garden · Moobius")


async def test_a_message_to_all_reaches_the_other_and_shows_once(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    await ada.sees("Ada", "Bob")
    await ada.say("hello everyone")
    await expect(bob.message("hello everyone")).to_contain_text("Ada · ")
    await bob.say("hello Ada")
    await expect(ada.message("hello Ada")).to_contain_text("Bob · ")
    # All includes the author: both of hers would have come before Bob's answer.
    await expect(ada.message("hello everyone")).to_have_count(1)
    await expect(ada.message("hello everyone")).to_contain_text("to All · ")
    await ada.page.reload()
    await expect(ada.message("hello everyone")).to_have_count(1)
    await expect(ada.message("hello everyone")).to_contain_text("to All · ")


async def test_a_message_to_one_reaches_only_that_one(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url)
    bob = await person("Bob", platform.url)
    cy = await person("Cy", platform.url)
    await ada.sees("Ada", "Bob", "Cy")
    await ada.to("Bob")
    await expect(ada.textbox).to_have_attribute("placeholder", "Message Bob")
    await ada.say("for Bob only")
    await expect(bob.message("for Bob only")).to_be_visible()
    await expect(ada.message("for Bob only")).to_contain_text("to Bob · ")
    await ada.recipient("Bob").click()
    await expect(ada.recipient("All")).to_have_attribute("aria-pressed", "true")
    await ada.say("for all")
    await expect(cy.message("for all")).to_be_visible()
    await expect(cy.message("for Bob only")).to_have_count(0)


async def test_a_private_message_does_not_widen_when_its_reader_leaves(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    await ada.to("Bob")
    await bob.page.get_by_role("button", name="Channel: Garden").click()
    await bob.page.get_by_role("button", name="Leave Garden").click()
    await expect(bob.page.get_by_role("heading", name="Choose a channel")).to_be_visible()
    await ada.sees("Ada")
    await expect(ada.recipient("Bob")).to_have_attribute("aria-pressed", "true")
    await expect(ada.textbox).to_have_attribute("placeholder", "Message Bob")


async def test_leaving_joining_creating_and_switching(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url)
    page = ada.page
    await page.get_by_role("button", name="Channel: Garden dcs").click()
    await page.get_by_role("button", name="Leave Garden").click()
    await expect(page.get_by_role("heading", name="Choose a channel")).to_be_visible()
    await page.reload()
    await page.get_by_role("button", name="Join Garden").click()
    await ada.sees("Ada")
    await page.get_by_role("button", name="Channel: Garden dcs").click()
    await page.get_by_role("textbox", name="Name").fill("Kitchen")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_role("button", name="Channel: Kitchen dcs")).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("button", name="Channel: Garden dcs")).to_be_visible()
    await page.get_by_role("button", name="Channel: Garden dcs").click()
    await page.get_by_role("button", name="Kitchen dcs", exact=True).click()
    await expect(page).to_have_title("Ada · Kitchen · Moobius")


async def test_joining_by_id(
    browser: Browser, platform: LocalPlatform, direct_channel: str
) -> None:
    page = await fresh_page(browser, platform.url)
    await page.get_by_label("E-mail").fill("eve@example.org")
    await page.get_by_label("Password").fill("a good long one")
    await page.evaluate("sessionStorage.setItem('moobius.left', 'true')")
    await page.get_by_role("button", name="Sign up").click()
    await page.get_by_role("textbox", name="Channel id").fill("not-a-channel")
    await page.get_by_role("button", name="Join", exact=True).click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await page.get_by_role("textbox", name="Channel id").fill(direct_channel)
    await page.get_by_role("button", name="Join", exact=True).click()
    await expect(page.get_by_role("log", name="Messages")).to_contain_text("python main.py")
    await page.context.close()


async def test_a_picture_is_sent_and_seen(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str, picture: Path
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    await ada.sees("Ada", "Bob")
    await ada.attach(picture)
    await expect(ada.page.get_by_role("list", name="Attachments")).to_contain_text("dot.png")
    await ada.say("look")
    for one in (ada, bob):
        image = one.log.get_by_role("img", name="dot.png")
        await expect(image).to_have_js_property("naturalWidth", 1)
    await expect(ada.page.get_by_role("list", name="Attachments")).to_be_hidden()


async def test_a_picture_is_pasted_and_a_file_is_dropped(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    await ada.sees("Ada", "Bob")
    give = """(target, [event, name, type]) => {
        const data = new DataTransfer();
        data.items.add(new File(["some bytes"], name, {type}));
        const init = {bubbles: true, cancelable: true};
        target.dispatchEvent(event === "paste"
            ? new ClipboardEvent("paste", {...init, clipboardData: data})
            : new DragEvent("drop", {...init, dataTransfer: data}));
    }"""
    await ada.textbox.evaluate(give, ["paste", "shot.png", "image/png"])
    await ada.log.evaluate(give, ["drop", "list.txt", "text/plain"])
    await expect(ada.page.get_by_role("list", name="Attachments")).to_contain_text("list.txt")
    await ada.textbox.press("Enter")
    await expect(bob.log.get_by_role("img", name="shot.png")).to_have_count(1)
    link = bob.log.get_by_role("link", name="list.txt 10 bytes")
    address = await link.get_attribute("href")
    assert address is not None
    answer = await bob.page.request.get(address)
    assert await answer.body() == b"some bytes"


async def test_many_messages_keep_their_order_and_their_history(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    await ada.sees("Ada", "Bob")
    words = [f"line {number:02}" for number in range(70)]
    for word in words:
        await ada.textbox.fill(word)
        await ada.textbox.press("Enter")
    for one in (ada, bob):
        await expect(one.log.locator(".text")).to_have_text(words)
    await bob.page.reload()
    await expect(bob.log.locator(".text")).to_have_text(words[6:])
    await bob.page.get_by_role("button", name="Earlier messages").click()
    await expect(bob.log.locator(".text")).to_have_text(words)


async def test_the_theme_is_remembered(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url, color_scheme="dark")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert await ada.page.evaluate(background) == "rgb(21, 24, 27)"
    await ada.page.get_by_role("button", name="Light or dark").click()
    await ada.page.reload()
    await ada.online()
    assert await ada.page.evaluate(background) == "rgb(245, 244, 240)"


async def test_nothing_overflows_on_a_phone(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada = await person("Ada", platform.url, viewport={"width": 390, "height": 844})
    await ada.sees("Ada")
    await ada.say("x" * 300)
    await expect(ada.message("xxx")).to_be_visible()
    width = await ada.page.evaluate("document.documentElement.scrollWidth")
    assert width == 390
