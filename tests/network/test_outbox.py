"""The rules of delivery, on examples and against a plain model (architecture 4.3)."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from moobius.network.outbox import Outbox, Outgoing


def frame(request_id: str, *, is_message: bool = True) -> Outgoing:
    return Outgoing(request_id, f"text of {request_id}", "message_down", is_message)


def filled(*request_ids: str) -> Outbox:
    outbox = Outbox(100)
    for request_id in request_ids:
        outbox.put(frame(request_id))
    return outbox


def take_all(outbox: Outbox, now: float = 0.0) -> list[str]:
    taken = []
    while outbox.has_queued:
        taken.append(outbox.take(now).request_id)
    return taken


def always(_: Outgoing) -> bool:
    return True


def test_frames_leave_in_the_order_they_were_put_in() -> None:
    assert take_all(filled("1", "2", "3")) == ["1", "2", "3"]


def test_a_frame_is_kept_until_it_is_answered() -> None:
    outbox = filled("1", "2")
    assert len(outbox) == 2
    taken = outbox.take(now=5.0)
    assert (taken.request_id, taken.sent_at, taken.text) == ("1", 5.0, "text of 1")
    assert len(outbox) == 2
    assert outbox.acknowledge("1") is taken
    assert len(outbox) == 1
    assert outbox.acknowledge("1") is None
    assert outbox.acknowledge("never ours") is None
    assert outbox.acknowledge("2") is None  # it was not sent yet
    assert take_all(outbox) == ["2"]


def test_after_a_lost_connection_the_unanswered_come_before_the_queued() -> None:
    outbox = filled("1", "2", "3", "4")
    for _ in range(3):
        outbox.take(0.0)
    outbox.acknowledge("2")
    assert outbox.connection_lost(always) == []
    assert len(outbox) == 3
    assert take_all(outbox) == ["1", "3", "4"]


def test_what_may_not_be_sent_twice_is_given_back() -> None:
    outbox = Outbox(100)
    sent = [frame("1"), frame("2", is_message=False), frame("3"), frame("4", is_message=False)]
    for one in sent:
        outbox.put(one)
        outbox.take(0.0)
    outbox.put(frame("5"))
    assert outbox.connection_lost(lambda one: not one.is_message) == [sent[0], sent[2]]
    assert take_all(outbox) == ["2", "4", "5"]


def test_a_frame_that_was_never_answered_is_let_go() -> None:
    outbox = filled("1", "2", "3")
    first, second = outbox.take(10.0), outbox.take(20.0)
    assert outbox.let_go(sent_before=10.0) == []
    assert outbox.let_go(sent_before=15.0) == [first]
    assert len(outbox) == 2
    assert outbox.acknowledge("1") is None
    assert outbox.let_go(sent_before=1e9) == [second]
    assert take_all(outbox) == ["3"]


def test_a_frame_that_is_sent_again_waits_anew() -> None:
    outbox = filled("1")
    outbox.take(10.0)
    outbox.connection_lost(always)
    assert outbox.let_go(sent_before=1e9) == []  # it waits to be written, not for an answer
    outbox.take(50.0)
    assert outbox.let_go(sent_before=50.0) == []


def test_the_queue_is_full_with_what_waits_for_an_answer_too() -> None:
    outbox = Outbox(2)
    outbox.put(frame("1"))
    assert not outbox.is_full
    outbox.put(frame("2"))
    assert outbox.is_full
    outbox.take(0.0)
    assert outbox.is_full
    outbox.acknowledge("1")
    assert not outbox.is_full


class Delivery(RuleBasedStateMachine):
    """An outbox beside a Platform that recognises repeats: each frame arrives once, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.outbox = Outbox(10)
        self.now = 0.0
        self.put: list[str] = []
        self.waiting: list[str] = []  # the plain model: everything not yet answered, in order
        self.in_flight: list[str] = []  # written to this connection; copies not yet back
        self.arrived: list[str] = []
        self.given_up: list[str] = []
        self.messages: set[str] = set()

    @rule(is_message=st.booleans())
    def send(self, is_message: bool) -> None:
        name = str(len(self.put))
        self.put.append(name)
        self.waiting.append(name)
        if is_message:
            self.messages.add(name)
        self.outbox.put(frame(name, is_message=is_message))

    @precondition(lambda self: self.outbox.has_queued)
    @rule(arrives=st.booleans())
    def write(self, arrives: bool) -> None:
        self.now += 1.0
        name = self.outbox.take(self.now).request_id
        assert name == self.waiting[len(self.in_flight)]
        self.in_flight.append(name)
        # The connection is ordered: a frame arrives only if those written before it did.
        whole = all(earlier in self.arrived for earlier in self.in_flight[:-1])
        if arrives and whole and name not in self.arrived:
            self.arrived.append(name)

    @precondition(lambda self: any(name in self.arrived for name in self.in_flight))
    @rule(data=st.data())
    def copy_comes(self, data: Any) -> None:
        name = data.draw(st.sampled_from([n for n in self.in_flight if n in self.arrived]))
        answered = self.outbox.acknowledge(name)
        assert answered is not None
        assert answered.request_id == name
        self.in_flight.remove(name)
        self.waiting.remove(name)

    @rule()
    def connection_lost(self) -> None:
        assert self.outbox.connection_lost(always) == []
        self.in_flight.clear()

    @rule()
    def connection_lost_without_repeating_messages(self) -> None:
        lost = [f.request_id for f in self.outbox.connection_lost(lambda f: not f.is_message)]
        assert lost == [name for name in self.in_flight if name in self.messages]
        self.given_up += lost
        self.waiting = [name for name in self.waiting if name not in lost]
        self.in_flight.clear()

    @rule(age=st.integers(1, 5))
    def let_go(self, age: int) -> None:
        for old in self.outbox.let_go(self.now - age):
            assert old.sent_at < self.now - age
            self.given_up.append(old.request_id)
            self.in_flight.remove(old.request_id)
            self.waiting.remove(old.request_id)

    @invariant()
    def it_holds_what_the_model_holds(self) -> None:
        assert len(self.outbox) == len(self.waiting)
        assert self.outbox.has_queued == (len(self.waiting) > len(self.in_flight))
        assert self.outbox.is_full == (len(self.waiting) >= 10)

    @invariant()
    def nothing_is_out_of_order_or_twice(self) -> None:
        assert self.arrived == sorted(set(self.arrived), key=int)

    def teardown(self) -> None:
        """In the end a good connection delivers everything that was not given up."""
        self.outbox.connection_lost(always)
        for name in take_all(self.outbox):
            if name not in self.arrived:
                self.arrived.append(name)
            assert self.outbox.acknowledge(name) is not None
        assert len(self.outbox) == 0
        self.nothing_is_out_of_order_or_twice()
        assert set(self.arrived) | set(self.given_up) == set(self.put)


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
