"""Where a page of a history ends (platform.md 2.6).

A client asks for the next page with the time of the last message of this one, exclusively. So a
page ends between two milliseconds, or what was said within the same one would be on no page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

T = TypeVar("T")

MOST_MESSAGES = 1024
"""No page has more, whatever is asked for and however much was said in one millisecond."""

MOST_BYTES = 8 * 1024 * 1024
"""No page has more bytes as they are stored, unless it is told otherwise."""


class Row(NamedTuple):
    """A message that may be on a page; the item is whatever the store has of it."""

    timestamp: int
    size: int


def page_of(rows: Iterable[tuple[Row, T]], limit: int, most_bytes: int) -> list[T]:
    """Return the first page of a history.

    It has at least as many messages as are wanted, and then all the others of the same millisecond
    as the last. If that makes it too long or too large, it ends before that millisecond instead. If
    a single millisecond is too much for a page, only the latest messages of it can be had.

    Args:
        rows: The messages, newest first; no more of them are read than needed.
        limit: How many are wanted, 1 at least.
        most_bytes: How many bytes the page may have; its first message is on it at any size.
    """
    page: list[T] = []
    size = whole = 0
    last: int | None = None
    for row, item in rows:
        if row.timestamp != last:
            whole, last = len(page), row.timestamp
            if whole >= limit:
                return page
        size += row.size
        if page and (size > most_bytes or len(page) == MOST_MESSAGES):
            return page[: whole or None]
        page.append(item)
    return page
