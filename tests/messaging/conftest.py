"""What these tests share: a loop of their own, and no callback of another test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from moobius.messaging.registry import SHARED
from tests.support.pump import Pump, pump


@pytest.fixture(autouse=True)
def own_callbacks() -> Iterator[None]:
    """Begin without callbacks: the registry of the original is the whole process's."""
    registries = (SHARED.actions, SHARED.requests)
    before = [dict(registry) for registry in registries]
    for registry in registries:
        registry.clear()
    yield
    for registry, content in zip(registries, before, strict=True):
        registry.clear()
        registry.update(content)


@pytest.fixture
def pumping() -> Iterator[Pump]:
    """A selector's loop on the thread of the test."""
    with pump() as found:
        yield found
