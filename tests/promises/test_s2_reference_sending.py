"""The reference of core.sdk: what is sent, seen from the other side of the wire."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from moobius import Moobius, types
from tests.promises.stage import PNG, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PARAMETERS = [
    "message",
    "channel_id",
    "sender",
    "recipients",
    "subtype",
    "text",
    "path",
    "image",
    "audio",
    "link",
    "title",
    "button",
    "len_limit",
    "file_display_name",
    "context",
]


# ---- Messages ----------------------------------------------------------------------------------


@pytest.mark.promise("2-09")
async def test_send_message_has_its_parameters_in_order() -> None:
    names = list(inspect.signature(Moobius.send_message).parameters)
    assert names[1 : 1 + len(PARAMETERS)] == PARAMETERS


KINDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": ({"message": "tea?"}, {"subtype": "text", "content": {"text": "tea?"}}),
    "text by name": ({"text": "tea?"}, {"subtype": "text", "content": {"text": "tea?"}}),
    "a number": ({"message": 7}, {"subtype": "text", "content": {"text": "7"}}),
    "a long text": (
        {"message": "abcdefgh", "len_limit": 3},
        {"subtype": "text", "content": {"text": "abc...8 chars"}},
    ),
    "a card": (
        {
            "message": {
                "link": "https://example.org/",
                "title": "Menu",
                "button": "Look",
                "text": "of the day",
                "channel_id": "CH",
            }
        },
        {
            "subtype": "card",
            "content": {
                "link": "https://example.org/",
                "title": "Menu",
                "button": "Look",
                "text": "of the day",
            },
        },
    ),
    "a dict with one more key": (
        {"message": {"subtype": "text", "content": {"text": "hi"}, "colour": "red"}},
        {"subtype": "text", "content": {"text": "hi"}},
    ),
    "context": ({"message": "hi", "context": {"k": "v"}}, {"context": {"k": "v"}}),
}


@pytest.mark.promise("2-09", "2-60")
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_message_arrives(stage: Stage, kind: str) -> None:
    given, expected = KINDS[kind]
    frame = await stage.service.send_message(
        **given, channel_id=stage.channel_id, sender=stage.bob, recipients=stage.ada
    )
    assert frame is not None and frame["type"] == types.MESSAGE_DOWN
    body = await stage.sees("ada")
    assert body["sender"] == stage.bob
    assert {key: body.get(key) for key in expected} == expected


@pytest.mark.promise("2-09")
@pytest.mark.parametrize(
    ("name", "given", "subtype"),
    [
        ("cat.png", {}, "image"),
        ("purr.mp3", {}, "audio"),
        ("menu.pdf", {}, "file"),
        ("menu.pdf", {"file_display_name": "Menu of the day"}, "file"),
    ],
)
async def test_local_files_are_uploaded_when_the_call_returns(
    stage: Stage, tmp_path: Path, name: str, given: dict[str, Any], subtype: str
) -> None:
    (tmp_path / name).write_bytes(PNG)
    frame = await stage.service.send_message(
        tmp_path / name, stage.channel_id, stage.bob, stage.ada, **given
    )
    (tmp_path / name).unlink()
    body = await stage.sees("ada")
    assert body["subtype"] == subtype
    assert body["content"]["filename"] == given.get("file_display_name", name)
    assert body["content"]["size"] == len(PNG)
    assert frame is not None
    assert body["content"]["path"] == frame["body"]["content"]["path"]
    assert await stage.service.download(body["content"]["path"], bytes=True) == PNG


@pytest.mark.promise("2-09")
@pytest.mark.parametrize("parameter", ["path", "image", "audio"])
async def test_a_place_by_name_leaves_urls_alone(stage: Stage, parameter: str) -> None:
    url = f"{stage.room.platform.url}/no/such/thing.png"
    place: dict[str, Any] = {parameter: url}
    await stage.service.send_message(None, stage.channel_id, stage.bob, stage.ada, **place)
    body = await stage.sees("ada")
    assert body["subtype"] == {"path": "image", "image": "image", "audio": "audio"}[parameter]
    assert body["content"]["path"] == url


@pytest.mark.promise("2-09", "2-55")
async def test_in_user_mode_a_message_goes_up(stage: Stage) -> None:
    frame = await stage.fan.send_message("up", stage.channel_id, recipients=[stage.ada])
    assert frame is not None and frame["type"] == types.MESSAGE_UP
    assert not frame["body"].get("sender")
    message = await stage.service.wait_for("on_message_up")
    assert isinstance(message, types.MessageBody)
    assert (message.sender, message.recipients, message.content.text, message.channel_id) == (
        stage.fan.client_id,
        [stage.ada],
        "up",
        stage.channel_id,
    )


@pytest.mark.promise("2-55", "0-12")
async def test_in_user_mode_a_message_may_go_to_the_service(stage: Stage) -> None:
    await stage.fan.send_message("hide", stage.channel_id, recipients=types.SERVICE)
    assert (await stage.service.wait_for("on_message_up")).recipients == []


@pytest.mark.promise("2-60")
async def test_on_message_down_brings_a_message_with_its_id(stage: Stage) -> None:
    await stage.service.send_message("hello", stage.channel_id, stage.bob, stage.fan.client_id)
    message = await stage.fan.wait_for("on_message_down")
    assert isinstance(message, types.MessageBody)
    assert (message.sender, message.content.text) == (stage.bob, "hello")
    assert message.message_id and message.channel_id == stage.channel_id


# ---- Any frame ---------------------------------------------------------------------------------


@pytest.mark.promise("2-10")
@pytest.mark.parametrize("recipients", ["one", "list"])
async def test_send_turns_recipients_into_a_group(stage: Stage, recipients: str) -> None:
    body = {
        "subtype": "text",
        "channel_id": stage.channel_id,
        "content": {"text": "by hand"},
        "recipients": [stage.ada],
        "timestamp": 1,
        "context": {},
        "sender": stage.bob,
    }
    if recipients == "one":
        body["recipients"] = (await stage.service.create_service_group([stage.ada])).group_id
    before = dict(body)
    assert await stage.service.send("message_down", body) is None  # type: ignore[func-returns-value]
    assert body == before
    assert (await stage.sees("ada"))["content"] == {"text": "by hand"}


@pytest.mark.promise("2-10")
async def test_send_takes_a_dataclass(stage: Stage) -> None:
    body = types.MessageBody(
        "text", stage.channel_id, types.MessageContent("by class"), 1, [stage.ada], stage.bob, None
    )
    await stage.service.send("message_down", body)
    assert (await stage.sees("ada"))["content"]["text"] == "by class"


@pytest.mark.promise("2-10")
async def test_recipients_of_other_frames_have_to_be_a_group_already(stage: Stage) -> None:
    with pytest.raises(Exception, match="recipients"):
        await stage.service.send("update", {"subtype": "canvas", "recipients": [stage.ada]})


@pytest.mark.promise("2-44")
@pytest.mark.defect("D42")
@pytest.mark.parametrize("order", ["data first", "target first"])
async def test_send_update_is_sent_by_the_service_itself(stage: Stage, order: str) -> None:
    group = await stage.service.create_service_group([stage.ada])
    data = {
        "subtype": "canvas",
        "channel_id": stage.channel_id,
        "recipients": group.group_id,
        "content": [{"text": "generic", "path": None}],
        "group_id": "temp",
        "context": {},
    }
    pair: Any = (data, stage.ada) if order == "data first" else (stage.ada, data)
    frame = await stage.service.send_update(*pair)
    assert frame["service_id"] == stage.service.client_id
    body = await stage.sees("ada")
    assert (body["subtype"], body["content"][0]["text"]) == ("canvas", "generic")


async def test_send_update_channel_info_tells_the_members(stage: Stage) -> None:
    info = types.ChannelInfo(stage.channel_id, "Cocoa room", "hot drinks", "ccs")
    await stage.service.send_update_channel_info(stage.channel_id, info)
    body = await stage.sees("ada")
    assert body["subtype"] == "channel_info"
    assert "Cocoa room" in str(body["content"])


# ---- The view ----------------------------------------------------------------------------------


@pytest.mark.promise("2-45", "3-05", "3-11", "3-15")
@pytest.mark.parametrize("recipients", ["one", "list", "character"])
async def test_send_characters_mixes_ids_and_characters(stage: Stage, recipients: str) -> None:
    owl = await stage.service.create_agent("Owl")
    ada = await stage.service.fetch_character_profile(stage.ada)
    forms: dict[str, Any] = {"one": stage.ada, "list": [stage.ada], "character": ada}
    await stage.service.send_characters(
        characters=[owl, stage.bob], channel_id=stage.channel_id, recipients=forms[recipients]
    )
    assert await stage.shown_to("ada") == [owl.character_id, stage.bob]


@pytest.mark.promise("2-12", "0-17")
@pytest.mark.parametrize("many", [True, False])
async def test_a_canvas_has_texts_and_pictures(stage: Stage, tmp_path: Path, many: bool) -> None:
    (tmp_path / "day.png").write_bytes(PNG)
    url = "https://example.org/night.png"
    items: list[Any] = [
        types.CanvasItem(text="morning", path=str(tmp_path / "day.png")),
        {"path": url},
        types.CanvasItem(text="only words"),
    ]
    await stage.service.send_canvas(
        items if many else items[0], channel_id=stage.channel_id, recipients=stage.ada
    )
    content = (await stage.sees("ada"))["content"]
    assert content[0]["text"] == "morning"
    assert await stage.service.download(content[0]["path"], bytes=True) == PNG
    assert [item.get("path") for item in content[1:]] == ([url, None] if many else [])
    await stage.sees_nothing("ada")


@pytest.mark.promise("2-46")
@pytest.mark.defect("D32")
@pytest.mark.parametrize("many", [True, False])
async def test_a_style_may_hook_a_button(stage: Stage, many: bool) -> None:
    hook = {"button_id": "swap", "button_name": "Swap", "arguments": []}
    style: Any = {"widget": "button", "display": "highlight", "button_hook": hook}
    frame = await stage.service.send_style(
        [style] if many else style, stage.channel_id, [stage.ada]
    )
    assert frame is not None and frame["body"]["content"] == [style]
    (item,) = (await stage.sees("ada"))["content"]
    assert (item["widget"], item["display"]) == ("button", "highlight")


@pytest.mark.promise("2-62")
async def test_buttons_and_menus_arrive_and_are_cleared(stage: Stage) -> None:
    send = stage.service
    button, item = types.Button("a", "A"), types.MenuItem("q", "Quote", [types.TEXT])
    given: Any
    for given, expected in ((button, ["a"]), ([button, {**vars(button)}], ["a", "a"]), ([], [])):
        await send.send_buttons(given, stage.channel_id, [stage.ada])
        body = await stage.sees("ada")
        assert (body["subtype"], [b["button_id"] for b in body["content"]]) == ("buttons", expected)
    for given, expected in ((item, ["q"]), ([item], ["q"]), ([], [])):
        await send.send_menu(given, stage.channel_id, [stage.ada])
        body = await stage.sees("ada")
        assert (body["subtype"], [m["menu_item_id"] for m in body["content"]]) == ("menu", expected)
