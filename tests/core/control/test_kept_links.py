"""The connections of an attached wand, and the thread that has them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import replace

import pytest

from moobius.core.control import connection_files, protocol
from moobius.core.control.calls import ask
from moobius.core.control.connection_files import Record
from moobius.core.control.kept_links import KeptLink, LinkThread
from tests.support.patience import PATIENCE, wait_until
from tests.support.wands import troupe


def record_of(name: str) -> Record:
    found = connection_files.read(
        connection_files.file_of(connection_files.services_folder(), name)
    )
    assert found is not None
    return found


@pytest.fixture
def new_threads() -> Callable[[], list[str]]:
    """Name the threads that were started since; those of earlier tests may still be there."""
    before = set(threading.enumerate())
    return lambda: [each.name for each in threading.enumerate() if each not in before]


async def test_a_connection_is_kept_until_the_service_moves() -> None:
    with troupe() as one, troupe() as other:
        room, hall = record_of(one.add().name), record_of(other.add("Hall").name)
        kept = KeptLink()
        link = await kept.get(room, None)
        assert await kept.get(room, None) is link
        moved = await kept.get(replace(hall, name="Room"), None)
        assert moved is not link and link.is_over and not link.is_connected
        assert await ask(moved, hall, protocol.PING) == hall.instance
        await kept.close()
        assert not moved.is_connected
        back = await kept.get(room, None)
        assert await ask(back, room, protocol.PING) == room.instance
        await kept.close()


async def test_a_connection_that_was_lost_is_made_again() -> None:
    with troupe() as wand:
        room = record_of(wand.add().name)
        kept = KeptLink()
        link = await kept.get(room, None)
        link.give_up()
        assert link._wire is not None
        link._wire.transport.abort()
        await asyncio.wait_for(link.wait_closed(), PATIENCE)
        again = await kept.get(room, None)
        assert await ask(again, room, protocol.PING) == room.instance
        await kept.close()


def test_the_thread_comes_when_it_is_needed_and_goes_at_the_end(
    new_threads: Callable[[], list[str]],
) -> None:
    thread = LinkThread()
    thread.close()
    assert not new_threads()

    async def where() -> str:
        assert thread.links["Room"] is thread.links["Room"]
        return threading.current_thread().name

    for _ in range(2):
        assert thread.submit(where()).result(PATIENCE) == "moobius attached wand"
        assert new_threads() == ["moobius attached wand"]
        thread.close()
        wait_until(lambda: not new_threads())
        assert not thread.links


def test_nobody_waits_for_ever_for_what_the_end_has_cut_short() -> None:
    thread = LinkThread()
    waiting = thread.submit(asyncio.Event().wait())
    thread.close()
    with pytest.raises(CancelledError):
        waiting.result(PATIENCE)
