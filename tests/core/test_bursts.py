"""One of many requests for the same view is the one that counts."""

from __future__ import annotations

from moobius.core import bursts
from moobius.core.bursts import Bursts


def test_the_first_of_a_burst_counts_and_the_next_burst_has_its_own() -> None:
    times = Bursts(0.5)
    assert [times.begins("ada", now) for now in (0.0, 0.1, 0.49)] == [True, False, False]
    assert [times.begins("ada", now) for now in (0.5, 0.6, 1.1)] == [True, False, True]


def test_every_member_has_bursts_of_their_own() -> None:
    times = Bursts(0.5)
    assert times.begins(("CH", "ada"), 0.0)
    assert times.begins(("CH", "bob"), 0.0)
    assert times.begins(("OTHER", "ada"), 0.0)
    assert not times.begins(("CH", "ada"), 0.0)


def test_what_is_over_is_forgotten() -> None:
    times = Bursts(0.5)
    for number in range(10 * bursts._MANY):
        assert times.begins(number, float(number))
    assert len(times._began) <= bursts._MANY
