"""Defects of earlier versions in what is sent (5.3)."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from moobius import types
from tests.promises.stage import PNG, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

SENDERS: dict[str, tuple[Any, ...]] = {
    "send_message": ("hi",),
    "send_characters": (["x"],),
    "send_buttons": ([types.Button("a", "A")],),
    "send_menu": ([types.MenuItem("q", "Quote", ["text"])],),
    "send_canvas": ([types.CanvasItem("day")],),
    "send_style": ([types.StyleItem("canvas", "visible")],),
}


@pytest.mark.defect("D24")
@pytest.mark.parametrize("verb", SENDERS)
async def test_nested_recipients_are_flattened(stage: Stage, verb: str) -> None:
    nested = [[stage.ada, [stage.bob]], (stage.ada,)]
    (what,) = SENDERS[verb]
    send = getattr(stage.service, verb)
    assert await send(what, channel_id=stage.channel_id, recipients=nested)
    await stage.sees("ada")
    await stage.sees("bob")


@pytest.mark.defect("D25")
@pytest.mark.parametrize("nobody", [None, [], (), {}], ids=repr)
@pytest.mark.parametrize("verb", SENDERS)
async def test_nobody_is_nobody(stage: Stage, verb: str, nobody: Any) -> None:
    (what,) = SENDERS[verb]
    send = getattr(stage.service, verb)
    assert await send(what, channel_id=stage.channel_id, recipients=nobody) is None
    await stage.sees_nothing("ada")


@pytest.mark.defect("D26")
async def test_a_character_list_can_be_cleared(stage: Stage) -> None:
    await stage.service.send_characters([], stage.channel_id, stage.ada)
    assert await stage.shown_to("ada") == []


@pytest.mark.defect("D27")
async def test_one_menu_item_and_canvas_items_as_dicts(stage: Stage) -> None:
    item = types.MenuItem("q", "Quote", ["text"])
    await stage.service.send_menu(item, stage.channel_id, stage.ada)
    await stage.service.send_menu(vars(item), stage.channel_id, stage.ada)
    await stage.service.send_canvas([{"text": "day"}], stage.channel_id, stage.ada)
    await stage.service.send_canvas({"text": "day"}, stage.channel_id, stage.ada)
    bodies = [await stage.sees("ada") for _ in range(4)]
    assert bodies[0]["content"] == bodies[1]["content"]
    assert bodies[2]["content"] == bodies[3]["content"] == [{"text": "day", "path": None}]


@pytest.mark.defect("D28")
async def test_a_message_needs_no_sender(stage: Stage) -> None:
    await stage.service.send_message("hi", channel_id=stage.channel_id, recipients=stage.ada)
    assert (await stage.sees("ada"))["sender"] == "no_sender"


@pytest.mark.defect("D29")
@pytest.mark.parametrize(
    ("given", "subtype", "content"),
    [
        ({"message": None, "text": "hi"}, "text", {"text": "hi"}),
        ({"message": 3.5}, "text", {"text": "3.5"}),
        ({"message": ["a"]}, "text", {"text": "['a']"}),
        (
            {"message": {"subtype": "text", "content": {"text": "old"}}, "text": ""},
            "text",
            {"text": ""},
        ),
        (
            {
                "message": {"subtype": "text", "content": {"text": "x"}, "context": {"a": 1}},
                "context": {},
            },
            "text",
            {"text": "x"},
        ),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_parts_numbers_and_empty_overrides(
    stage: Stage, given: dict[str, Any], subtype: str, content: dict[str, Any]
) -> None:
    frame = await stage.service.send_message(
        **given, channel_id=stage.channel_id, sender=stage.bob, recipients=stage.ada
    )
    body = await stage.sees("ada")
    assert (body["subtype"], body["content"]) == (subtype, content)
    assert frame is not None and frame["body"]["context"] in ({}, None)


@pytest.mark.defect("D29")
async def test_a_text_beside_a_picture_is_no_file_name(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    await stage.service.send_message(
        "look at my cat", stage.channel_id, stage.bob, stage.ada, image=tmp_path / "cat.png"
    )
    body = await stage.sees("ada")
    assert (body["subtype"], body["content"]["text"], body["content"]["filename"]) == (
        "image",
        "look at my cat",
        "cat.png",
    )


@pytest.mark.defect("D30")
@pytest.mark.parametrize(
    "extra", [{}, {"colour": "red"}, {"recipients": [], "message_id": "MSG", "timestamp": "noon"}]
)
async def test_a_dict_may_hold_more_and_is_not_changed(stage: Stage, extra: dict[str, Any]) -> None:
    card = {"link": "https://example.org/", "button": "Look", "text": "tea", "title": "Menu"}
    message = {"subtype": "text", "content": {"text": "hi", "more": 1}, "context": {"k": "v"}}
    for given in ({**message, **extra}, {**card, "channel_id": stage.channel_id, **extra}):
        before = copy.deepcopy(given)
        await stage.service.send_message(
            given, stage.channel_id, stage.bob, stage.ada, text="changed"
        )
        assert given == before
        body = await stage.sees("ada")
        assert body["content"]["text"] == "changed"
        assert body["context"] == given.get("context", body["context"])


@pytest.mark.defect("D30")
async def test_a_message_is_not_changed_by_sending_it(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "cat.png").write_bytes(PNG)
    content = types.MessageContent(path=str(tmp_path / "cat.png"))
    message = types.MessageBody(
        "image", stage.channel_id, content, 1, [stage.ada], stage.bob, "MSG", {"k": "v"}
    )
    before = copy.deepcopy(message)
    await stage.service.send_message(message, text="with words", file_display_name=None)
    assert message == before
    body = await stage.sees("ada")
    assert body["content"]["path"].startswith(stage.room.platform.url)
    assert body["context"]["k"] == "v"
    assert body["message_id"] != "MSG" and body["timestamp"] > 1


@pytest.mark.defect("D32")
async def test_empty_fields_and_empty_dialogs_do_not_travel(stage: Stage) -> None:
    style = types.StyleItem("canvas", "visible")
    frame = await stage.service.send_style(style, stage.channel_id, stage.ada)
    assert frame is not None
    assert frame["body"]["content"] == [{"widget": "canvas", "display": "visible"}]
    button = types.Button("a", "A", types.Dialog("D", [], []))
    frame = await stage.service.send_buttons(button, stage.channel_id, stage.ada)
    assert frame is not None
    (sent,) = frame["body"]["content"]
    assert not sent["dialog"].get("bottom_buttons")
    message = await stage.service.send_message("hi", stage.channel_id, "x", stage.ada)
    assert message is not None and message["body"]["content"] == {"text": "hi"}
