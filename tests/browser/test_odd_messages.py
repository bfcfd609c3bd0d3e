"""One odd message harms nothing but itself."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, expect

from moobius.local import LocalPlatform

from .conftest import OpenPerson
from .raw_service import RawService

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

BEYOND_ALL_CLOCKS = 8_640_000_000_000_001
"""Milliseconds: one more than a date of JavaScript holds. An older Platform took it."""


async def test_a_message_that_cannot_be_drawn_hides_no_other(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada = await person("Ada", platform.url)
    ada_id = (await service.action("refresh"))["sender"]
    for text in ("before", "odd", "after"):
        await service.say({"text": text}, ada_id, ada_id)
    await expect(ada.message("after")).to_be_visible()

    async def with_an_odd_time(route: Route) -> None:
        response = await route.fetch()
        envelope = await response.json()
        (odd,) = (each for each in envelope["data"] if each["content"]["text"] == "odd")
        odd["timestamp"] = BEYOND_ALL_CLOCKS
        await route.fulfill(response=response, json=envelope)

    await ada.page.route("**/channel/history_message*", with_an_odd_time)
    await ada.page.reload()
    await ada.online()
    await service.say({"text": "newest"}, ada_id, ada_id)
    for text in ("before", "after", "newest", "this page cannot show"):
        await expect(ada.message(text)).to_have_count(1)
    await expect(ada.message("odd")).to_have_count(0)


async def test_a_time_beyond_the_year_9999_is_shown_as_now(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada = await person("Ada", platform.url)
    ada_id = (await service.action("refresh"))["sender"]
    await service.say({"text": "far away"}, ada_id, ada_id, timestamp=BEYOND_ALL_CLOCKS)
    await expect(ada.message("far away")).to_be_visible()
    await expect(ada.log.get_by_role("separator")).to_have_text("Today")


@pytest.mark.parametrize("subtype", ["__proto__", "toString", "text"])
async def test_a_message_without_words_says_nothing_of_its_own(
    subtype: str, person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada = await person("Ada", platform.url)
    ada_id = (await service.action("refresh"))["sender"]
    await service.say({"text": None}, ada_id, ada_id, subtype=subtype)
    shown = ada.log.get_by_role("article").locator(".text")
    kind = f"A message of kind “{subtype}”, which this page cannot show."
    await expect(shown).to_have_text("" if subtype == "text" else kind)
