"""A lost connection: the page says so, keeps what was typed, and comes back by itself."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import WebSocketRoute, expect

from moobius.local import LocalPlatform, PlatformOptions
from tests.support.ports import free_port

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


async def test_what_was_said_meanwhile_is_there_after_a_reconnect(
    person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    shut = False

    async def gate(socket: WebSocketRoute) -> None:
        if shut:
            await socket.close()
        else:
            socket.connect_to_server()

    await ada.page.route_web_socket("**/ws", gate)
    await ada.page.reload()
    await ada.online()
    await ada.sees("Ada", "Bob")
    shut = True
    platform.cut_connections()
    await expect(ada.column).to_have_attribute("data-connection", "lost")
    await bob.online()
    await bob.say("while you were away", "Ada")
    await expect(bob.message("while you")).to_have_attribute("data-state", "sent")
    cy = await person("Cy", platform.url)
    await cy.sees("Ada", "Bob", "Cy")
    shut = False
    await expect(ada.message("while you were away")).to_be_visible()
    await ada.sees("Ada", "Bob", "Cy")


@pytest.mark.parametrize("arrives", [False, True], ids=["frame lost", "answer lost"])
async def test_an_unacknowledged_message_is_sent_again_and_arrives_once(
    arrives: bool, person: OpenPerson, platform: LocalPlatform, direct_channel: str
) -> None:
    ada, bob = await person("Ada", platform.url), await person("Bob", platform.url)
    cuts: list[asyncio.Future[tuple[None, None]]] = []

    async def through(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def up(frame: str | bytes) -> None:
            lost = not cuts and '"message_up"' in str(frame)
            if arrives or not lost:
                server.send(frame)
            if lost and not arrives:
                cut()

        def down(frame: str | bytes) -> None:
            if arrives and not cuts and '"message_up"' in str(frame):
                return cut()  # the copy
            return socket.send(frame)

        def cut() -> None:
            cuts.append(asyncio.gather(server.close(), socket.close()))

        socket.on_message(up)
        server.on_message(down)

    await ada.page.route_web_socket("**/ws", through)
    await ada.page.reload()
    await ada.online()
    await ada.sees("Ada", "Bob")
    await ada.say("only once", "Bob")
    await expect(bob.message("only once")).to_be_visible()
    await expect(ada.message("only once")).to_have_attribute("data-state", "sent")
    await bob.say("got it", "Ada")
    await expect(ada.message("got it")).to_be_visible()
    assert len(cuts) == 1
    await expect(bob.message("only once")).to_have_count(1)
    await expect(ada.message("only once")).to_have_count(1)


async def test_while_the_platform_is_away_the_page_waits(person: OpenPerson) -> None:
    port = free_port()
    platform = LocalPlatform(PlatformOptions(port=port))
    await platform.start()
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
