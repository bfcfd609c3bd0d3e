"""What was not taken from one queue is in the next."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from moobius.core.spells import Spells
from moobius.errors import WandError

CONTEXT = multiprocessing.get_context()


@pytest.fixture
def spells() -> Iterator[Spells]:
    spells = Spells()
    yield spells
    spells.suspend()


def take(spells: Spells, count: int) -> list[Any]:
    """Do what the reader in the other process does."""
    found = []
    for _ in range(count):
        found.append(spells.queue.get(timeout=10))
        spells.taken.value += 1
    return found


def test_what_nobody_took_is_in_the_next_queue_in_order(spells: Spells) -> None:
    spells.renew(CONTEXT)
    for number in range(5):
        spells.put(number)
    assert take(spells, 2) == [0, 1]
    spells.suspend()
    spells.put(5)  # while there is no process
    spells.renew(CONTEXT)
    spells.put(6)
    assert take(spells, 5) == [2, 3, 4, 5, 6]


def test_what_was_taken_is_not_kept(spells: Spells) -> None:
    spells.renew(CONTEXT)
    spells.put("one")
    take(spells, 1)
    spells.put("two")
    assert list(spells._waiting) == ["two"]


def test_what_cannot_travel_is_refused_at_once(spells: Spells) -> None:
    spells.renew(CONTEXT)
    with pytest.raises(WandError, match=r"this spell cannot travel: cannot pickle .*lock"):
        spells.put(threading.Lock())
    spells.put("next")
    assert take(spells, 1) == ["next"]
