"""One heartbeat for each interval, on the one connection there is."""

from __future__ import annotations

import itertools
import time

import pytest

from moobius import Moobius
from tests.support.patience import until
from tests.support.peer import Frame, copy_of, peer
from tests.support.room import Room, running


class Quick(Moobius):
    """Has a quick heart."""

    heartbeat_interval = 0.4


@pytest.mark.defect("D102")
async def test_one_heartbeat_for_each_interval(room: Room) -> None:
    beats: list[float] = []

    def answer(frame: Frame) -> Frame:
        if frame["type"] == "heartbeat":
            beats.append(time.monotonic())
        return copy_of(frame)

    async with peer(answer) as script:
        async with running(Quick(config=room.config(ws_server_uri=script.url))):
            await until(lambda: len(beats) >= 2)
            await script.cut()
            await until(lambda: len(script.connections) == 2 and len(beats) >= 4)
    pauses = [later - earlier for earlier, later in itertools.pairwise(beats)]
    assert min(pauses) > 0.05  # two at a time would have none
