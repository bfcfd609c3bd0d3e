"""Which values can be changed in place."""

from __future__ import annotations

from typing import Any

import pytest

from moobius import types
from moobius.database.editing import require_changeable
from moobius.errors import StorageError


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, "text", b"", (), (1, ("a",)), frozenset("a")]
)
def test_a_value_that_is_only_ever_replaced_is_refused(value: Any) -> None:
    with pytest.raises(StorageError, match=r"'ada' is of type \w+, .* assign .*\['ada'\] = "):
        require_changeable("ada", value)


@pytest.mark.parametrize(
    "value", [[], {}, set(), (1, []), types.Character("id", "Ada"), bytearray()]
)
def test_a_value_that_can_be_changed_is_itself(value: Any) -> None:
    assert require_changeable("ada", value) is value
