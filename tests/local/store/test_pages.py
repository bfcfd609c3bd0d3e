"""Where a page ends: a page after the other, nothing is left out and nothing comes twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moobius.local.store.pages import MOST_MESSAGES, Row, page_of

PLENTY = 10**9


def page(times: list[int], limit: int, most_bytes: int = PLENTY, size: int = 1) -> list[int]:
    return page_of([(Row(at, size), at) for at in times], limit, most_bytes)


@pytest.mark.parametrize(
    ("times", "limit", "expected"),
    [
        ([5, 4, 3], 2, [5, 4]),
        ([5, 4, 4, 4, 3], 2, [5, 4, 4, 4]),
        ([5, 5, 5], 1, [5, 5, 5]),
        ([5], 64, [5]),
        ([], 64, []),
    ],
)
def test_a_page_goes_on_to_the_end_of_a_millisecond(
    times: list[int], limit: int, expected: list[int]
) -> None:
    assert page(times, limit) == expected


def test_it_ends_before_one_that_does_not_fit() -> None:
    assert page([9, 8, 7, 7, 6], 64, most_bytes=30, size=10) == [9, 8]
    assert page([9, 8, 7, 7, 6], 64, most_bytes=40, size=10) == [9, 8, 7, 7]
    assert len(page([9, *[8] * MOST_MESSAGES], 2)) == 1


def test_of_one_that_fits_no_page_there_are_the_latest() -> None:
    assert page([9, 9, 9], 64, most_bytes=20, size=10) == [9, 9]
    assert page([9, 8], 64, most_bytes=5, size=10) == [9], "one message at any size"
    assert len(page([9] * 2000, 64)) == MOST_MESSAGES


def test_no_more_is_read_than_needed() -> None:
    rows = ((Row(at, 10), at) for at in range(100, 0, -1))
    assert page_of(rows, 64, 30) == [100, 99, 98]
    assert next(rows)[1] == 96


@given(
    times=st.lists(st.integers(0, 20), max_size=60),
    limit=st.integers(1, 10),
    most_bytes=st.integers(60, 100),
)
def test_pages_together_are_the_whole_history(
    times: list[int], limit: int, most_bytes: int
) -> None:
    newest_first = sorted(times, reverse=True)
    found: list[int] = []
    while following := page([at for at in newest_first if at < min(found, default=99)], limit):
        assert len(following) <= most_bytes
        found += following
    assert found == newest_first
