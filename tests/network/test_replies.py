"""What replies mean, told by literal ones."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.errors import BadResponseException, Unauthorized
from moobius.network import replies
from moobius.network.replies import HistoryMessage, ServiceEntry, checked
from moobius.network.transport import Reply

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def reply(body: Any, status: int = 200) -> Reply:
    text = body if isinstance(body, str) else json.dumps(body)
    return Reply(status, text, None if isinstance(body, str) else body)


def test_a_good_reply_is_its_data() -> None:
    assert checked(reply({"code": 10000, "data": [1]}), "GET /x") == [1]
    assert checked(reply({"code": 204}), "GET /x") is None
    assert checked(reply("", 204), "POST /x") is None


@pytest.mark.defect("D54")
@pytest.mark.parametrize(
    ("body", "status", "says", "code"),
    [
        ({"code": 10002, "message": "Channel not found"}, 200, "Channel not found", 10002),
        ({"code": 10001, "msg": "older key"}, 200, "older key", 10001),
        ("<html><h1>502 Bad\n gateway</h1></html>", 502, "502 Bad gateway", 502),
        ('{"code": 10000, "da', 200, '"da', 200),
        ("", 500, "an empty reply", 500),
        ([], 200, "not the Platform's format", 200),
        ({"no": "code"}, 200, "not the Platform's format", 200),
    ],
)
def test_a_bad_reply_is_an_error_that_says_why(
    body: Any, status: int, says: str, code: int
) -> None:
    with pytest.raises(BadResponseException, match=says) as caught:
        checked(reply(body, status), "GET /x")
    assert caught.value.code == code
    assert str(caught.value).startswith("GET /x: ")


def test_an_invalid_token_is_unauthorized() -> None:
    with pytest.raises(Unauthorized):
        checked(reply({"code": 10005, "message": "Invalid access_token"}), "GET /x")


@pytest.mark.defect("D54")
@given(JSON)
def test_any_json_is_data_or_one_clear_error(body: Any) -> None:
    try:
        checked(Reply(200, json.dumps(body), body), "GET /x")
    except BadResponseException as error:
        assert str(error).startswith("GET /x: ")
    else:
        assert body["code"] in (10000, 204)


def test_a_page_becomes_its_words() -> None:
    page = """<!DOCTYPE html><html><head><title>504 &amp; more</title>
        <style>h1 { color: red }</style><script>let x = "<b>";</script></head>
        <body><!-- no --><h1>Gateway   time-out</h1></body></html>"""
    assert replies.summary(page) == "504 & more Gateway time-out"


def test_a_text_that_is_no_page_stays_and_is_cut() -> None:
    assert replies.summary("1 < 2 and 3 > 2") == "1 < 2 and 3 > 2"
    assert len(replies.summary("x" * 10_000)) < 250


def test_what_is_no_json_is_raised_or_kept() -> None:
    assert replies.failed_json_analyze("oops", 500, raise_error=False) == {
        "blob": "oops",
        "code": 500,
    }
    with pytest.raises(BadResponseException, match="oops") as caught:
        replies.failed_json_analyze("oops", 500)
    assert caught.value.code == 500
    assert replies.envelope_of(reply("", 204)) == {"blob": "", "code": 204}
    assert replies.envelope_of(reply("[1", 200), False)["blob"] == "[1"


@pytest.mark.defect("D58")
@pytest.mark.parametrize(
    "profile",
    [
        {"character_id": "OWL"},
        {"character_id": "OWL", "character_context": None},
        {"character_id": "OWL", "character_context": {"name": None, "x": 1}},
        {"character_id": "OWL", "character_context": ["odd"]},
    ],
)
def test_a_profile_may_lack_anything_but_its_id(profile: dict[str, Any]) -> None:
    owl = replies.character(profile)
    assert (owl.character_id, owl.name, owl.avatar, owl.description) == ("OWL", "", None, None)
    assert replies.characters([profile, {}, "odd"], "GET /x") == [owl]


def test_ids_are_found_in_texts_and_objects() -> None:
    data = ["a", {"channel_id": "b", "more": 1}, {"other": "c"}, None, 4]
    assert replies.ids(data, "channel_id", "GET /x") == ["a", "b"]
    assert replies.ids(None, "channel_id", "GET /x") == []
    with pytest.raises(BadResponseException, match="expected a list"):
        replies.ids("abc", "channel_id", "GET /x")


def test_an_unknown_group_is_none_and_an_empty_one_is_not() -> None:
    assert replies.members([], "GET /x") is None
    assert replies.members({}, "GET /x") is None
    assert replies.members({"characters": []}, "GET /x") == []


@pytest.mark.defect("D55")
def test_a_service_is_a_dict_whose_text_is_its_id() -> None:
    service = ServiceEntry({"service_id": "SVC", "channel_ids": ["CH"]})
    assert str(service) == f"{service}" == "SVC"
    assert service == {"service_id": "SVC", "channel_ids": ["CH"]}


@pytest.mark.defect("D56")
def test_a_message_of_the_past_has_keys_and_attributes() -> None:
    message = HistoryMessage({"message_id": "M", "content": {"text": "tea"}, "to": [{"id": 1}]})
    assert message.message_id == message["message_id"] == "M"
    assert message.content.text == message["content"]["text"] == "tea"
    assert message.to[0].id == 1
    with pytest.raises(AttributeError, match=r"no 'sender', only message_id"):
        _ = message.sender
    assert getattr(message, "sender", None) is None
    for again in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert again == message and again.content.text == "tea"
