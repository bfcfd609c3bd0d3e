"""What the package page promised of dataclasses: to a dict and back."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from moobius import types

pytestmark = pytest.mark.asyncio(loop_scope="module")


# ---- Dataclasses -------------------------------------------------------------------------------

DIALOG = types.Dialog(
    "Order",
    [types.InputComponent("Drink", types.DROPDOWN, True, "choose", ["tea", "cocoa"])],
    [types.BottomButton("now", "Now", True)],
)
CONTENT = types.MessageContent(text="hi", path="https://example.org/a.png", size=3)
ADA = types.Character("ID", "Ada", "https://example.org/ada.png", "likes tea", {})
NO_ITEM = dict.fromkeys(
    ["character", "button", "channel_info", "menu_item", "canvas_item", "style_item"]
)
ONE_OF_EACH: list[Any] = [
    DIALOG,
    CONTENT,
    ADA,
    types.Button("order", "Order", DIALOG),
    types.MenuItem("quote", "Quote", ["text"], DIALOG),
    types.ClickArgument("Drink", "tea", "a.txt"),
    types.ButtonClick("order", "CH", "ID", [types.ClickArgument("Drink", "tea")]),
    types.MenuItemClick("quote", "text", CONTENT, "CH", "ID", "MSG", []),
    types.SimpleAction("join", "CH", "ID", {"k": "v"}),
    types.CanvasItem("day", "https://example.org/day.png"),
    types.StyleItem("canvas", "visible", True, "order", "<b>hint</b>"),
    types.ChannelInfo("CH", "Tea room", "hot drinks", "ccs"),
    types.CopyBody("REQ", "heartbeat", True, {}),
    types.Group("GRP", ["ID"]),
    types.View(["ID"], ["order"], "CANVAS"),
    types.UserInfo("https://example.org/a.png", "me", "Ada", "a@b", "true", "ID", {}),
    types.MessageBody("text", "CH", CONTENT, 1, ["ID"], "ID", "MSG", {}),
    types.UpdateBody("canvas", "CH", [types.UpdateItem(**NO_ITEM)], ["ID"], "temp", {}),
]


@pytest.mark.promise("0-45", "0-19")
@pytest.mark.parametrize("one", ONE_OF_EACH, ids=lambda one: type(one).__name__)
async def test_every_dataclass_becomes_a_dict_and_comes_back(one: Any) -> None:
    as_dict = dataclasses.asdict(one)
    assert types.from_dict(type(one), {**as_dict, "a key of tomorrow": 1}) == one
    assert isinstance(types.from_dict(type(one), {}), type(one))
