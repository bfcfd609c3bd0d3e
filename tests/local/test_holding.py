"""What is kept for a service that is away, and for how long; the clock is the test's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from moobius.local import LocalPlatform
from moobius.local.holding import Holds
from moobius.local.hub import Hub
from moobius.local.model.outcome import ToService
from tests.local.conftest import Room
from tests.local.test_hub import Ear


class _Timer:
    def __init__(self, due: float, action: Callable[[], None]) -> None:
        self.due = due
        self.action = action
        self.is_on = True

    def cancel(self) -> None:
        self.is_on = False


class Clock:
    """Time that passes when it is told to, and what was to be done by then."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[_Timer] = []

    def later(self, seconds: float, action: Callable[[], None]) -> _Timer:
        self.timers.append(_Timer(self.now + seconds, action))
        return self.timers[-1]

    def turn(self, to: float) -> None:
        self.now = to
        for timer in self.timers:
            if timer.is_on and timer.due <= to:
                timer.is_on = False
                timer.action()


class Door:
    """A service that is there, or not; and what it was handed."""

    def __init__(self) -> None:
        self.is_open = False
        self.handed: list[Any] = []

    def deliver(self, service_id: str, kept: list[ToService]) -> bool:
        if self.is_open:
            self.handed += types(kept)
        return self.is_open


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def holds(door: Door, clock: Clock) -> Holds:
    return Holds(door.deliver, later=clock.later)


def frame(number: int, service_id: str = "SVC") -> ToService:
    return ToService(service_id, {"type": str(number)})


def taken(holds: Holds, *numbers: int, is_connected: bool = False) -> list[bool]:
    return [holds.takes(frame(number), is_connected=is_connected) for number in numbers]


def types(deliveries: list[ToService]) -> list[Any]:
    return [each.frame["type"] for each in deliveries]


def test_usually_nothing_is_kept(holds: Holds) -> None:
    assert taken(holds, 1) == [False]


def test_a_paused_service_gets_nothing_even_while_it_is_connected(holds: Holds) -> None:
    holds.pause("SVC", "dev", 10)
    assert taken(holds, 1, 2, is_connected=True) == [True, True]
    assert not holds.takes(frame(1, "OTHER"), is_connected=False)
    assert types(holds.resume("SVC", "dev", 10)) == ["1", "2"]
    assert taken(holds, 3, is_connected=True) == [False]


def test_a_resumed_service_that_is_not_there_is_kept_for(holds: Holds) -> None:
    assert holds.resume("SVC", "dev", 10) == []
    assert taken(holds, 1) == [True]
    holds.pause("SVC", "dev", 10)
    assert taken(holds, 2) == [True]
    assert types(holds.resume("SVC", "dev", 10)) == ["1", "2"]


def test_so_many_are_kept_and_no_more(door: Door, clock: Clock) -> None:
    holds = Holds(door.deliver, most=2, later=clock.later)
    holds.pause("SVC", "dev", 10)
    assert taken(holds, 1, 2, 3) == [True, True, True]
    assert types(holds.resume("SVC", "dev", 10)) == ["1", "2"]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_hold_is_over_when_the_oldest_has_waited_for_so_long(
    holds: Holds, door: Door, clock: Clock, log: list[str], is_there: bool
) -> None:
    holds.pause("SVC", "dev", 10)
    clock.turn(to=100)  # nothing has waited yet
    assert taken(holds, 1, is_connected=True) == [True]
    clock.turn(to=109)
    assert taken(holds, 2, is_connected=True) == [True]
    door.is_open = is_there
    clock.turn(to=110)
    assert door.handed == (["1", "2"] if is_there else [])
    dropped = "2 frames for service SVC are dropped: it did not come back in time"
    assert any(dropped in line for line in log) is not is_there
    assert taken(holds, 3, is_connected=True) == [False]
    assert holds.resume("SVC", "dev", 10) == []


def test_what_has_been_taken_up_is_not_handed_over_again(
    holds: Holds, door: Door, clock: Clock
) -> None:
    door.is_open = True
    holds.pause("SVC", "dev", 10)
    taken(holds, 1)
    assert types(holds.resume("SVC", "dev", 10)) == ["1"]
    clock.turn(to=9)
    taken(holds, 2)
    clock.turn(to=11)
    assert types(holds.release("SVC")) == ["2"]
    clock.turn(to=100)
    assert door.handed == []


@pytest.mark.parametrize("is_there", [True, False])
def test_a_holder_ends_its_own_holds(
    holds: Holds, door: Door, clock: Clock, is_there: bool
) -> None:
    door.is_open = is_there
    holds.pause("SVC", "dev", 10)
    holds.pause("OTHER", "another", 10)
    taken(holds, 1)
    holds.end("dev")
    assert door.handed == (["1"] if is_there else [])
    assert taken(holds, 2) == [False]
    assert holds.takes(frame(1, "OTHER"), is_connected=False)


def test_a_platform_that_stops_hands_nothing_over(holds: Holds, door: Door, clock: Clock) -> None:
    door.is_open = True
    holds.pause("SVC", "dev", 10)
    taken(holds, 1)
    holds.clear()
    clock.turn(to=100)
    assert door.handed == []


def test_what_is_released_is_held_no_more(holds: Holds) -> None:
    assert holds.release("SVC") == []
    holds.pause("SVC", "dev", 10)
    taken(holds, 1, 2)
    assert types(holds.release("SVC")) == ["1", "2"]
    assert taken(holds, 3) == [False]


@pytest.mark.parametrize("data", ["memory"], indirect=True)
async def test_a_connected_service_gets_all_of_it_when_its_holder_has_died(
    platform: LocalPlatform, room: Room
) -> None:
    hold = {"developer_key": platform.developer_key, "holder": "dev", "seconds": 0.2}
    await room.ada.post("/local/hold", service_id=room.service_id, **hold)
    texts = ["one", "two", "three"]
    for text in texts[:2]:
        await _say(room, text)
    heard = [(await room.bound.next())["body"]["content"]["text"] for _ in texts[:2]]
    await _say(room, texts[2])
    heard.append((await room.bound.next())["body"]["content"]["text"])
    assert heard == texts


async def _say(room: Room, text: str) -> None:
    body = {"subtype": "text", "channel_id": room.channel, "recipients": "service"}
    await room.bob_socket.good(type="message_up", body={**body, "content": {"text": text}})


async def test_who_logs_in_by_itself_gets_what_was_kept() -> None:
    hub, held, free = Hub(), Ear(), Ear()
    held.speaker.holder = "dev"
    hub.holds.pause("SVC", "dev", 10)
    hub.deliver(frame(1))
    hub.add(held)
    hub.attach_service(held, "ada", "SVC")
    hub.deliver(frame(2))
    hub.add(free)
    hub.attach_service(free, "ada", "SVC")
    hub.deliver(frame(3))
    assert (held.heard, free.heard) == ([], ["1", "2", "3"])


async def test_the_hub_delivers_what_was_kept_before_what_comes_next() -> None:
    hub, old, new = Hub(), Ear(), Ear()
    hub.add(old)
    hub.attach_service(old, "ada", "SVC")
    hub.deliver(frame(1))
    hub.holds.pause("SVC", "dev", 10)
    hub.deliver(frame(2))
    hub.add(new)
    new.speaker.holder = old.speaker.holder = "dev"
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
