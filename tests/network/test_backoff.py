"""How long to wait before connecting again."""

from __future__ import annotations

from itertools import accumulate, islice

import pytest

from moobius.network.backoff import STABLE_AFTER, backoff


@pytest.fixture(params=[0.0, 0.5, 1.0])
def waits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The first 100 waits, with the spread at one end, in the middle, and at the other end."""
    spread: float = request.param
    monkeypatch.setattr("random.uniform", lambda low, high: low + (high - low) * spread)
    return list(islice(backoff(), 100))


def test_the_first_wait_is_short_and_none_is_nothing(waits: list[float]) -> None:
    assert 0.1 <= waits[0] <= 0.2
    assert min(waits) == waits[0]


def test_waits_grow_to_half_a_minute_and_no_further(waits: list[float]) -> None:
    assert waits == sorted(waits)
    assert 15.0 <= waits[-1] <= 30.0


def test_a_wait_is_at_most_an_eighth_of_the_outage_or_a_second_and_a_half(
    waits: list[float],
) -> None:
    waited = [0.0, *accumulate(waits)]
    for before, wait in zip(waited, waits, strict=False):
        assert wait <= max(1.5, before / 8) + 1e-9


def test_a_short_outage_ends_promptly() -> None:
    """A Platform that restarts in five seconds is found within another two."""
    for _ in range(100):
        total = 0.0
        for wait in backoff():
            total += wait
            if total >= 5.0:
                break
        assert total < 7.0


def test_clients_scatter() -> None:
    tenth = [list(islice(backoff(), 10))[-1] for _ in range(50)]
    assert len(set(tenth)) == 50
    assert max(tenth) - min(tenth) > 0.2


def test_every_outage_begins_anew() -> None:
    assert next(backoff()) <= 0.2
    assert STABLE_AFTER == 30.0
