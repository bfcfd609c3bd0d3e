"""An attribute under another name."""

from __future__ import annotations

from typing import Any

import pytest

from moobius.core import older_names
from moobius.core.older_names import with_older_names


def test_an_attribute_answers_to_its_older_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(older_names, "ATTRIBUTES", {"old": "new"})

    @with_older_names
    class Today:
        def __init__(self) -> None:
            self.new = {"a": 1}

    today: Any = Today()
    assert today.old is today.new
    today.new = {"b": 2}
    assert today.old is today.new
    assert "old" not in vars(today)
    today.old = other = {"c": 3}  # a name like any other
    assert today.old is other
    assert today.new == {"b": 2}
    del today.old
    assert today.old is today.new
    del today.new
    assert not hasattr(today, "old")
