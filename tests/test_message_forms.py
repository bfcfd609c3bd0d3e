"""Every way of saying a message, row by row of sdk.md 1.2.8."""

from __future__ import annotations

import copy
import inspect
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from moobius import types
from moobius.message_forms import NO_SENDER, compose, subtype_of_file
from moobius.types import Character, MessageBody, MessageContent

OWL = Character("OWL", "Owl")


def said(message: Any = None, **overrides: Any) -> tuple[str, dict[str, Any]]:
    """Return the subtype and the content, without what is not set, of a composed message."""
    body = compose(message, channel_id="CH", **overrides)
    assert isinstance(body.content, MessageContent)
    return body.subtype, {k: v for k, v in types.as_plain(body.content).items() if v is not None}


def received(**changes: Any) -> MessageBody:
    """Return a message as it came from a member."""
    fields: dict[str, Any] = {
        "subtype": "text",
        "channel_id": "CH",
        "content": MessageContent(text="hello"),
        "timestamp": 1719000000123,
        "recipients": ["ADA", "BOB"],
        "sender": "ADA",
        "message_id": "MSG-1",
        "context": {"mood": "good"},
    }
    return MessageBody(**{**fields, **changes})


# ---- The kinds of message ---------------------------------------------------------------------


@pytest.mark.parametrize("subtype", [None, "text"])
def test_a_string_is_text(subtype: str | None) -> None:
    assert said(" hello ", subtype=subtype) == ("text", {"text": " hello "})


@pytest.mark.parametrize("subtype", ["image", "audio", "file"])
def test_a_string_with_another_subtype_is_a_place(subtype: str) -> None:
    assert said(" https://x/y.png\n", subtype=subtype) == (subtype, {"path": "https://x/y.png"})


def test_a_string_beside_a_place_is_the_text() -> None:
    assert said("my cat", image="cat.png") == ("image", {"text": "my cat", "path": "cat.png"})
    assert said("my cat", audio="purr.wav") == ("audio", {"text": "my cat", "path": "purr.wav"})
    assert said("my cat", path="cat.pdf") == ("file", {"text": "my cat", "path": "cat.pdf"})
    assert said("my cat", subtype="file", path="https://x/cat") == (
        "file",
        {"text": "my cat", "path": "https://x/cat"},
    )


@pytest.mark.parametrize(
    ("path", "subtype"),
    [
        (Path("cats/Tom.PNG"), "image"),
        (PurePosixPath("/tmp/a.webp"), "image"),
        (PureWindowsPath("C:\\a.jpeg"), "image"),
        (Path("a.mp3"), "audio"),
        (Path("a.WAV"), "audio"),
        (Path("a.pdf"), "file"),
        (Path("a"), "file"),
        (Path(".png"), "file"),
    ],
)
def test_a_pathlib_path_is_a_file_of_the_kind_its_extension_says(path: Any, subtype: str) -> None:
    assert said(path) == (subtype, {"path": str(path)})
    assert said(path, subtype="file") == ("file", {"path": str(path)})


@pytest.mark.parametrize("extension", sorted(types.IMAGE_EXTS))
def test_every_image_extension(extension: str) -> None:
    assert subtype_of_file(f"a{extension}") == "image"


@pytest.mark.parametrize("extension", sorted(types.AUDIO_EXTS))
def test_every_audio_extension(extension: str) -> None:
    assert subtype_of_file(f"a{extension}") == "audio"


def test_the_extension_of_a_url_ends_before_its_query() -> None:
    assert subtype_of_file("https://x/cat.png?sig=a.b&w=3#top") == "image"
    assert subtype_of_file("https://example.mp3/") == "file"
    assert subtype_of_file("what?.png") == "image"


def test_a_message_body_is_forwarded_unchanged() -> None:
    message = received()
    assert compose(message) == message
    assert compose(message) is not message


def test_a_message_body_with_overrides() -> None:
    body = compose(received(), text="HELLO", recipients=["BOB"], sender=OWL, channel_id="CH-2")
    assert body == received(
        content=MessageContent(text="HELLO"), recipients=["BOB"], sender="OWL", channel_id="CH-2"
    )


@pytest.mark.parametrize("content", ["hello", {"text": "hello", "unknown": 1}])
def test_a_message_body_whose_content_is_plain(content: Any) -> None:
    assert compose(received(content=content)).content == MessageContent(text="hello")


def test_a_modified_message_body_is_sent_as_it_is_now() -> None:
    message = received()
    message.content.text = "changed"
    message.recipients = ["CAT"]
    message.sender = "OWL"
    body = compose(message)
    assert (body.content.text, body.recipients, body.sender) == ("changed", ["CAT"], "OWL")


def test_a_dict_has_the_fields_of_a_message_body() -> None:
    message = types.as_plain(received())
    body = compose({**message, "unknown": 1})
    assert body == received()
    assert compose({**message, "content": MessageContent(text="hello")}) == body
    assert compose({**message, "content": "hello"}) == body


def test_a_dict_of_a_card() -> None:
    card = {"link": "https://x", "button": "Go", "text": "See", "title": "News"}
    assert said(card) == ("card", card)
    assert said({**card, "channel_id": "CH", "sender": "OWL"}) == ("card", card)
    del card["title"]
    assert said(card) == ("card", card)


def test_a_card_dict_says_where_and_to_whom() -> None:
    card = {"link": "l", "button": "b", "text": "t", "channel_id": "C", "recipients": ["ADA"]}
    body = compose(card)
    assert (body.channel_id, body.recipients) == ("C", ["ADA"])


def test_no_message_but_its_parts() -> None:
    assert said(text="hello") == ("text", {"text": "hello"})
    assert said(path="a.png") == ("image", {"path": "a.png"})
    assert said(path=Path("a.pdf")) == ("file", {"path": "a.pdf"})
    assert said(image="a") == ("image", {"path": "a"})
    assert said(audio=Path("a")) == ("audio", {"path": "a"})
    assert said(text="t", link="l", title="T", button="b") == (
        "card",
        {"text": "t", "link": "l", "title": "T", "button": "b"},
    )
    assert said() == ("text", {})


@pytest.mark.parametrize("value", [5, 2.5, True, ["a"], OWL])
def test_anything_else_is_its_text(value: Any) -> None:
    assert said(value) == ("text", {"text": str(value)})


# ---- Overrides --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "path", "link", "title", "button"])
def test_a_part_of_the_content_is_replaced_also_by_nothing(name: str) -> None:
    full = MessageContent(text="t", path="p", link="l", title="T", button="b")
    for value in ("new", ""):
        override: dict[str, Any] = {name: value}
        body = compose(received(content=copy.copy(full), subtype="card"), **override)
        assert getattr(body.content, name) == value
        setattr(body.content, name, getattr(full, name))
        assert body.content == full


def test_a_new_file_decides_the_subtype_anew() -> None:
    assert compose(received(), path="a.png").subtype == "image"
    assert compose(received(), image="a").subtype == "image"
    assert compose(received(), path="a.png", subtype="file").subtype == "file"
    assert compose(received(subtype="image", content=MessageContent(path="a"))).subtype == "image"


def test_a_path_object_inside_the_content_becomes_text() -> None:
    content: Any = {"path": Path("a.png")}
    assert said({"content": content}) == ("image", {"path": "a.png"})
    assert content == {"path": Path("a.png")}


def test_context_is_kept_or_replaced() -> None:
    assert compose(received()).context == {"mood": "good"}
    assert compose(received(), context={}).context == {}
    assert compose("x", channel_id="CH").context is None


@pytest.mark.parametrize(
    ("sender", "meant"),
    [
        ("OWL", "OWL"),
        (OWL, "OWL"),
        (["OWL"], "OWL"),
        ([OWL], "OWL"),
        (None, NO_SENDER),
        ("", NO_SENDER),
        ([], NO_SENDER),
    ],
)
def test_one_sender(sender: Any, meant: str, log: list[str]) -> None:
    assert compose("x", channel_id="CH", sender=sender).sender == meant
    assert log == []


def test_several_senders_are_a_warning(log: list[str]) -> None:
    assert compose("x", channel_id="CH", sender=["OWL", "CAT"]).sender == "OWL"
    assert "WARNING a message has one sender" in "".join(log)


def test_the_sender_of_a_message_is_kept() -> None:
    assert compose(received()).sender == "ADA"
    assert compose({"content": "x", "channel_id": "CH", "sender": OWL}).sender == "OWL"


@pytest.mark.parametrize(
    ("recipients", "ids"),
    [
        (None, ["ADA", "BOB"]),
        ([], []),
        ("CAT", ["CAT"]),
        (OWL, ["OWL"]),
        ([["CAT", OWL]], ["CAT", "OWL"]),
        ({"CAT": 1}.keys(), ["CAT"]),
    ],
)
def test_recipients(recipients: Any, ids: list[str]) -> None:
    assert compose(received(), recipients=recipients).recipients == ids


def test_recipients_of_the_message_may_be_anything_too() -> None:
    message: Any = {"content": "x", "channel_id": "CH"}
    for recipients, ids in ((None, []), ("ADA", ["ADA"]), ([[OWL]], ["OWL"])):
        assert compose({**message, "recipients": recipients}).recipients == ids
    assert compose(message).recipients == []


def test_a_display_name_makes_a_file(log: list[str]) -> None:
    assert said("a.pdf", file_display_name="Report") == (
        "file",
        {"path": "a.pdf", "filename": "Report"},
    )
    assert said(Path("a.png"), file_display_name="Cat") == (
        "file",
        {"path": "a.png", "filename": "Cat"},
    )
    assert said("a.pdf", subtype="file", file_display_name="R")[0] == "file"
    assert log == []


def test_a_display_name_for_something_else_is_a_warning(log: list[str]) -> None:
    assert said("a.png", subtype="image", file_display_name="Cat") == (
        "image",
        {"path": "a.png", "filename": "Cat"},
    )
    assert "WARNING file_display_name is meant for files" in "".join(log)


def test_a_long_text_is_shortened() -> None:
    assert said("hello", len_limit=5)[1] == {"text": "hello"}
    assert said("hello", len_limit=2)[1] == {"text": "he...5 chars"}
    assert said("hello", len_limit=0)[1] == {"text": "...5 chars"}
    assert said(path="a.png", len_limit=2)[1] == {"path": "a.png"}
    assert compose(received(), text="longer", len_limit=1).content.text == "l...6 chars"


@pytest.mark.parametrize("channel_id", [None, ""])
def test_a_message_needs_a_channel(channel_id: str | None) -> None:
    with pytest.raises(ValueError, match="needs a channel_id"):
        compose("hello", channel_id=channel_id)


# ---- The caller's objects ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        received(),
        types.as_plain(received()),
        {**types.as_plain(received()), "content": MessageContent(text="hello")},
        {"link": "l", "button": "b", "text": "t", "recipients": ["ADA"]},
    ],
    ids=["body", "dict", "dict with a content", "card"],
)
def test_the_callers_objects_are_not_modified(message: Any) -> None:
    before = copy.deepcopy(message)
    body = compose(
        message, channel_id="C", text="new", path="a.png", sender="OWL", recipients=["CAT"],
        context={"new": 1}, len_limit=1, file_display_name="n",
    )  # fmt: skip
    body.content.title = "changed"
    body.recipients.append("DOG")
    assert message == before


# ---- The public helpers (sdk.md 1.9.3) --------------------------------------------------------


def test_normalize_message_takes_its_arguments_in_the_documented_order() -> None:
    assert list(inspect.signature(types.normalize_message).parameters) == [
        "message", "channel_id", "sender", "recipients", "subtype", "len_limit",
        "file_display_name", "context", "text", "link", "title", "button", "path",
    ]  # fmt: skip


def test_normalize_message_returns_a_dict_around_a_content() -> None:
    message = received(user_data={"mine": 1})
    assert types.normalize_message(message, text="new", recipients=OWL) == {
        "subtype": "text",
        "channel_id": "CH",
        "content": MessageContent(text="new"),
        "recipients": ["OWL"],
        "sender": "ADA",
        "context": {"mood": "good"},
        "user_data": {"mine": 1},
    }
    assert message == received(user_data={"mine": 1})
    with pytest.raises(ValueError, match="needs a channel_id"):
        types.normalize_message("hi")


def test_normalize_message_passes_every_argument_on() -> None:
    normal = types.normalize_message(
        "hello", "C", OWL, ["ADA"], "file", 4, "name", {"c": 1}, "longer", "l", "T", "b", "p.pdf"
    )
    assert normal["content"] == MessageContent(
        text="long...6 chars", path="p.pdf", filename="name", link="l", title="T", button="b"
    )
    assert (normal["subtype"], normal["sender"], normal["context"]) == ("file", "OWL", {"c": 1})


def test_user_data_passes_through() -> None:
    assert compose(received(user_data=5)).user_data == 5
    assert compose(types.as_plain(received(user_data={"a": 1}))).user_data == {"a": 1}
    assert compose(received(user_data=5), user_data={"b": 2}).user_data == {"b": 2}


def test_payload_as_dict_with_a_dict_and_with_a_dataclass() -> None:
    body = {"items": (types.CanvasItem("hi"),)}
    assert types.payload_as_dict("update", body, "SVC", "REQ") == {
        "type": "update", "request_id": "REQ", "character_id": "SVC",
        "body": {"items": [{"text": "hi", "path": None}]},
    }  # fmt: skip
    copied = types.CopyBody("R", "update", True)
    assert types.payload_as_dict("copy", copied, "SVC", "REQ") == {
        "type": "copy", "request_id": "REQ", "user_id": "SVC",
        "body": {"request_id": "R", "origin_type": "update", "status": True, "context": None},
    }  # fmt: skip
    assert types.payload_as_dict("message_down", {}, "SVC", "REQ")["service_id"] == "SVC"
    assert "service_id" not in types.payload_as_dict("message_up", {}, "SVC", "REQ")


def test_recv_tmp_convert_marks_unknown_recipients_of_messages_down() -> None:
    assert types.recv_tmp_convert("on_message_down", {"a": 1}) == {
        "a": 1,
        "recipients": ["<Unknown>"],
    }
    assert types.recv_tmp_convert("on_message_down", {"recipients": []}) == {"recipients": []}
    assert types.recv_tmp_convert("on_message_up", {}) == {}
