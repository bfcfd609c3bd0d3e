"""Text of other people stays text."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from moobius.local import LocalPlatform

from .conftest import OpenPerson
from .raw_service import RawService

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

MARKUP = '<img src=x onerror="window.hurt = true"><script>window.hurt = true</script>'


async def test_markup_is_shown_as_it_was_typed_everywhere(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada = await person("Ada", platform.url)
    ada_id = (await service.action("refresh"))["sender"]
    evil = await service.agent(MARKUP)
    await service.say({"text": MARKUP}, evil, ada_id)
    await service.say(
        {"text": MARKUP, "title": MARKUP, "button": "b"}, evil, ada_id, subtype="card"
    )
    await service.show_characters([evil], ada_id)
    dialog = {"title": MARKUP, "components": [{"label": MARKUP, "type": "dropdown"}]}
    button = {"button_id": "b", "button_text": MARKUP, "dialog": dialog}
    await service.update("buttons", [button], ada_id)
    await service.update("canvas", [{"text": MARKUP, "path": None}], ada_id)
    await expect(ada.log.locator(".text").first).to_have_text(MARKUP)
    await expect(ada.canvas).to_contain_text(MARKUP)
    await ada.sees(MARKUP)
    await ada.button(MARKUP).click()
    await expect(ada.dialog).to_have_accessible_name(MARKUP)
    assert await ada.column.locator("img[src='x'], script").count() == 0
    assert await ada.page.evaluate("window.hurt") is None


@pytest.mark.parametrize(
    "address", ["javascript:window.hurt=true", "data:text/html,hi", "java\nscript:1"]
)
async def test_only_http_addresses_become_links_or_pictures(
    address: str, person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada = await person("Ada", platform.url)
    ada_id = (await service.action("refresh"))["sender"]
    await service.say({"text": f"go {address}"}, ada_id, ada_id)
    for subtype in ("image", "audio", "file"):
        content = {"path": address, "filename": subtype}
        await service.say(content, ada_id, ada_id, subtype=subtype)
    card = {"text": "words", "link": address, "button": "Read"}
    await service.say(card, ada_id, ada_id, subtype="card")
    await service.update("canvas", [{"text": "pane", "path": address}], ada_id)
    await expect(ada.message("words")).to_be_visible()
    await expect(ada.canvas).to_contain_text("pane")
    await expect(ada.log.get_by_role("link")).to_have_count(0)
    await expect(ada.column.locator("[src], a[href]")).to_have_count(0)


async def test_the_page_loads_nothing_from_elsewhere(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada = await person("Ada", platform.url)
    addresses: list[str] = []
    ada.page.on("request", lambda request: addresses.append(request.url))
    await ada.page.reload()
    await ada.online()
    assert addresses
    assert [one for one in addresses if not one.startswith(platform.url)] == []
