"""What is done on request, with services that only remember what was done to them."""

from __future__ import annotations

import asyncio
import itertools
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from moobius.core.control import protocol
from moobius.core.control.connection_files import Record
from moobius.core.control.request_handler import REQUESTS, Entry, RequestHandler
from moobius.core.running.plan import ServiceStatus
from moobius.errors import WandError


@dataclass
class Remembers:
    """A service as a wand supervises it."""

    handle: int
    name: str
    takes_spells: bool = True
    spells: list[Any] = field(default_factory=list)

    @property
    def status(self) -> ServiceStatus:
        return ServiceStatus(self.handle, self.name, "running", 70 + self.handle, 0)

    def put(self, spell: Any) -> None:
        self.spells.append(spell)


def handler_with(
    *services: Remembers, stop: Callable[[int], None] = lambda handle: None
) -> RequestHandler:
    def restart(handle: int) -> None:
        raise WandError(f"{handle} did not come back")

    entries = {}
    for service in services:
        record = Record(service.name, "Room", 1, "this one", "/project", 1.5, "/log")
        entries[service.name] = Entry(service, record)
    return RequestHandler("this one", stop, restart, entries)


async def test_it_says_who_it_is_and_whom_it_has() -> None:
    handler = handler_with(Remembers(2, "B"), Remembers(1, "A"))
    assert await handler.answer(protocol.PING) == {"value": "this one"}
    infos = [protocol.info_from_json(s) for s in (await handler.answer(protocol.SERVICES))["value"]]
    assert [(info.name, info.pid) for info in infos] == [("A", 71), ("B", 72)]
    assert (await handler.answer(protocol.STATUS, "B"))["value"]["log_file"] == "/log"


async def test_others_may_come_and_go_meanwhile() -> None:
    """In threads of their own, as services of a wand do."""
    handler, over = handler_with(Remembers(1, "Room")), threading.Event()
    (entry,) = handler._entries.values()

    def come_and_go() -> None:
        assert isinstance(handler._entries, dict)
        for number in itertools.cycle(range(50)):
            if over.is_set():
                return
            handler._entries[f"s{number}"] = entry
            handler._entries.pop(f"s{(number + 25) % 50}", None)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        answers = [await handler.answer(protocol.SERVICES) for _ in range(200)]
    finally:
        over.set()
        sys.setswitchinterval(interval)
        thread.join(20)
    assert [answer for answer in answers if "error" in answer] == []


async def test_spells_reach_who_is_named() -> None:
    room, dead = Remembers(1, "Room"), Remembers(2, "Dead", takes_spells=False)
    handler = handler_with(room, dead)
    assert await handler.answer(protocol.SPELL, "Room", protocol.pack_spell((1, 2))) == {
        "value": None
    }
    assert room.spells == [(1, 2)]
    for name in ("Dead", "Rom", 7, None, ["Room"]):
        answer = await handler.answer(protocol.SPELL, name, '"x"')
        assert answer["error"].endswith("runs; running: Room")
    assert "cannot be read" in (await handler.answer(protocol.SPELL, "Room", "{"))["error"]
    assert len(room.spells) == 1 and dead.spells == []


async def test_stopping_blocks_nobody_else() -> None:
    may_end, stopped = threading.Event(), []

    def stop(handle: int) -> None:
        may_end.wait(20)
        stopped.append(handle)

    handler = handler_with(Remembers(3, "Room"), stop=stop)
    stopping = asyncio.create_task(handler.answer(protocol.STOP, "Room"))
    await asyncio.sleep(0)
    assert await handler.answer(protocol.PING) == {"value": "this one"}
    assert not handler.idle.is_set() and not stopping.done()
    may_end.set()
    assert await asyncio.wait_for(stopping, 20) == {"value": None}
    assert stopped == [3] and handler.idle.is_set()


async def test_what_goes_wrong_is_said() -> None:
    handler = handler_with(Remembers(3, "Room"))
    assert await handler.answer(protocol.RESTART, "Room") == {"error": "3 did not come back"}


@pytest.mark.parametrize("request_", REQUESTS)
async def test_other_arguments_are_an_error_and_no_more(request_: str) -> None:
    handler = handler_with(Remembers(1, "Room"))
    assert "takes other arguments" in (await handler.answer(request_, 1, 2, 3))["error"]
    assert (
        "takes other arguments" in (await handler.answer(request_, self="Room", request=1))["error"]
    )
    assert handler.idle.is_set()
