"""Whose keyword is whose."""

from __future__ import annotations

import re
from typing import Any

import pytest

from moobius import Moobius
from moobius.core.running.plan import read_order
from moobius.errors import ConfigError


class Modern(Moobius):
    """Takes what comes."""


class Older(Moobius):
    """Had a `name` before we did."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name


def test_our_keywords_are_told_from_the_constructor_s() -> None:
    given = {"name": "weather", "restart": "always", "stop_timeout": 0, "config": "config.json"}
    order = read_order(Modern, given)
    assert (order.name, order.restarts.policy) == ("weather", "always")
    assert order.limits == {"stop_timeout": 0}
    assert order.kwargs == {"config": "config.json"}


def test_a_constructor_that_declares_one_keeps_it() -> None:
    order = read_order(Older, {"name": "Ada", "restart": "always"})
    assert (order.name, order.restarts.policy, order.kwargs) == (None, "always", {"name": "Ada"})


@pytest.mark.parametrize(
    ("keyword", "values", "right"),
    [
        ("hang_timeout", ["5", 0, -1, None, True, float("nan")], "from 0.1 to 100000"),
        ("ready_timeout", [None, "x", 0, float("inf")], "from 0.1 to 100000"),
        ("stop_timeout", [-5, "10", None, False], "from 0 to 100000"),
        ("restart_limit", ["3", -1, 2.0, None, True], "a whole number, 0 or more"),
        ("restart", ["sometimes", True, None, ["always"]], "is none of 'never', 'on-failure'"),
    ],
)
def test_a_value_that_is_not_possible_is_refused_with_what_is(
    keyword: str, values: list[Any], right: str
) -> None:
    for value in values:
        with pytest.raises(ConfigError, match=re.escape(f"{keyword}={value!r}") + f".*{right}"):
            read_order(Modern, {keyword: value})
