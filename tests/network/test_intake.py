"""Frames reach the app in order; reading pauses when it is behind, unless answers are awaited."""

from __future__ import annotations

import asyncio
import contextlib

from moobius.network.frame_reader import Inbound, read_frame
from moobius.network.intake import Intake
from tests.support.patience import until

WEATHER = '{"type": "weather"}'
COPY = '{"type": "copy"}'


class Awaited:
    """Whether somebody waits for answers."""

    def __init__(self) -> None:
        self.is_so = False

    def __call__(self) -> bool:
        return self.is_so


def put(intake: Intake, text: str) -> None:
    intake.put(text, read_frame(text))


def test_reading_pauses_when_enough_waits() -> None:
    intake = Intake(2, Awaited())
    put(intake, WEATHER)
    assert intake.may_read.is_set()
    assert not intake.was_paused
    put(intake, WEATHER)
    assert not intake.may_read.is_set()
    assert intake.was_paused


def test_acknowledgements_do_not_count() -> None:
    intake = Intake(2, Awaited())
    for _ in range(10):
        put(intake, COPY)
    assert intake.may_read.is_set()


def test_who_waits_for_answers_keeps_the_reading_going() -> None:
    awaited = Awaited()
    intake = Intake(1, awaited)
    put(intake, WEATHER)
    assert not intake.may_read.is_set()
    awaited.is_so = True
    intake.decide()
    assert intake.may_read.is_set()
    awaited.is_so = False
    intake.decide()
    assert not intake.may_read.is_set()


async def test_frames_are_handed_over_in_order_one_at_a_time() -> None:
    intake = Intake(2, Awaited())
    taken: list[str] = []
    gate = asyncio.Event()

    async def handle(text: str, frame: Inbound) -> None:
        assert frame == read_frame(text)
        taken.append(frame.type)
        await gate.wait()

    handing = asyncio.create_task(intake.hand_over(handle))
    for text in (WEATHER, COPY, WEATHER, WEATHER):
        put(intake, text)
    await until(lambda: taken == ["weather"])
    assert not intake.may_read.is_set()
    gate.set()
    await until(lambda: taken == ["weather", "copy", "weather", "weather"])
    assert intake.may_read.is_set()
    put(intake, COPY)
    await until(lambda: len(taken) == 5)
    handing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await handing


async def test_who_wants_to_know_hears_when_all_is_handed_over() -> None:
    intake = Intake(2, Awaited())
    taken: list[str] = []
    gate = asyncio.Event()

    async def handle(text: str, frame: Inbound) -> None:
        await gate.wait()
        taken.append(frame.type)

    await intake.handed_over()  # nothing has come
    put(intake, WEATHER)
    put(intake, COPY)
    waiting = asyncio.create_task(intake.handed_over())
    handing = asyncio.create_task(intake.hand_over(handle))
    await asyncio.wait({waiting}, timeout=0.05)
    assert not waiting.done()
    gate.set()
    await waiting
    assert taken == ["weather", "copy"]
    handing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await handing
