"""Whose keyword is whose."""

from __future__ import annotations

from typing import Any

from moobius import Moobius
from moobius.core.plan import split_keywords


class Modern(Moobius):
    """Takes what comes."""


class Older(Moobius):
    """Had a `name` before we did."""

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name


def test_our_keywords_are_told_from_the_constructor_s() -> None:
    given = {"name": "weather", "restart": "always", "config": "config.json"}
    ours, rest = split_keywords(Modern, given)
    assert ours == {"name": "weather", "restart": "always"}
    assert rest == {"config": "config.json"}


def test_a_constructor_that_declares_one_keeps_it() -> None:
    ours, rest = split_keywords(Older, {"name": "Ada", "restart": "always"})
    assert (ours, rest) == ({"restart": "always"}, {"name": "Ada"})
