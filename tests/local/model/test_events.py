"""Every event has a row in `apply` and a form on disk."""

from __future__ import annotations

import typing

from moobius.local.model import events
from moobius.local.model.apply import APPLY


def test_every_event_can_be_applied_and_read_back() -> None:
    kinds = set(events.Event.__subclasses__())
    assert set(APPLY) == kinds
    assert set(typing.get_args(events.AnyEvent)) == kinds


def test_an_event_survives_the_disk() -> None:
    event = events.GroupCreated("GRP", ("ADA", "service"), "Both", 7, shared=True)
    assert events.decode(events.encode(event)) == event


def test_a_field_added_later_has_a_default_for_what_was_written_before() -> None:
    old = b'{"event":"GroupCreated","group_id":"GRP","characters":["ADA"]}'
    assert events.decode(old) == events.GroupCreated("GRP", ("ADA",))
