"""What a service shows a member: list, canvas, buttons, dialogs, styles, menus, messages."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Route, expect

from moobius.local import LocalPlatform

from .conftest import OpenPerson, Person
from .raw_service import RawService

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

ORDER = {
    "button_id": "order",
    "button_text": "Order",
    "dialog": {
        "title": "Your order",
        "components": [
            {"label": "Drink", "type": "dropdown", "required": True, "choices": ["tea", "cocoa"]},
            {"label": "Note", "type": "text", "required": False, "placeholder": "as you like"},
            {"label": "Story", "type": "textbox", "required": False},
            {"label": "Cups", "type": "number", "required": False},
            {"label": "Secret", "type": "password", "required": False},
        ],
        "bottom_buttons": [
            {"id": "later", "text": "Later", "submit": False},
            {"id": "to go", "text": "To go", "submit": True},
            {"id": "now", "text": "Now", "submit": True},
        ],
    },
}
RING = {"button_id": "ring", "button_text": "Ring the bell", "dialog": None}


async def ada_and_her_id(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> tuple[Person, str]:
    ada = await person("Ada", platform.url)
    refresh = await service.action("refresh")
    return ada, refresh["sender"]


async def test_entering_a_channel_joins_and_then_refreshes(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, _ = await ada_and_her_id(person, platform, service)
    subtypes = [frame["body"]["subtype"] for frame in service.frames]
    assert subtypes == ["join", "refresh"]
    await expect(ada.characters).to_have_text(
        ["The service has not sent a list yet; that is normal until it does."]
    )
    await expect(ada.page.get_by_role("button", name="Channel: Tea room ccs")).to_be_visible()


async def test_each_member_sees_the_list_of_the_service_in_its_order(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    meow, owl = await service.agent("Meow"), await service.agent("Owl")
    await service.show_characters([owl, ada_id, meow], ada_id)
    await ada.sees("Owl", "Ada", "Meow")
    await expect(ada.page.get_by_text("sees 3 characters")).to_be_visible()
    await service.show_characters([meow], ada_id)
    await ada.sees("Meow")


async def test_two_lists_at_once_leave_nobody_without_a_name(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    owl = await service.agent("Owl")
    let_through = asyncio.Event()

    async def hold(route: Route) -> None:
        await let_through.wait()
        await route.continue_()

    await ada.page.route("**/character/fetch_profile", hold)
    async with ada.page.expect_request("**/character/fetch_profile"):
        await service.show_characters([owl], ada_id)
    async with ada.page.expect_response("**/service/group?*"):
        await service.show_characters([owl, ada_id], ada_id)
    let_through.set()
    await ada.sees("Owl", "Ada")


async def test_a_message_names_its_recipients_and_an_echo_stays_visible(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    meow, owl = await service.agent("Meow"), await service.agent("Owl")
    await service.show_characters([ada_id, meow, owl], ada_id)
    await ada.say("hello cat", "Meow", "Owl")
    body = await service.message("hello cat")
    assert await service.characters_of(body["recipients"]) == [meow, owl]
    await expect(ada.message("hello cat")).to_contain_text("to Meow and Owl · ")
    await service.say({"text": "hello cat"}, ada_id, ada_id)
    await expect(ada.message("hello cat")).to_have_count(2)
    await expect(ada.message("hello cat").last).to_contain_text("Ada · echo · ")
    await ada.page.reload()
    await expect(ada.message("hello cat")).to_have_count(2)
    await expect(ada.message("to Meow and Owl · ")).to_have_count(1)


async def test_the_service_can_be_written_to(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, _ = await ada_and_her_id(person, platform, service)
    await ada.to("Service")
    await expect(ada.textbox).to_have_attribute("placeholder", "Message the service")
    await ada.say("reset")
    assert (await service.message("reset"))["recipients"] == "service"
    await expect(ada.message("reset")).to_contain_text("to Service · ")


async def test_a_simple_button_and_one_that_is_taken_away(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    await service.update("buttons", [RING, ORDER], ada_id)
    await ada.button("Ring the bell").click()
    click = await service.action("button_click", ada_id)
    assert click["button_id"] == "ring"
    assert click["arguments"] == []
    assert click["bottom_button_id"] == "confirm"
    await service.update("buttons", [], ada_id)
    await expect(ada.button("Ring the bell")).to_have_count(0)


async def test_a_dialog_asks_for_what_is_required_and_sends_all_fields_in_order(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    await service.update("buttons", [ORDER], ada_id)
    await ada.button("Order").click()
    await expect(ada.dialog).to_have_accessible_name("Your order")
    await expect(ada.dialog.get_by_label("Drink")).to_be_focused()
    for submit in ("Now", "To go"):
        await ada.dialog.get_by_role("button", name=submit).click()
        await expect(ada.dialog).to_be_visible()  # a drink is required
    await ada.dialog.get_by_label("Drink").select_option("cocoa")
    await ada.dialog.get_by_label("Note").fill("no sugar")
    await ada.dialog.get_by_label("Story").fill("long\nstory")
    await ada.dialog.get_by_label("Cups").fill("2")
    await ada.dialog.get_by_label("Secret").fill("sesame")
    await ada.dialog.get_by_role("button", name="Now").click()
    click = await service.action("button_click", ada_id)
    assert click["bottom_button_id"] == "now"
    assert [(one["label"], one["value"]) for one in click["arguments"]] == [
        ("Drink", "cocoa"),
        ("Note", "no sugar"),
        ("Story", "long\nstory"),
        ("Cups", "2"),
        ("Secret", "sesame"),
    ]
    await expect(ada.dialog).to_have_count(0)
    await expect(ada.button("Order")).to_be_focused()


async def test_a_dialog_closes_without_sending_and_keeps_the_focus_inside(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    await service.update("buttons", [ORDER, RING], ada_id)
    await ada.button("Order").click()
    for _ in range(12):
        await ada.page.keyboard.press("Tab")
        assert await ada.dialog.evaluate("dialog => dialog.contains(document.activeElement)")
    await ada.dialog.get_by_role("button", name="Later").click()
    await expect(ada.dialog).to_have_count(0)
    await ada.button("Order").press("Enter")
    await ada.page.keyboard.press("Escape")
    await expect(ada.dialog).to_have_count(0)
    await ada.button("Ring the bell").click()
    click = await service.action("button_click", ada_id)
    assert click["button_id"] == "ring"  # the first click that was sent


async def test_a_dialog_without_bottom_buttons_has_one_that_confirms(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    dialog = {"title": "Sure?", "components": None, "bottom_buttons": None}
    await service.update("buttons", [{**RING, "dialog": dialog}], ada_id)
    await ada.button("Ring the bell").click()
    await ada.dialog.get_by_role("button", name="Confirm").click()
    assert (await service.action("button_click"))["bottom_button_id"] == "confirm"


async def test_the_canvas_pages_expands_and_is_swapped(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    await expect(ada.canvas).to_have_count(0)
    picture = f"{platform.url}/page/favicon.svg"
    panes = [{"text": "I am up!\nSend down.", "path": picture}, {"text": "Second", "path": None}]
    await service.update("canvas", panes, ada_id)
    await expect(ada.canvas).to_contain_text("I am up!")
    await expect(ada.canvas).to_contain_text("1 / 2")
    await expect(ada.canvas.get_by_role("img")).to_have_js_property("complete", True)
    await ada.canvas.get_by_role("button", name="Next pane").click()
    await expect(ada.canvas).to_contain_text("Second")
    await expect(ada.canvas.get_by_role("button", name="Next pane")).to_be_disabled()
    await ada.canvas.get_by_role("button", name="Expand").click()
    await expect(ada.canvas.get_by_role("button", expanded=True)).to_be_visible()
    await service.update("canvas", [{"text": "I am down!", "path": None}], ada_id)
    await expect(ada.canvas).to_contain_text("I am down!")
    await service.update("canvas", [], ada_id)
    await expect(ada.canvas).to_have_count(0)


async def test_styles_hide_highlight_expand_and_hint(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    await service.update("canvas", [{"text": "pane", "path": None}], ada_id)
    await service.update("buttons", [RING, ORDER], ada_id)
    hint = "<h1>Start <b>here</b>.</h1><img src=x onerror='window.hurt = true'>"
    styles = [
        {"widget": "canvas", "display": "visible", "expand": True},
        {"widget": "button", "display": "highlight", "button_id": "ring", "text": hint},
        {"widget": "button", "display": "invisible", "button_id": "order"},
    ]
    await service.update("style", styles, ada_id)
    await expect(ada.canvas.get_by_role("button", expanded=True)).to_be_visible()
    await expect(ada.button("Order")).to_have_count(0)
    await expect(ada.page.get_by_text("Start here.", exact=True)).to_be_visible()
    ring = "element => getComputedStyle(element).boxShadow"
    assert await ada.button("Ring the bell").evaluate(ring) != "none"
    assert await ada.page.evaluate("window.hurt") is None
    await service.update("style", [{"widget": "canvas", "display": "invisible"}], ada_id)
    await expect(ada.canvas).to_have_count(0)
    await expect(ada.button("Order")).to_be_visible()
    assert await ada.button("Ring the bell").evaluate(ring) == "none"


async def test_the_menu_of_a_message_by_mouse(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    items = [
        {"menu_item_id": "quote", "menu_item_text": "Quote", "message_subtypes": ["text"]},
        {"menu_item_id": "zoom", "menu_item_text": "Zoom", "message_subtypes": ["image"]},
    ]
    await service.update("menu", items, ada_id)
    await service.say({"text": "welcome"}, await service.agent("Owl"), ada_id)
    await ada.message("welcome").click(button="right")
    menu = ada.page.get_by_role("menu")
    await expect(menu.get_by_role("menuitem")).to_have_text(["Quote"])
    await menu.get_by_role("menuitem", name="Quote").click()
    click = await service.action("menu_item_click", ada_id)
    shown = await ada.message("welcome").get_attribute("data-message-id")
    assert click["menu_item_id"] == "quote"
    assert click["message_id"] == shown
    assert click["message_subtype"] == "text"
    assert click["message_content"] == {"text": "welcome"}


async def test_the_menu_of_ones_own_message_by_keyboard_with_a_dialog(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    dialog = {"title": "Why?", "components": [{"label": "Reason", "type": "text"}]}
    item = {"menu_item_id": "report", "menu_item_text": "Report", "message_subtypes": "text"}
    await service.update("menu", [{**item, "dialog": dialog}], ada_id)
    await ada.say("mine", "Service")
    up = await service.message("mine")
    # It is drawn anew when the Platform has answered: what was drawn before loses the focus.
    await expect(ada.message("mine")).to_have_attribute("data-state", "sent")
    await ada.log.focus()
    await ada.page.keyboard.press("ArrowDown")
    await expect(ada.message("mine")).to_be_focused()
    await ada.page.keyboard.press("Shift+F10")
    await expect(ada.page.get_by_role("menuitem", name="Report")).to_be_focused()
    await ada.page.keyboard.press("Enter")
    await ada.dialog.get_by_label("Reason").fill("because")
    await ada.page.keyboard.press("Enter")
    click = await service.action("menu_item_click", ada_id)
    assert click["message_id"] == up["message_id"]
    assert [one["value"] for one in click["arguments"]] == ["because"]


async def test_every_kind_of_message_is_shown(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    owl = await service.agent("Owl")
    path = f"{platform.url}/page/favicon.svg"
    await service.say({"path": path, "filename": "a.svg"}, owl, ada_id, subtype="image")
    await service.say({"path": path, "filename": "a.mp3"}, owl, ada_id, subtype="audio")
    described = {"path": path, "filename": "list.pdf", "size": 1234}
    await service.say(described, owl, ada_id, subtype="file")
    card = {"title": "House rules", "text": "Be kind.", "button": "Read", "link": path}
    await service.say(card, owl, ada_id, subtype="card")
    await service.say({"text": "see https://example.org/a."}, owl, ada_id)
    await expect(ada.log.get_by_role("img", name="a.svg")).to_be_visible()
    await expect(ada.log.get_by_label("a.mp3")).to_be_visible()
    await expect(ada.log.get_by_role("link", name="list.pdf 1.2 KB")).to_be_visible()
    await expect(ada.message("House rules").get_by_role("link", name="Read")).to_be_visible()
    link = ada.log.get_by_role("link", name="https://example.org/a", exact=True)
    await expect(link).to_have_attribute("href", "https://example.org/a")


async def test_new_messages_are_announced_and_followed_only_at_the_bottom(
    person: OpenPerson, platform: LocalPlatform, service: RawService
) -> None:
    ada, ada_id = await ada_and_her_id(person, platform, service)
    owl = await service.agent("Owl")
    for number in range(40):
        await service.say({"text": f"story {number}"}, owl, ada_id)
    await expect(ada.log).to_have_attribute("aria-live", "polite")
    await expect(ada.message("story 39")).to_be_in_viewport()
    await ada.log.evaluate("log => { log.scrollTop = 0; }")
    latest = ada.page.get_by_role("button", name="Latest messages")
    await expect(latest).to_be_visible()
    await service.say({"text": "the end"}, owl, ada_id)
    await expect(ada.message("the end")).to_be_attached()
    await expect(ada.message("the end")).not_to_be_in_viewport()
    await latest.click()
    await expect(ada.message("the end")).to_be_in_viewport()
    panes = [{"text": "\n".join(f"row {row}" for row in range(12)), "path": None}]
    await service.update("canvas", panes, ada_id)
    await ada.canvas.get_by_role("button", name="Expand").click()
    await expect(ada.message("the end")).to_be_in_viewport()
    await ada.log.evaluate("log => { log.scrollTop = 0; }")
    await expect(latest).to_be_visible()
    await ada.say("my own", "Service")
    await expect(ada.message("my own")).to_be_in_viewport()
