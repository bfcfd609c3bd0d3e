"""Which callback is called, and what becomes of one that is missing or raises."""

from __future__ import annotations

from threading import Lock

import pytest

from moobius.errors import QueueFull
from moobius.messaging import Callbacks, Limits, Link
from moobius.messaging.callbacks import dispatch
from moobius.messaging.messages import Action, Request


@pytest.fixture
def link() -> Link:
    """A link that is connected."""
    link = Link(name="the peer")
    link.connection_made("server", 0.0)
    return link


def test_a_callback_gets_the_connection_and_the_arguments(link: Link) -> None:
    got = []
    known = Callbacks()

    @known.on("x")
    def callback(connection: object, *args: object, **kwargs: object) -> None:
        got.append((connection, args, kwargs))

    dispatch(link, Action("x", [1], {"a": 2}), "me", known.actions, known.requests)
    assert got == [("me", (1,), {"a": 2})]
    assert callback.__name__ == "callback"


def test_what_a_request_returns_is_its_answer_and_what_an_action_returns_is_nothing(
    link: Link,
) -> None:
    known = Callbacks()
    known.on("x")(lambda connection: 5)
    known.on_request("x")(lambda connection: None)
    dispatch(link, Action("x", [], {}), None, known.actions, known.requests)
    assert len(link.outbox) == 0
    dispatch(link, Request("x", "1", [], {}, False), None, known.actions, known.requests)
    assert b'{"value": null}' in bytes(link.data_to_send(10**6))


def test_a_missing_or_raising_callback_is_logged_with_its_name_and_no_arguments(
    link: Link, log: list[str]
) -> None:
    known = Callbacks()
    known.on("raises")(lambda connection, secret: 1 // 0)
    dispatch(link, Action("nobody", ["s3cret"], {}), None, known.actions, known.requests)
    for args in (["s3cret"], []):  # the second does not even fit
        dispatch(link, Action("raises", args, {}), None, known.actions, known.requests)
    dispatch(link, Request("nobody", "1", ["s3cret"], {}, True), None, {}, {})
    text = "".join(log)
    assert "WARNING the peer: no callback for the action 'nobody'" in text
    assert "WARNING the peer: no callback for the request 'nobody'" in text
    assert "ERROR the peer: the callback for 'raises' raised" in text
    assert "ZeroDivisionError" in text
    assert "TypeError" in text
    assert len(link.outbox) == 0


def test_an_answer_that_does_not_fit_is_for_the_shell_to_end() -> None:
    link = Link(limits=Limits(queue_messages=0))
    link.connection_made("server", 0.0)
    known = Callbacks()
    known.on_request("x")(lambda connection: 1)
    with pytest.raises(QueueFull):
        dispatch(link, Request("x", "1", [], {}, False), None, known.actions, known.requests)


def test_a_later_callback_takes_the_place_of_the_first() -> None:
    known = Callbacks()
    known.on("x")(print)
    known.on("x")(repr)
    assert known.actions == {"x": repr}
    for register in (known.on, known.on_request):
        with pytest.raises(ValueError, match="filetransfer"):
            register("filetransfer")


def test_the_guard_is_held_around_everything_but_the_callback(link: Link) -> None:
    guard, held = Lock(), []
    known = Callbacks()
    known.on_request("x")(lambda connection: held.append(guard.locked()))
    known.on_request("raises")(lambda connection: 1 // 0)
    for name in ("x", "raises", "nobody"):
        arrival = Request(name, "1", [], {}, False)
        dispatch(link, arrival, None, known.actions, known.requests, guard=guard)
    assert held == [False]
    assert not guard.locked()
