"""Stamps: the clock's time, each later than the one before, never far ahead."""

from __future__ import annotations

import time

from moobius.stamps import MOST_AHEAD, Stamps, now_ms


def _stamps_of(*times: int) -> list[int]:
    clock = iter(times)
    stamps = Stamps(lambda: next(clock))
    return [stamps.next() for _ in times]


def test_a_stamp_is_the_time_of_the_clock() -> None:
    assert _stamps_of(5, 7, 1000) == [5, 7, 1000]
    before = time.time() * 1000 - 1
    assert before < Stamps().next() < time.time() * 1000 + 1
    assert before < now_ms() < time.time() * 1000 + 1


def test_several_of_one_millisecond_follow_each_other() -> None:
    assert _stamps_of(5, 5, 5, 6, 7, 20) == [5, 6, 7, 8, 9, 20]


def test_a_clock_put_back_a_little_does_not_put_stamps_back() -> None:
    assert _stamps_of(500, 400, 401) == [500, 501, 502]


def test_stamps_are_a_second_ahead_at_most() -> None:
    stamps = _stamps_of(*[5] * (MOST_AHEAD + 10), 6)
    assert max(stamps) == 6 + MOST_AHEAD
    assert len(set(stamps)) == MOST_AHEAD + 2
    assert _stamps_of(10_000_000, 5, 5) == [10_000_000, 5 + MOST_AHEAD, 5 + MOST_AHEAD]
