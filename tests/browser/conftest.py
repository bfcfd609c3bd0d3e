"""A real Chromium, and people in it. Browser tests share one event loop with the browser."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from moobius.local import LocalPlatform
from tests.support.patience import PATIENCE

from .raw_service import RawService

QUIET = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
)
PATIENCE_MS = PATIENCE * 1000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Person:
    """A page in a browser context of its own, and what one finds on it."""

    name: str
    page: Page

    @property
    def column(self) -> Locator:
        """The whole column; its `data-connection` tells how the socket is."""
        return self.page.locator("[data-connection]")

    @property
    def log(self) -> Locator:
        """The messages."""
        return self.page.get_by_role("log", name="Messages")

    @property
    def characters(self) -> Locator:
        """The characters this person sees, in order."""
        return self.page.get_by_role("list", name="Characters").get_by_role("listitem")

    @property
    def canvas(self) -> Locator:
        """The canvas."""
        return self.page.get_by_role("region", name="Canvas")

    @property
    def dialog(self) -> Locator:
        """The dialog that is open."""
        return self.page.get_by_role("dialog")

    @property
    def textbox(self) -> Locator:
        """Where this person writes."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    def button(self, name: str) -> Locator:
        """One of the service's buttons."""
        group = self.page.get_by_role("group", name="Buttons")
        return group.get_by_role("button", name=name, exact=True)

    def recipient(self, name: str) -> Locator:
        """The chip of "All", "Service" or a character."""
        group = self.page.get_by_role("group", name="Recipients")
        return group.get_by_role("button", name=name, exact=True)

    def message(self, text: str) -> Locator:
        """The messages that contain a text."""
        return self.log.get_by_role("article").filter(has_text=text)

    async def online(self) -> None:
        """Wait until the socket is open and logged in."""
        await expect(self.column).to_have_attribute("data-connection", "open")

    async def sees(self, *names: str) -> None:
        """Wait until the character list is exactly this, in this order."""
        await expect(self.characters).to_have_text([*names])

    async def to(self, *names: str) -> None:
        """Tick these recipients."""
        for name in names:
            await self.recipient(name).click()
            await expect(self.recipient(name)).to_have_attribute("aria-pressed", "true")

    async def say(self, text: str, *to: str) -> None:
        """Write a text, to these recipients if any are named, and send it."""
        await self.to(*to)
        await self.textbox.fill(text)
        await self.page.get_by_role("button", name="Send", exact=True).click()

    async def attach(self, *files: Any) -> None:
        """Choose files; they leave with the next "Send"."""
        await self.page.get_by_label("Attach a file").set_input_files([*files])


OpenPerson = Callable[..., Awaitable[Person]]


def _violations(said: str) -> list[str]:
    # Not those of scripts: what services send is parsed, and Chromium says what it would not run.
    return [said] if "Content Security Policy" in said and "style-src" in said else []


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium; without one the tests fail, because the page is then untested."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.fail("no chromium on the PATH: install the package `chromium` to test the page")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=[*QUIET], timeout=PATIENCE_MS
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def person(browser: Browser) -> AsyncIterator[OpenPerson]:
    """Open the page of the Platform at `url` as a ready-made person: `await person("Ada", url)`.

    A `channel_id` opens that channel; further arguments go to the browser context. At the end of
    the test no page may have reported an error, or have a style refused.
    """
    contexts = []
    errors: list[str] = []

    async def open_page(name: str, url: str, *, channel_id: str = "", **options: Any) -> Person:
        context = await browser.new_context(**options)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{name}: {error}"))
        page.on("console", lambda said: errors.extend(_violations(said.text)))
        await page.goto(f"{url}/?as={name.lower()}#{channel_id}")
        opened = Person(name, page)
        await opened.online()
        return opened

    yield open_page
    for context in contexts:
        await context.close()
    assert not errors, errors


@pytest_asyncio.fixture(loop_scope="session")
async def platform() -> AsyncIterator[LocalPlatform]:
    """A Platform of our own, in memory, on a free port."""
    async with LocalPlatform() as platform:
        yield platform


@pytest_asyncio.fixture(loop_scope="session")
async def service(platform: LocalPlatform) -> AsyncIterator[RawService]:
    """A service at the wire, bound to the only channel, which people then join by themselves."""
    async with RawService(platform.url) as service:
        yield service


@pytest_asyncio.fixture(loop_scope="session")
async def direct_channel(platform: LocalPlatform) -> AsyncIterator[str]:
    """The id of the only channel, with no service bound to it."""
    async with RawService(platform.url, "Garden", bind=False) as owner:
        yield owner.channel_id
