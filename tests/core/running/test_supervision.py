"""When a service is started again."""

from __future__ import annotations

import pytest

from moobius.core.running.supervision import LONGEST_DELAY_S, STEADY_AFTER_S, Restarts, check_policy
from moobius.errors import ConfigError

KILLED = -9


@pytest.mark.parametrize(
    ("policy", "status", "again"),
    [
        ("never", 0, False),
        ("never", 1, False),
        ("on-failure", 0, False),
        ("on-failure", 1, True),
        ("on-failure", KILLED, True),
        ("always", 0, True),
        ("always", KILLED, True),
    ],
)
def test_the_policy_looks_at_the_status(policy: str, status: int, again: bool) -> None:
    assert (Restarts(policy).after_end(status, 1.0) is not None) is again


def test_the_pauses_grow_until_the_limit() -> None:
    restarts = Restarts("always", limit=9)
    delays = [restarts.after_end(1, 0.0) for _ in range(10)]
    assert delays == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, *[LONGEST_DELAY_S] * 3, None]
    assert restarts.in_a_row == 9


def test_who_ran_for_a_while_begins_anew() -> None:
    restarts = Restarts("on-failure", limit=1)
    assert restarts.after_end(1, 0.0) == 0.5
    assert restarts.after_end(1, STEADY_AFTER_S - 1) is None
    assert restarts.after_end(1, STEADY_AFTER_S) == 0.5


def test_an_unknown_policy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="'sometimes' is none of 'never', 'on-failure', 'always'"):
        check_policy("sometimes")
