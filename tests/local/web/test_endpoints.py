"""What the conformance suite, which has the endpoints one by one, does not ask about them."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import pytest

from moobius.local import Limits
from moobius.local.model.refusal import Code, Refused
from moobius.local.store.protocol import Message
from moobius.local.web import channels
from moobius.local.web.app import ENDPOINTS
from moobius.local.web.call import Parameters
from moobius.local.web.envelope import HttpRefused
from tests.support.raw_http import ask
from tests.support.wire import Person, Wire

LIMITS = Limits(name_chars=4, text_chars=8)


def parameters(body: dict[str, Any] | None = None, **query: list[str]) -> Parameters:
    return Parameters(query, body or {}, LIMITS)


def test_the_query_goes_before_the_body_and_the_first_name_before_the_others() -> None:
    both = parameters({"a": "body", "b": "body"}, a=["query", "last"])
    assert both.value("a") == "last"
    assert both.value("b", "a") == "body"
    assert both.value("c") is None


@pytest.mark.parametrize("body", [{}, {"x": None}])
def test_null_is_absent(body: dict[str, Any]) -> None:
    given = parameters(body)
    assert given.optional("x") is None
    assert given.text("x", "default") == "default"
    assert given.optional_ids("x") is None
    with pytest.raises(Refused, match="x is required"):
        given.required("x")
    with pytest.raises(Refused, match="x is required"):
        given.ids("x", "y")


def test_an_empty_text_is_there_and_not_enough() -> None:
    given = parameters({"x": ""})
    assert (given.optional("x"), given.text("x", "default")) == ("", "")
    with pytest.raises(Refused, match="x is required"):
        given.required("x")


def test_names_are_shorter_than_texts() -> None:
    given = parameters({"x": "12345678", "y": "123456789"})
    assert given.text("x") == "12345678"
    with pytest.raises(Refused, match="x may have at most 4 characters"):
        given.optional_name("x")
    with pytest.raises(Refused, match="y may have at most 8 characters"):
        given.text("y")


@pytest.mark.parametrize("context", ["x", [], 1])
def test_a_context_is_an_object(context: Any) -> None:
    with pytest.raises(Refused, match="context must be an object"):
        parameters({"context": context}).context()
    assert parameters({}).context().text("name") == ""


def test_a_refusal_by_http_survives_pickling() -> None:
    refusal = HttpRefused(405, Code.UNKNOWN_PATH, "no", {"Allow": "GET"})
    copy = pickle.loads(pickle.dumps(refusal))
    assert (copy.status, copy.code, copy.headers) == (405, Code.UNKNOWN_PATH, {"Allow": "GET"})


async def test_every_endpoint_takes_an_empty_and_a_wild_body_in_its_stride(
    ada: Person, log: list[str]
) -> None:
    names = ("channel_id", "username", "characters", "context", "name", "limit")
    wild = {name: {"deep": [[[None]]]} for name in names}
    for method, path in ENDPOINTS:
        token = "" if path.startswith("/auth/") else ada.token
        for body in (b"", b"{}", wild):
            reply = await ask(ada.wire.url, method, path, body=body, token=token)
            assert (path, reply.status) == (path, 200)
            assert reply.code < 10400
    assert "Traceback" not in "".join(log)


@pytest.mark.parametrize("path", ["/healthz", "/local/info"])
async def test_anybody_may_ask_how_it_is(wire: Wire, path: str) -> None:
    assert (await ask(wire.url, "GET", path)).status == 200


async def test_a_page_of_a_history_is_made_while_others_are_served(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, socket = await ada.channel(), await ada.user_socket()
    body = {"channel_id": channel, "content": {"text": "hello"}, "recipients": "service"}
    await socket.good(type="message_up", body=body)
    in_threads: list[int] = []
    with_aliases = channels._with_aliases

    def watched(message: Message) -> Message:
        in_threads.append(threading.get_ident())
        return with_aliases(message)

    monkeypatch.setattr(channels, "_with_aliases", watched)
    assert len(await ada.get("/channel/history_message", channel_id=channel)) == 1
    assert len(in_threads) == 1
    assert threading.get_ident() not in in_threads, "that of the event loop"
