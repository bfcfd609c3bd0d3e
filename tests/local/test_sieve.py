"""A sieve may be wrong in one direction only, and seldom."""

from __future__ import annotations

import itertools
import uuid

import pytest

from moobius.local.sieve import Sieve


@pytest.mark.parametrize("lately", [2, 100, 1000])
def test_what_was_added_lately_may_always_be_there(lately: int) -> None:
    sieve, ids = Sieve(lately), [str(uuid.uuid4()) for _ in range(5 * lately)]
    for number, each in enumerate(ids, 1):
        sieve.add(each)
        assert all(map(sieve.may_have, ids[max(0, number - lately) : number]))


def test_what_was_not_is_nearly_always_known_not_to_be() -> None:
    sieve = Sieve(1000)
    counted = (f"REQ-{number}" for number in itertools.count())
    for each in itertools.islice(counted, 10_000):
        sieve.add(each)
    wrong = sum(map(sieve.may_have, itertools.islice(counted, 10_000)))
    assert wrong < 1000
    long_ago = sum(sieve.may_have(f"REQ-{number}") for number in range(5000))
    assert long_ago < 500


def test_it_takes_little() -> None:
    sieve = Sieve(4096)
    for number in range(20_000):
        sieve.add(str(number))
    assert len(sieve._now) + len(sieve._before) <= 4 * 4096
