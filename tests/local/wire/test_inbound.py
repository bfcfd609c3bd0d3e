"""Reading frames: pure, table by table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moobius.local.model.refusal import Refused
from moobius.local.wire import inbound, items

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: (
        st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=8), each, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = ("subtype", "channel_id", "content", "recipients", "arguments", "context", "sender")
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
BODIES = st.dictionaries(st.sampled_from([*FIELDS, "button_id", "menu_item_id"]), JSON)


def _request(**frame: Any) -> inbound.Request:
    return inbound.read(json.dumps({"request_id": "REQ-1", **frame}))


@unhurried
@given(st.sampled_from(["message_up", "message_down", "update", "action"]), BODIES)
def test_any_body_is_read_or_refused_never_anything_else(kind: str, body: Any) -> None:
    readers = {
        "message_up": inbound.message_up,
        "message_down": inbound.message_down,
        "update": inbound.update,
        "action": inbound.action,
    }
    try:
        readers[kind](_request(type=kind, body=body))
    except Refused as refusal:
        assert refusal.message


@unhurried
@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_read_or_unreadable(text: str) -> None:
    try:
        assert inbound.read(text).frame["type"] is not None
    except inbound.Unreadable as error:
        assert str(error)


def test_nesting_is_bounded_and_brackets_in_texts_do_not_count() -> None:
    deep: Any = {}
    for _ in range(inbound.DEEPEST + 1):
        deep = [deep]
    with pytest.raises(inbound.Unreadable, match="nested deeper"):
        _request(type="update", body={"content": deep})
    text = '[{"\\' * 1000
    assert _request(type="x", body={"text": text}).body == {"text": text}


@pytest.mark.parametrize("ending", ["", "\\", '\\"'])
def test_a_text_that_never_ends_holds_nobody_up(ending: str) -> None:
    # Taken anew from each of its quotes, this took minutes, and the whole Platform stood still.
    frame = "[" * (inbound.DEEPEST + 1) + '"' + '\\"' * 60_000 + ending
    with pytest.raises(inbound.Unreadable, match="nested deeper"):
        inbound.read(frame)


@pytest.mark.parametrize(
    ("older", "modern"),
    [
        ("update_context_menu", "menu"),
        ("update_menu", "menu"),
        ("update_playground", "canvas"),
        ("update_style", "style"),
        ("update_buttons", "buttons"),
        ("buttons", "buttons"),
    ],
)
def test_6_4_update_subtypes(older: str, modern: str) -> None:
    body = {"subtype": older, "channel_id": "CH", "content": []}
    assert inbound.update(_request(type="update", body=body)).subtype == modern


@pytest.mark.parametrize("subtype", sorted(inbound.FETCHES))
def test_6_4_every_fetch_is_a_refresh(subtype: str) -> None:
    request = _request(type="action", body={"subtype": subtype, "channel_id": "CH"})
    assert inbound.is_fetch(request)
    assert inbound.action(request).subtype == "refresh"


def test_6_3_a_menu_item_of_1_3_7() -> None:
    item = {"item_name": "Quote", "item_id": "quote", "support_subtype": ["text"]}
    assert items.menu_item({**item, "new_window": False}) == {
        "menu_item_id": "quote",
        "menu_item_text": "Quote",
        "message_subtypes": ["text"],
        "dialog": None,
    }


def test_6_3_bottom_buttons_of_1_3_7() -> None:
    old = {"button_id": "b", "button_name": "B", "new_window": True, "arguments": None}
    old["bottom_buttons"] = [{"text": "Go", "type": "confirm"}, {"text": "No", "type": "cancel"}]
    assert items.button(old)["dialog"]["bottom_buttons"] == [
        {"id": "go", "text": "Go", "submit": True},
        {"id": "no", "text": "No", "submit": False},
    ]


def test_3_12_expand_as_a_word_and_old_widget_names() -> None:
    style = items.style_item({"widget": "playground", "display": "visible", "expand": "true"})
    assert (style["widget"], style["expand"]) == ("canvas", True)


def _parts(dialog: Any) -> Any:
    return items.button({"button_id": "b", "button_text": "B", "dialog": dialog})["dialog"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *((True, True), (False, False), ("true", True), ("False", False), (None, None)),
        *((1, True), (0, False), ("", False)),
    ],
)
def test_3_12_words_for_booleans_mean_what_they_say(word: Any, meant: bool | None) -> None:
    (component,) = _parts({"components": [{"label": "l", "required": word}]})["components"]
    assert component["required"] is bool(meant)
    (component,) = _parts({"components": [{"name": "l", "optional": word}]})["components"]
    assert component["required"] is (meant is False)
    (bottom,) = _parts({"bottom_buttons": [{"id": "no", "submit": word}]})["bottom_buttons"]
    assert bottom["submit"] is (meant is not False)
    assert items.style_item({"widget": "canvas", "expand": word})["expand"] is meant
    old = {"feature_id": "b", "feature_name": "B", "new_window": word, "arguments": []}
    assert (items.button(old)["dialog"] is not None) is bool(meant)


@pytest.mark.parametrize("wrong", ["yes", "none", 2, 1.5, [], {}])
def test_3_12_what_is_no_boolean_is_refused_by_name(wrong: Any) -> None:
    for field, item in {
        "dialog.components.required": {"components": [{"label": "l", "required": wrong}]},
        "dialog.components.optional": {"components": [{"label": "l", "optional": wrong}]},
        "dialog.bottom_buttons.submit": {"bottom_buttons": [{"id": "b", "submit": wrong}]},
    }.items():
        with pytest.raises(Refused, match=f"^{field} must be true or false$"):
            _parts(item)
    with pytest.raises(Refused, match=r"^expand must be true or false$"):
        items.style_item({"widget": "canvas", "expand": wrong})
    with pytest.raises(Refused, match=r"^new_window must be true or false$"):
        items.button({"button_id": "b", "button_text": "B", "new_window": wrong})


@pytest.mark.parametrize("wrong", ["yes", True, 1, ["a"]])
def test_3_12_a_dialog_is_an_object_or_none(wrong: Any) -> None:
    with pytest.raises(Refused, match=r"^dialog must be an object$"):
        _parts(wrong)
    assert _parts(None) is _parts(False) is None


@pytest.mark.parametrize("timestamp", ["soon", -1, 253_402_300_800_000, 2**60, True, 1.5, None])
def test_a_senseless_timestamp_is_left_to_the_platform(timestamp: Any) -> None:
    body = {"channel_id": "CH", "content": {}, "timestamp": timestamp}
    assert inbound.message_up(_request(type="message_up", body=body)).timestamp is None
