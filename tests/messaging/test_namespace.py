"""Values by name and by index."""

from __future__ import annotations

import copy

import pytest

from moobius.messaging.namespace import Namespace, PendingRequest


def test_attributes_are_readable_and_writable_by_index() -> None:
    place = Namespace(x=1)
    place["y"] = 2
    place.y += 1
    assert (place["x"], place.x, place["y"], place.y) == (1, 1, 3, 3)
    assert repr(place) == "Namespace(x=1, y=3)"


def test_what_is_not_there_is_said() -> None:
    place = PendingRequest(x=1)
    with pytest.raises(AttributeError, match=r"PendingRequest has no 'y'; it has \['x'\]"):
        _ = place.y
    with pytest.raises(KeyError):
        _ = place["y"]


def test_they_compare_and_copy() -> None:
    assert Namespace(x=1) == copy.deepcopy(Namespace(x=1))
    assert Namespace(x=1) != Namespace(x=2)
    assert Namespace(x=1) != PendingRequest(x=1)
