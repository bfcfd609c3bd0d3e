"""One connection: its time limits, and that a failure is for good."""

from __future__ import annotations

import pytest

from moobius.errors import NotAuthentic, ProtocolError
from moobius.messaging import Limits, MessageManager, SharedKey
from moobius.messaging.framing import Message
from moobius.messaging.session import Session, sooner

LAND = MessageManager.create_action_message("land")


def session(key: SharedKey | None = None, limits: Limits | None = None) -> Session:
    return Session(limits or Limits(), key, "client", 10.0)


def test_without_a_key_it_is_ready_and_says_nothing() -> None:
    one = session()
    assert one.is_ready
    assert one.greeting == b""
    assert one.deadline is None


def test_with_a_key_it_greets_and_has_to_be_proved_to() -> None:
    one = session(SharedKey.new())
    assert b'"role": "client"' in one.greeting
    assert not one.is_ready
    assert one.deadline == 15.0
    one.expire(14.9)
    with pytest.raises(NotAuthentic):
        one.expire(15.0)


def test_a_hello_that_was_refused_cannot_be_followed_by_a_better_one() -> None:
    one = session(SharedKey.new())
    one.receive(MessageManager.create_message(b"{}", "json", "auth"), 11.0)
    event = one.decoder.next_event()
    assert isinstance(event, Message)
    with pytest.raises(NotAuthentic) as first:
        one.take_handshake(event.content)
    with pytest.raises(NotAuthentic) as second:
        one.receive(session(SharedKey.new()).greeting, 11.0)
    assert second.value is first.value


def test_an_incomplete_message_has_its_time_from_its_last_byte() -> None:
    one = session(limits=Limits(incomplete_s=5.0))
    one.receive(LAND[:1], 20.0)
    assert one.is_inside_message
    assert one.decoder.next_event() is None
    assert one.deadline == 25.0
    one.receive(LAND[1:20], 24.0)
    assert one.decoder.next_event() is None
    assert one.deadline == 29.0
    with pytest.raises(ProtocolError, match="incomplete for 5 s"):
        one.expire(29.0)


def test_the_time_limit_can_be_switched_off() -> None:
    one = session(limits=Limits(incomplete_s=None))
    one.receive(LAND[:1], 20.0)
    assert one.deadline is None
    one.expire(10**9)


@pytest.mark.parametrize(
    ("one", "other", "first"),
    [(None, None, None), (1.0, None, 1.0), (None, 2.0, 2.0), (3.0, 2.0, 2.0)],
)
def test_the_sooner_of_two_times(
    one: float | None, other: float | None, first: float | None
) -> None:
    assert sooner(one, other) == first
