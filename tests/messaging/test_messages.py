"""What headers and contents mean; the cases of the specification are in `test_link.py`."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moobius.messaging import messages
from moobius.messaging.framing import Header
from moobius.messaging.messages import (
    Action,
    Dropped,
    Encoded,
    FilePush,
    FileResponse,
    Request,
    Response,
    read,
)


def header(message_type: object, encoding: str | None = "utf-8", **fields: Any) -> Header:
    return Header({"message-type": message_type, **fields}, 0, encoding)


def decoded(encoded: Encoded) -> tuple[Header, Any]:
    fields = json.loads(encoded.header)
    is_json = fields["content-type"] == "json"
    content = json.loads(encoded.content) if is_json else None
    return Header(fields, len(encoded.content), "utf-8" if is_json else None), content


def test_what_is_encoded_is_read_again() -> None:
    assert read(*decoded(messages.encode_action("a", (1,), {"b": 2}))) == Action("a", [1], {"b": 2})
    asked = messages.encode_request("a", "0001", (1,), {"b": 2}, wants_errors=True)
    assert read(*decoded(asked)) == Request("a", "0001", [1], {"b": 2}, True)
    assert read(*decoded(messages.encode_request("a", 1))) == Request("a", 1, [], {}, False)
    assert read(*decoded(messages.encode_response("a", "1", [None]))) == Response(
        "a", "1", [None], None
    )
    failed = messages.encode_error_reply("a", "1", "unknown", "no such request")
    assert read(*decoded(failed)) == Response("a", "1", None, ("unknown", "no such request"))
    push = Encoded(messages.encode_push_header("x/y", 5))
    assert read(decoded(push)[0]) == FilePush("x/y")
    file = Encoded(messages.encode_file_response_header("1", 5))
    assert read(decoded(file)[0]) == FileResponse("filetransfer", "1")


@pytest.mark.parametrize("error", [None, 5, "x", {}, {"type": None}, {"message": ["x"] * 1000}])
def test_an_error_reply_in_any_form_is_a_failure(error: object) -> None:
    fields = {"requested_value": "a", "request_id": "1", "status": "error"}
    meaning = read(header("response", **fields), {"value": None, "error": error})
    assert isinstance(meaning, Response)
    assert meaning.failure is not None
    assert len(meaning.failure[1]) <= 400


def test_only_unknown_types_are_expected_of_an_honest_peer() -> None:
    unknowns: list[object] = ["auth", "ack", None, 5, [], {}]
    for unknown in unknowns:
        meaning = read(header(unknown), {})
        assert isinstance(meaning, Dropped)
        assert meaning.is_expected
    meaning = read(header("message"), {})
    assert isinstance(meaning, Dropped)
    assert not meaning.is_expected


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["args", "kwargs", "requested_value", "request_id", "value", "error"]),
            inner,
        )
    ),
)


@settings(deadline=None)
@given(
    message_type=st.sampled_from(["message", "request", "response", "x"]) | anything,
    encoding=st.sampled_from(["utf-8", None]),
    fields=st.dictionaries(
        st.sampled_from(["action", "filepath", "requested_value", "request_id", "status"]),
        st.sampled_from(["filetransfer", "error"]) | anything,
    ),
    content=anything,
)
def test_every_header_and_content_has_a_meaning(
    message_type: object, encoding: str | None, fields: dict[str, Any], content: object
) -> None:
    meaning = read(header(message_type, encoding, **fields), content)
    assert isinstance(meaning, (Action, Request, Response, FilePush, FileResponse, Dropped))
    assert (encoding is None) or not isinstance(meaning, (FilePush, FileResponse))
