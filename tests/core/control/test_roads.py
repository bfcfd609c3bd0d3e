"""What an attached wand has open: connections that are kept, and a thread that comes and goes."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest

from moobius.core.control import protocol, records
from moobius.core.control.calls import ask
from moobius.core.control.records import Record
from moobius.core.control.roads import Road, Roads
from tests.support.patience import wait_until
from tests.support.wands import troupe


def record_of(name: str) -> Record:
    found = records.read(records.file_of(records.services_folder(), name))
    assert found is not None
    return found


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name == "moobius attached wand"]


async def test_a_connection_is_kept_until_the_service_moves() -> None:
    with troupe() as one, troupe() as other:
        room, hall = record_of(one.add().name), record_of(other.add("Hall").name)
        road = Road()
        link = await road.link_to(room, None)
        assert await road.link_to(room, None) is link
        moved = await road.link_to(replace(hall, name="Room"), None)
        assert moved is not link and link.is_over and not link.is_connected
        assert await ask(moved, hall, protocol.PING) == hall.instance
        await road.close()
        assert not moved.is_connected
        back = await road.link_to(room, None)
        assert await ask(back, room, protocol.PING) == room.instance
        await road.close()


async def test_a_connection_that_was_lost_is_made_again() -> None:
    with troupe() as wand:
        room = record_of(wand.add().name)
        road = Road()
        link = await road.link_to(room, None)
        link.give_up()
        assert link._wire is not None
        link._wire.transport.abort()
        await asyncio.wait_for(link.wait_closed(), 10)
        again = await road.link_to(room, None)
        assert await ask(again, room, protocol.PING) == room.instance
        await road.close()


def test_the_thread_comes_when_it_is_needed_and_goes_at_the_end() -> None:
    roads, before = Roads(), len(threads())
    roads.close()
    assert len(threads()) == before

    async def where() -> str:
        assert roads.to["Room"] is roads.to["Room"]
        return threading.current_thread().name

    for _ in range(2):
        assert roads.begin(where()).result(10) == "moobius attached wand"
        assert len(threads()) == before + 1
        roads.close()
        wait_until(lambda: len(threads()) == before)
        assert not roads.to


def test_nobody_waits_for_ever_for_what_the_end_has_cut_short() -> None:
    roads = Roads()
    waiting = roads.begin(asyncio.Event().wait())
    roads.close()
    with pytest.raises(CancelledError):
        waiting.result(10)
