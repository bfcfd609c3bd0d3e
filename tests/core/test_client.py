"""What all parts share."""

from __future__ import annotations

from moobius import Moobius
from moobius.core.client import Client


def test_the_own_id_is_text_also_before_there_is_one() -> None:
    service = Moobius()
    assert service.own_id == ""
    service.client_id = "SVC"
    assert service.own_id == "SVC"


def test_every_shared_attribute_is_there_after_construction() -> None:
    service = Moobius()
    assert all(hasattr(service, name) for name in Client.__annotations__)
