"""One heartbeat for each interval, on the one connection there is."""

from __future__ import annotations

import time

import pytest

from moobius import Moobius
from tests.support.patience import until
from tests.support.peer import Frame, copy_of, peer
from tests.support.room import Room, running


class Quick(Moobius):
    """Has a quick heart."""

    heartbeat_interval = 0.2


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
            await until(lambda: len(script.connections) == 2)
            beats.clear()
            await until(lambda: len(beats) > 12)
    # One may come late and the next in time, but two for each would take half as long.
    assert len(beats) <= (beats[-1] - beats[0]) / Quick.heartbeat_interval + 3
