"""What is no frame, or lacks what its type needs, is refused with the name of what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.errors import PayloadError
from moobius.network import ws_payload_builder as builder
from moobius.network.frame_check import NEEDED, as_frame, label_of
from tests.support.peer import Frame

DOWN = builder.message_down("SVC", "CH", "GRP", "text", {"text": "hi"}, "OWL")
UP = builder.message_up("ADA", "CH", "service", "text", {"text": "hi"})
GOOD = [
    DOWN,
    UP,
    builder.update("canvas", "SVC", "CH", "GRP", []),
    builder.channel_info("SVC", "CH", {"channel_name": "Tea room"}),
    builder.join_channel("ADA", "CH"),
    builder.heartbeat(),
    builder.roger("MSG-1"),
    {"type": "something new", "request_id": "REQ-1"},
]


@pytest.mark.parametrize("frame", GOOD, ids=label_of)
def test_what_the_builders_build_may_leave(frame: Frame) -> None:
    assert as_frame(frame) is frame


@pytest.mark.parametrize("request_id", [None, 5])
def test_a_frame_without_a_request_id_gets_one(request_id: Any) -> None:
    given = {"type": "roger", "request_id": request_id}
    frame = as_frame(given)
    assert isinstance(frame["request_id"], str)
    assert given == {"type": "roger", "request_id": request_id}  # not modified
    assert as_frame('{"type": "roger"}')["request_id"] != frame["request_id"]


@pytest.mark.parametrize("kind", NEEDED)
@pytest.mark.parametrize("body", [None, [], "text"])
def test_a_body_has_to_be_an_object(kind: str, body: Any) -> None:
    with pytest.raises(PayloadError, match=f"{kind} needs a `body` that is an object"):
        as_frame({"type": kind, "body": body})


@pytest.mark.parametrize("key", NEEDED["message_down"])
def test_what_a_message_needs_is_named(key: str) -> None:
    body = {**DOWN["body"], key: 5}
    with pytest.raises(PayloadError, match=f"message_down.* needs `{key}` in its body, .*, not 5"):
        as_frame({**DOWN, "body": body})


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("not json", "not JSON"),
        ("[]", "a frame is an object with a `type`, not "),
        ({"body": {}}, "a frame is an object with a `type`, not "),
        ({"type": 3}, "a frame is an object with a `type`, not "),
        (None, "a frame is an object with a `type`, not None"),
    ],
)
def test_what_is_no_frame_is_shown(message: Any, words: str) -> None:
    with pytest.raises(PayloadError, match=words):
        as_frame(message)


def test_an_error_is_short() -> None:
    with pytest.raises(PayloadError) as caught:
        as_frame({"body": "x" * 10_000})
    assert len(str(caught.value)) < 300


def test_labels() -> None:
    assert label_of(DOWN) == "message_down/text to channel CH"
    assert label_of({"type": "heartbeat", "body": {}}) == "heartbeat"
    assert label_of({"type": "user_login"}) == "user_login"
