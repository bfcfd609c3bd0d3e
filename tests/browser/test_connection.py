"""A lost connection: the page says so, keeps what was typed, and comes back by itself."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from moobius.local import LocalPlatform, PlatformOptions

from .conftest import OpenPerson

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_cut_connection_comes_back_and_nothing_is_missed(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    await ada.sees("Ada", "Bob")
    await ada.say("before")
    await expect(bob.message("before")).to_be_visible()
    platform.cut_connections()
    await ada.say("during")
    await expect(bob.message("during")).to_be_visible()
    await ada.online()
    await ada.say("after")
    await expect(bob.log.locator(".text")).to_have_text(["before", "during", "after"])
    await expect(ada.log.locator(".text")).to_have_text(["before", "during", "after"])
    await expect(ada.message("during")).to_have_attribute("data-state", "sent")


async def test_while_the_platform_is_away_the_page_waits(person: OpenPerson) -> None:
    platform = LocalPlatform()
    await platform.start()
    port = platform.port
    ada = await person("Ada", platform.url)
    await ada.page.get_by_role("textbox", name="Name").fill("Garden")
    await ada.page.get_by_role("button", name="Create").click()
    await ada.sees("Ada")
    await ada.textbox.fill("half a sen")
    await platform.stop()
    status = ada.page.get_by_role("status")
    await expect(status).to_contain_text("Connection lost")
    await expect(ada.column).to_have_attribute("data-connection", "lost")
    await expect(ada.textbox).to_have_value("half a sen")
    await ada.textbox.press("Enter")
    await expect(ada.message("half a sen")).to_contain_text("Waiting to be sent")
    # A Platform that forgot everything: a ready-made person is let in again, the channel is gone.
    async with LocalPlatform(PlatformOptions(port=port)):
        await ada.online()
        await expect(status).to_be_empty()
        await expect(ada.message("half a sen")).to_contain_text("Not sent.")
