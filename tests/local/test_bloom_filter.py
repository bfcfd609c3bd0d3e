"""A Bloom filter may be wrong in one direction only, and seldom."""

from __future__ import annotations

import itertools
import uuid

import pytest

from moobius.local.bloom_filter import RotatingBloomFilter


@pytest.mark.parametrize("lately", [2, 100, 1000])
def test_what_was_added_lately_may_always_be_there(lately: int) -> None:
    seen, ids = RotatingBloomFilter(lately), [str(uuid.uuid4()) for _ in range(5 * lately)]
    step = max(1, lately // 10)
    for number, each in enumerate(ids, 1):
        seen.add(each)
        if number % step < 2:  # also when it has just moved on
            assert all(map(seen.may_contain, ids[max(0, number - lately) : number]))


def test_what_was_not_is_nearly_always_known_not_to_be() -> None:
    seen = RotatingBloomFilter(1000)
    counted = (f"REQ-{number}" for number in itertools.count())
    for each in itertools.islice(counted, 10_000):
        seen.add(each)
    wrong = sum(map(seen.may_contain, itertools.islice(counted, 10_000)))
    assert wrong < 1000
    long_ago = sum(seen.may_contain(f"REQ-{number}") for number in range(5000))
    assert long_ago < 500


def test_it_takes_little() -> None:
    seen = RotatingBloomFilter(4096)
    for number in range(20_000):
        seen.add(str(number))
    assert len(seen._current) + len(seen._previous) <= 4 * 4096
