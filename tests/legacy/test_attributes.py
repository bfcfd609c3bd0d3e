"""What attributes of `Moobius` were called."""

from __future__ import annotations

from typing import Any

import pytest

from moobius import Moobius
from moobius.legacy.attributes import ATTRIBUTES


@pytest.mark.parametrize(("older", "name"), ATTRIBUTES.items())
def test_an_older_name_is_the_same_object(older: str, name: str) -> None:
    service: Any = Moobius(email="ada@example.com", password="secret")
    assert getattr(service, older) is getattr(service, name)


def test_a_service_may_use_the_names_for_something_else() -> None:
    class Concert(Moobius):
        def __init__(self, **kwargs: Any) -> None:
            self.bands = ["The Beatles"]
            super().__init__(**kwargs)

    service = Concert(email="ada@example.com", password="secret")
    assert service.bands == ["The Beatles"]
    assert service.channels == {}
