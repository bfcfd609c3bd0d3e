"""The reference of core.sdk: what a client in user mode does, and logins."""

from __future__ import annotations

from typing import Any

import pytest

from moobius import types
from tests.promises.stage import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- User mode ---------------------------------------------------------------------------------


@pytest.mark.promise("2-62")
@pytest.mark.defect("D44")
@pytest.mark.parametrize("form", ["class", "dict", "pair"])
async def test_a_click_reaches_the_service_with_what_was_entered(stage: Stage, form: str) -> None:
    entered: dict[str, Any] = {
        "class": types.ClickArgument("Drink", "tea"),
        "dict": {"label": "Drink", "value": "tea"},
        "pair": ("Drink", "tea"),
    }
    frame = await stage.fan.send_button_click(
        "order", "now", [entered[form]], channel_id=stage.channel_id
    )
    click = await stage.service.wait_for("on_button_click")
    assert isinstance(click, types.ButtonClick)
    assert click.arguments == [types.ClickArgument("Drink", "tea")]
    assert (click.button_id, click.bottom_button_id, click.sender) == (
        "order",
        "now",
        stage.fan.client_id,
    )
    assert frame["body"]["button_id"] == "order"


@pytest.mark.promise("2-62")
async def test_a_simple_click_needs_no_more_than_the_button(stage: Stage) -> None:
    await stage.fan.send_button_click("ring", channel_id=stage.channel_id)
    click = await stage.service.wait_for("on_button_click")
    assert click.bottom_button_id == "confirm" and not click.arguments


@pytest.mark.promise("2-62")
@pytest.mark.defect("D45")
@pytest.mark.parametrize("form", ["class", "dict", "id"])
async def test_a_menu_click_brings_its_message(stage: Stage, form: str) -> None:
    await stage.service.send_message("wise", stage.channel_id, stage.bob, stage.fan.client_id)
    message = await stage.fan.wait_for("on_message_down")
    given: Any = {"class": message, "dict": vars(message), "id": message.message_id}[form]
    frame = await stage.fan.send_menu_item_click("quote", "confirm", [], given, stage.channel_id)
    click = await stage.service.wait_for("on_menu_item_click")
    assert isinstance(click, types.MenuItemClick)
    assert (click.menu_item_id, click.message_id) == ("quote", message.message_id)
    # With the id alone, the Platform knows the rest (platform.md 3.10).
    assert (click.message_subtype, click.message_content.text) == ("text", "wise")
    assert frame["body"]["menu_item_id"] == "quote"


@pytest.mark.promise("2-14", "2-57")
async def test_send_refresh_asks_the_service(stage: Stage) -> None:
    frame = await stage.fan.send_refresh(stage.channel_id)
    assert frame is not None and frame["body"]["subtype"] == types.REFRESH
    action = await stage.service.wait_for("on_refresh")
    assert (action.channel_id, action.sender) == (stage.channel_id, stage.fan.client_id)


@pytest.mark.promise("2-14")
async def test_a_service_that_asks_itself_is_warned(stage: Stage, log: list[str]) -> None:
    await stage.service.send_refresh(stage.channel_id)
    assert any(line.startswith("WARNING") and "send_refresh" in line for line in log)


@pytest.mark.promise("2-47", "2-58")
async def test_joining_and_leaving(stage: Stage) -> None:
    leaving = await stage.fan.send_leave_channel(stage.channel_id)
    assert leaving["type"] == types.ACTION
    left = await stage.service.wait_for("on_leave")
    assert left.sender == stage.fan.client_id
    assert left.sender not in await stage.service.fetch_member_ids(stage.channel_id)
    joining = await stage.fan.send_join_channel(stage.channel_id)
    assert joining["type"] == types.ACTION
    joined = await stage.service.wait_for("on_join")
    assert isinstance(joined, types.SimpleAction)
    assert joined.sender in await stage.service.fetch_member_ids(stage.channel_id)


@pytest.mark.promise("2-47")
async def test_a_service_may_try_to_leave(stage: Stage) -> None:
    await stage.service.send_leave_channel(stage.channel_id)
    await stage.service.send_join_channel(stage.channel_id)
    await stage.service.send_message("still here", stage.channel_id, "x", stage.ada)
    assert (await stage.sees("ada"))["content"] == {"text": "still here"}


# ---- Logins and heartbeats ---------------------------------------------------------------------


@pytest.mark.promise("2-18", "0-02")
async def test_send_service_login_returns_its_frame(stage: Stage) -> None:
    frame = await stage.service.send_service_login()
    assert frame["type"] == types.SERVICE_LOGIN
    assert (frame["auth_origin"], frame["service_id"]) == ("cognito", stage.service.client_id)
    assert frame["access_token"] == stage.service.http_api.access_token


@pytest.mark.promise("2-43")
async def test_send_user_login_returns_its_frame(stage: Stage) -> None:
    frame = await stage.fan.send_user_login()
    assert (frame["type"], frame["auth_origin"]) == (types.USER_LOGIN, "cognito")


@pytest.mark.promise("2-13")
@pytest.mark.defect("D102")
async def test_one_heartbeat_is_one_frame_and_is_answered(stage: Stage) -> None:
    assert await stage.service.send_heartbeat() is None  # type: ignore[func-returns-value]
    copy = await stage.service.wait_for("on_copy_client", lambda c: c.origin_type == "heartbeat")
    assert copy.status is True
    await stage.service.send_message("after it", stage.channel_id, stage.bob, stage.ada)
    await stage.service.wait_for("on_copy_client", lambda c: c.origin_type == "message_down")
    beats = [c for n, c in stage.service.seen if n == "on_copy_client"]
    assert [c.origin_type for c in beats] == ["heartbeat", "message_down"]
