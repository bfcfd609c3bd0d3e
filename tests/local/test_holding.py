"""What is kept for a service that is away, and for how long; the clock is the test's."""

from __future__ import annotations

from typing import Any

from moobius.local.holding import Holds
from moobius.local.hub import Hub
from moobius.local.model.outcome import ToService
from tests.local.test_hub import Ear


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def frame(number: int, service_id: str = "SVC") -> ToService:
    return ToService(service_id, {"type": str(number)})


def taken(holds: Holds, *numbers: int, is_connected: bool = False) -> list[bool]:
    return [holds.takes(frame(number), is_connected=is_connected) for number in numbers]


def types(deliveries: list[ToService]) -> list[Any]:
    return [each.frame["type"] for each in deliveries]


def test_usually_nothing_is_kept() -> None:
    assert taken(Holds(), 1) == [False]


def test_a_paused_service_gets_nothing_even_while_it_is_connected() -> None:
    holds = Holds()
    holds.pause("SVC", "dev", 10)
    assert taken(holds, 1, 2, is_connected=True) == [True, True]
    assert not holds.takes(frame(1, "OTHER"), is_connected=False)
    assert types(holds.resume("SVC", "dev", 10)) == ["1", "2"]
    assert taken(holds, 3, is_connected=True) == [False]


def test_a_resumed_service_that_is_not_there_is_kept_for() -> None:
    holds = Holds()
    assert holds.resume("SVC", "dev", 10) == []
    assert taken(holds, 1) == [True]
    holds.pause("SVC", "dev", 10)
    assert taken(holds, 2) == [True]
    assert types(holds.resume("SVC", "dev", 10)) == ["1", "2"]


def test_so_many_are_kept_and_no_more() -> None:
    holds = Holds(most=2)
    holds.pause("SVC", "dev", 10)
    assert taken(holds, 1, 2, 3) == [True, True, True]
    assert types(holds.resume("SVC", "dev", 10)) == ["1", "2"]


def test_what_waits_for_too_long_is_dropped() -> None:
    clock = Clock()
    holds = Holds(clock=clock)
    holds.pause("SVC", "dev", 10)
    clock.now = 100  # nothing has waited yet
    assert taken(holds, 1) == [True]
    clock.now = 110
    assert taken(holds, 2) == [True]
    clock.now = 111
    assert taken(holds, 3) == [False]
    assert taken(holds, 4) == [False]
    assert holds.resume("SVC", "dev", 10) == []


def test_who_comes_back_too_late_finds_nothing() -> None:
    clock = Clock()
    holds = Holds(clock=clock)
    holds.pause("SVC", "dev", 10)
    taken(holds, 1)
    clock.now = 11
    assert holds.resume("SVC", "dev", 10) == []
    assert taken(holds, 2) == [True]


def test_a_holder_ends_its_own_holds() -> None:
    holds = Holds()
    holds.pause("SVC", "dev", 10)
    holds.pause("OTHER", "another", 10)
    holds.end("dev")
    assert taken(holds, 1) == [False]
    assert holds.takes(frame(1, "OTHER"), is_connected=False)


def test_the_hub_delivers_what_was_kept_before_what_comes_next() -> None:
    hub, old, new = Hub(), Ear(), Ear()
    hub.add(old)
    hub.attach_service(old, "ada", "SVC")
    hub.deliver(frame(1))
    hub.holds.pause("SVC", "dev", 10)
    hub.deliver(frame(2))
    hub.add(new)
    hub.attach_service(new, "ada", "SVC")
    hub.deliver(frame(3))
    hub.resume("SVC", "dev", 10)
    hub.deliver(frame(4))
    assert (old.heard, new.heard) == (["1"], ["2", "3", "4"])
    hub.remove(old)
    hub.remove(new)
    hub.deliver(frame(5))
    hub.add(old)
    hub.attach_service(old, "ada", "SVC")
    hub.resume("SVC", "dev", 10)
    assert old.heard == ["1", "5"]
