"""Two processes of one service change places; here, two services one after the other."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import AsyncExitStack

import pytest

from moobius import Moobius, types
from moobius.core.handover import as_held, change_places, holder
from tests.support.patience import PATIENCE, until, wait_until
from tests.support.room import Room, running
from tests.support.scripts import alive


class Slow(Moobius):
    """Takes its time with each message."""

    def __init__(self, room: Room) -> None:
        super().__init__(config=room.config())
        self.began: list[str] = []
        self.handled: list[str] = []
        self.gate = asyncio.Event()
        self.asked: list[bool] = []
        self.stack = AsyncExitStack()

    async def on_message_up(self, message: types.MessageBody) -> None:
        self.began.append(message.content.text or "")
        await self.gate.wait()
        self.handled.append(message.content.text or "")

    def hold(self, resume: bool) -> None:
        self.asked.append(resume)


async def test_what_was_sent_before_it_leaves_reaches_it(room: Room) -> None:
    async with running(Slow(room)) as service:
        await change_places(service.ws_client, service.hold, service.stack)
        assert service.asked == [True]
        for number in range(20):
            await room.say("ada", str(number))
        # All of them are with the app when the stack is unwound, however many were on their way.
        await service.stack.aclose()
        assert service.asked == [True, False]
        await until(lambda: len(service.began) == 20)
        service.gate.set()
    assert service.handled == [str(number) for number in range(20)]


async def test_who_leaves_while_it_takes_over_asks_in_order(room: Room) -> None:
    asking, answer = threading.Event(), threading.Event()

    async with running(Slow(room)) as service:

        def slow(resume: bool) -> None:
            asking.set()
            answer.wait(PATIENCE)
            service.asked.append(resume)

        taking = asyncio.create_task(change_places(service.ws_client, slow, service.stack))
        await until(asking.is_set)
        taking.cancel()
        leaving = asyncio.create_task(service.stack.aclose())
        await asyncio.wait({taking}, timeout=PATIENCE)
        await asyncio.wait({leaving}, timeout=0.1)
        assert taking.cancelled() and service.asked == []
        answer.set()
        await leaving
        assert service.asked == [True, False]


async def test_a_platform_that_does_not_hold_is_no_reason_to_fail(room: Room) -> None:
    def refuse(resume: bool) -> None:
        raise OSError("no answer")

    async with running(Slow(room)) as service:
        await change_places(service.ws_client, refuse, service.stack)
        await service.stack.aclose()


def test_only_a_holder_that_lives_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (holder(), as_held("ws://x/")) == ("", "ws://x/")
    monkeypatch.setenv("MOOBIUS_DEV", str(os.getpid()))
    assert as_held("ws://x/") == f"ws://x/?holder={os.getpid()}"
    monkeypatch.setenv("MOOBIUS_DEV", "4194305")  # above the highest there can be
    assert (holder(), as_held("ws://x/")) == ("", "ws://x/")


def test_a_program_leaves_with_another() -> None:
    program = "import sys, time; from moobius.core.handover import leave_with"
    program += "\nleave_with(int(sys.argv[1])); print('watching', flush=True); time.sleep(3600)"
    other = subprocess.Popen(["sleep", "3600"])
    ours = subprocess.Popen(
        [sys.executable, "-c", program, str(other.pid)], stdout=subprocess.PIPE, text=True
    )
    assert ours.stdout is not None
    try:
        assert ours.stdout.readline() == "watching\n"
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
        wait_until(lambda: not alive(ours.pid))
        assert ours.wait() == -signal.SIGTERM
    finally:
        for each in (other, ours):
            each.kill()
            each.wait()
        ours.stdout.close()
