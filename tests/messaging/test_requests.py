"""Pending requests: their ids, their order, their time."""

from __future__ import annotations

import random
import weakref

import pytest

from moobius.errors import TooManyRequests
from moobius.messaging.messages import Encoded
from moobius.messaging.requests import (
    ANSWERED_AT_MOST,
    RESTING_IDS,
    Pending,
    PendingRequests,
)


def add(requests: PendingRequests, name: str = "x", deadline: float | None = None) -> Pending:
    pending = Pending(requests.new_id(), name, Encoded(b"{}"), deadline=deadline)
    requests.add(pending)
    return pending


def test_ids_are_four_digits_and_never_collide_even_when_all_are_taken() -> None:
    requests = PendingRequests(rng=random.Random(1))
    ids = [add(requests).request_id for _ in range(10_000)]
    assert sorted(ids) == [f"{number:04}" for number in range(10_000)]
    more = [add(requests).request_id for _ in range(50)]
    assert len(set(more)) == 50
    assert {len(request_id) for request_id in more} == {5}
    assert [pending.request_id for pending in requests] == ids + more


def test_an_id_rests_before_it_is_drawn_again() -> None:
    requests = PendingRequests(rng=random.Random(1))
    used = []
    for _ in range(RESTING_IDS):
        pending = add(requests)
        requests.remove(pending)
        used.append(pending.request_id)
    assert len(set(used)) == RESTING_IDS


def test_only_id_and_name_together_find_a_request() -> None:
    requests = PendingRequests()
    pending = add(requests, "time")
    assert requests.find(pending.request_id, "time") is pending
    assert requests.find(pending.request_id, "date") is None
    assert requests.find("none", "time") is None
    assert requests.remove(pending)
    assert not requests.remove(pending)
    assert len(requests) == 0


def test_there_may_be_only_so_many() -> None:
    requests = PendingRequests(limit=2)
    add(requests)
    gone = add(requests)
    with pytest.raises(TooManyRequests):
        requests.new_id()
    requests.remove(gone)
    assert requests.new_id()


def test_time_runs_out_in_order_and_for_those_alone_that_still_wait() -> None:
    requests = PendingRequests()
    late, never, soon, answered = (add(requests, deadline=at) for at in (9.0, None, 3.0, 1.0))
    requests.remove(answered)
    assert requests.next_deadline == 3.0
    assert requests.expire(2.9) == []
    assert requests.expire(20.0) == [soon, late]
    assert requests.next_deadline is None
    assert list(requests) == [never]


def test_requests_of_another_are_taken_over_unless_their_ids_are_taken() -> None:
    one, other = PendingRequests(), PendingRequests()
    both = Pending("0001", "x", Encoded(b"{}")), Pending("0001", "y", Encoded(b"{}"))
    one.add(both[0])
    other.add(both[1])
    moved = Pending("0002", "z", Encoded(b"{}"), deadline=5.0)
    other.add(moved)
    assert one.take_over(other) == [both[1]]
    assert list(one) == [both[0], moved]
    assert one.next_deadline == 5.0
    assert len(other) == 0


def test_answered_requests_leave_nothing_but_their_last_ids() -> None:
    requests = PendingRequests()
    for _ in range(RESTING_IDS + 100):
        pending = add(requests, deadline=9.0)
        assert requests.remove(pending)
    assert requests._timed == []
    assert len(requests._resting) == RESTING_IDS
    assert list(requests._resting)[-1] == pending.request_id


class Owner:
    """Something that tells whether it is still there."""


def test_what_was_answered_is_not_kept_behind_one_that_is_not() -> None:
    requests = PendingRequests()
    waiting = add(requests, deadline=1.0)
    answered = []
    for number in range(2_000):
        pending = add(requests, deadline=2.0 + number)
        pending.owner = Owner()
        answered.append(weakref.ref(pending.owner))
        requests.remove(pending)
    del pending
    assert len(requests._timed) <= 2 + ANSWERED_AT_MOST
    assert all(each() is None for each in answered)
    assert requests.next_deadline == 1.0
    assert requests.expire(1.0) == [waiting]
    assert requests.next_deadline is None
