"""A service's ear for spells."""

from __future__ import annotations

import asyncio
from typing import Any

from moobius import Moobius
from moobius.core.listening import StopListening, listen


class Hearer(Moobius):
    def __init__(self) -> None:
        super().__init__(http_server_uri="local")
        self.heard: list[Any] = []
        self.errors: list[str] = []

    async def on_spell(self, obj: Any) -> None:
        if obj == "choke":
            raise ValueError("choked")
        self.heard.append(obj)

    async def on_error(self, callback: str, event: Any, error: BaseException) -> None:
        self.errors.append(f"{callback}: {event}: {error}")


async def test_spells_are_heard_in_order_and_a_bad_one_stops_nothing(log: list[str]) -> None:
    service = Hearer()
    for number in range(200):
        service.queue.put(number)
    service.queue.put("choke")
    service.queue.put("last")
    service.queue.put(StopListening())
    await asyncio.wait_for(listen(service), 20)
    assert service.heard == [*range(200), "last"]
    assert service.errors == ["on_spell: choke: choked"]
    assert any("ValueError raised in on_spell: choked" in line for line in log)


async def test_each_is_counted_before_it_is_carried_out() -> None:
    service = Hearer()
    counted: list[int] = []
    service._spell_taken = lambda: counted.append(len(service.heard))
    for spell in ("one", "two", StopListening()):
        service.queue.put(spell)
    await asyncio.wait_for(listen(service), 20)
    assert counted == [0, 1]


class Unreadable:
    """Travels, and cannot be unpacked."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return int, ("no number",)


async def test_one_that_cannot_be_read_is_told_and_the_next_is_heard(log: list[str]) -> None:
    service = Hearer()
    for spell in (Unreadable(), "after it", StopListening()):
        service.queue.put(spell)
    await asyncio.wait_for(listen(service), 20)
    assert service.heard == ["after it"]
    assert any("a spell could not be read: ValueError" in line for line in log)


async def test_the_rest_of_the_service_gets_its_turn_in_a_flood() -> None:
    service = Hearer()
    for number in range(1000):
        service.queue.put(number)
    service.queue.put(StopListening())
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while len(service.heard) < 1000:
            turns += 1
            await asyncio.sleep(0)

    await asyncio.wait_for(asyncio.gather(listen(service), take_turns()), 20)
    assert turns > 10
