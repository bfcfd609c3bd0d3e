"""The builders of the client: the documented arguments in, the documented frame out (1.7)."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from moobius.network.ws_client import WSClient
from moobius.types import (
    Button,
    CanvasItem,
    ChannelInfo,
    ClickArgument,
    MenuItem,
    MessageBody,
    MessageContent,
    StyleItem,
)
from tests.support.patience import until
from tests.support.peer import Frame, Peer, peer

Call = Callable[[WSClient], Coroutine[Any, Any, Any]]
WHEN = 1719000000123
MESSAGE = MessageBody("text", "CH", MessageContent("welcome"), WHEN, [], "OWL", "MSG-2", {})

# The arguments, as sdk.md 1.7 names and orders them, and the frame without its request id.
FRAMES: list[tuple[str, tuple[Any, ...], Frame]] = [
    (
        "service_login",
        ("SVC", "TOKEN"),
        {"type": "service_login", "auth_origin": "cognito", "access_token": "TOKEN",
         "service_id": "SVC"},
    ),
    (
        "user_login",
        ("TOKEN",),
        {"type": "user_login", "auth_origin": "cognito", "access_token": "TOKEN"},
    ),
    (
        "join_channel",
        ("ADA", "CH"),
        {"type": "action", "user_id": "ADA",
         "body": {"subtype": "join_channel", "channel_id": "CH", "context": {}}},
    ),
    (
        "leave_channel",
        ("ADA", "CH"),
        {"type": "action", "user_id": "ADA",
         "body": {"subtype": "leave_channel", "channel_id": "CH", "context": {}}},
    ),
    (
        "refresh_as_user",
        ("ADA", "CH"),
        {"type": "action", "user_id": "ADA",
         "body": {"subtype": "refresh", "channel_id": "CH", "context": {}}},
    ),
    (
        "send_characters",
        ("GRP-1", "SVC", "CH", "GRP-2"),
        {"type": "update", "service_id": "SVC",
         "body": {"subtype": "characters", "channel_id": "CH", "recipients": "GRP-2",
                  "content": {"characters": "GRP-1"}}},
    ),
    (
        "send_buttons",
        ([Button("ring", "Ring")], "SVC", "CH", "GRP-2"),
        {"type": "update", "service_id": "SVC",
         "body": {"subtype": "buttons", "channel_id": "CH", "recipients": "GRP-2",
                  "content": [{"button_id": "ring", "button_text": "Ring", "dialog": None}],
                  "group_id": "temp", "context": {}}},
    ),
    (
        "send_menu",
        ([MenuItem("quote", "Quote", ["text"])], "SVC", "CH", "GRP-2"),
        {"type": "update", "service_id": "SVC",
         "body": {"subtype": "menu", "channel_id": "CH", "recipients": "GRP-2",
                  "content": [{"menu_item_id": "quote", "menu_item_text": "Quote",
                               "message_subtypes": ["text"], "dialog": None}],
                  "context": {}}},
    ),
    (
        "send_style",
        ([StyleItem("canvas", "visible")], "SVC", "CH", "GRP-2"),
        {"type": "update", "service_id": "SVC",
         "body": {"subtype": "style", "channel_id": "CH", "recipients": "GRP-2",
                  "content": [{"widget": "canvas", "display": "visible", "expand": None,
                               "button_id": None, "text": None}],
                  "group_id": "temp", "context": {}}},
    ),
    (
        "update_canvas",
        ("SVC", "CH", [CanvasItem("hi", "https://x/a.png")], "GRP-2"),
        {"type": "update", "service_id": "SVC",
         "body": {"subtype": "canvas", "channel_id": "CH", "recipients": "GRP-2",
                  "content": [{"text": "hi", "path": "https://x/a.png"}],
                  "group_id": "temp", "context": {}}},
    ),
    (
        "update_channel_info",
        (ChannelInfo("CH", "Tea room", "hot drinks", "ccs"), "SVC", "CH"),
        {"type": "update", "subtype": "channel_info", "channel_id": "CH", "service_id": "SVC",
         "body": {"channel_id": "CH", "channel_name": "Tea room",
                  "channel_description": "hot drinks", "channel_type": "ccs",
                  "context": {"channel_description": "hot drinks", "channel_type": "ccs"}}},
    ),
    (
        "update",
        ({"subtype": "weather", "channel_id": "CH"}, "ADA", "SVC"),
        {"type": "update", "service_id": "SVC",
         "body": {"subtype": "weather", "channel_id": "CH"}},
    ),
    (
        "message_up",
        ("ADA", "SVC", "CH", "GRP-1", "text", MessageContent("hello"), {"a": 1}),
        {"type": "message_up", "user_id": "ADA", "service_id": "SVC",
         "body": {"subtype": "text", "channel_id": "CH", "content": {"text": "hello"},
                  "recipients": "GRP-1", "timestamp": WHEN, "context": {"a": 1}}},
    ),
    (
        "message_down",
        ("ADA", "SVC", "CH", "GRP-2", "image", {"path": "https://x/a.png", "text": None}, "OWL"),
        {"type": "message_down", "service_id": "SVC",
         "body": {"subtype": "image", "channel_id": "CH", "content": {"path": "https://x/a.png"},
                  "recipients": "GRP-2", "timestamp": WHEN, "context": {}, "sender": "OWL"}},
    ),
    (
        "send_button_click",
        ("order", "now", [ClickArgument("Drink", "tea")], "CH", "ADA"),
        {"type": "action", "user_id": "ADA",
         "body": {"subtype": "button_click", "button_id": "order", "channel_id": "CH",
                  "arguments": [{"label": "Drink", "value": "tea"}], "bottom_button_id": "now",
                  "context": {}}},
    ),
    (
        "send_menu_item_click",
        ("quote", "confirm", None, MESSAGE, "CH", "ADA"),
        {"type": "action", "user_id": "ADA",
         "body": {"subtype": "menu_item_click", "menu_item_id": "quote", "channel_id": "CH",
                  "message_id": "MSG-2", "message_subtype": "text",
                  "message_content": {"text": "welcome"}, "arguments": [],
                  "bottom_button_id": "confirm", "context": {}}},
    ),
]  # fmt: skip
NAMES = [name for name, _, _ in FRAMES]

WITH_RECIPIENTS: dict[str, tuple[Any, ...]] = {
    "send_characters": ("GRP-1", "SVC", "CH"),
    "send_buttons": ([], "SVC", "CH"),
    "send_menu": ([], "SVC", "CH"),
    "send_style": ([], "SVC", "CH"),
    "update_canvas": ("SVC", "CH", []),
    "message_up": ("ADA", "SVC", "CH"),
    "message_down": ("ADA", "SVC", "CH"),
}
REST: dict[str, tuple[Any, ...]] = {"message_up": ("text", {}), "message_down": ("text", {}, "OWL")}


@pytest.fixture
async def script() -> AsyncIterator[Peer]:
    async with peer() as script:
        yield script


@pytest.fixture
async def client(script: Peer) -> AsyncIterator[WSClient]:
    client = WSClient(script.url)
    await client.connect()
    yield client
    await client.close()


def without_id(frame: Frame) -> Frame:
    plain = {key: value for key, value in frame.items() if key != "request_id"}
    if "timestamp" in plain.get("body", {}):
        plain["body"] = {**plain["body"], "timestamp": WHEN}
    return plain


@pytest.mark.parametrize(("name", "arguments", "frame"), FRAMES, ids=NAMES)
async def test_a_builder_sends_what_it_returns(
    client: WSClient, script: Peer, name: str, arguments: tuple[Any, ...], frame: Frame
) -> None:
    built = await getattr(client, name)(*arguments, dry_run=True)
    sent = await getattr(client, name)(*arguments)
    await until(lambda: bool(script.frames))
    assert script.frames == [sent]  # and the first was not sent
    assert without_id(sent) == without_id(built) == frame
    assert sent["request_id"] != built["request_id"]


@pytest.mark.parametrize("name", WITH_RECIPIENTS)
@pytest.mark.parametrize("nobody", [None, ""])
async def test_without_recipients_nothing_is_sent(
    client: WSClient, script: Peer, name: str, nobody: str | None
) -> None:
    arguments = (*WITH_RECIPIENTS[name], nobody, *REST.get(name, ()))
    assert await getattr(client, name)(*arguments) is None
    await client.join_channel("ADA", "CH")
    await until(lambda: bool(script.frames))
    assert [frame["type"] for frame in script.frames] == ["action"]


async def test_a_menu_click_may_know_only_the_message_id(client: WSClient) -> None:
    frame = await client.send_menu_item_click("quote", "ok", [], "MSG-2", "CH", "ADA", dry_run=True)
    body = frame["body"]
    assert (body["message_id"], body["message_subtype"]) == ("MSG-2", "<unknown>")
    with pytest.raises(TypeError, match="a message or its id, not 5"):
        await client.send_menu_item_click("quote", "ok", [], 5, "CH", "ADA")


async def test_the_name_of_the_package_page() -> None:
    assert WSClient.send_message_up is WSClient.message_up


def test_dry_run_is_a_keyword_of_all() -> None:
    for name in [*NAMES, "heartbeat"]:
        parameter = inspect.signature(getattr(WSClient, name)).parameters["dry_run"]
        assert parameter.kind is parameter.KEYWORD_ONLY
        assert parameter.default is False
