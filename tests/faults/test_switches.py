"""The SDK against a Platform on which everything goes wrong on purpose, now and then."""

from __future__ import annotations

from typing import Any

import pytest

from moobius import Moobius, types
from moobius.local import LocalPlatform, PlatformOptions
from moobius.network import ws_client
from tests.faults.test_cuts import Heard, send
from tests.support.patience import until
from tests.support.room import room_on, running

MIX = "cut=0.03,delay=1ms..20ms@0.1,duplicate=0.05,refuse=0.05,expire_tokens=0.2,http500=0.2,seed=7"
COUNT = 150


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every connection for a good one, so that the pauses do not grow from cut to cut."""
    monkeypatch.setattr(ws_client, "STABLE_AFTER", 0.0)


class Witness(Moobius):
    """Notes how its frames were answered."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers: dict[str, bool] = {}
        self.logins = 0

    async def on_copy_client(self, copy: types.CopyBody) -> None:
        if copy.origin_type == types.MESSAGE_DOWN:
            self.answers[copy.request_id] = copy.status
        self.logins += copy.origin_type == types.SERVICE_LOGIN


@pytest.mark.parametrize("mix", [MIX, f"{MIX},reorder=0.1"], ids=["in order", "out of order"])
async def test_what_is_acknowledged_arrives_once(mix: str) -> None:
    async with LocalPlatform(PlatformOptions()) as platform, room_on(platform) as room:
        service = Witness(config=room.config(log_frames="summary"))
        async with running(service):
            heard = Heard(room.sockets["ada"])
            await send(service, room, "first")
            platform.faults.begin(mix)
            _cut_service(platform)  # the next connection is a troubled one
            sent = {}
            for number in range(COUNT):
                frame = await service.send_message(
                    str(number), room.channel_id, room.id_of("ada"), room.id_of("ada")
                )
                assert frame is not None
                sent[str(number)] = frame["request_id"]
            await until(service.ws_client.outbound_queue.empty, timeout=50)
            platform.faults.end()
            await send(service, room, "last")
            await until(lambda: heard.texts[-1] == "last")
    assert (heard.texts[0], heard.texts[-1]) == ("first", "last")
    arrived = heard.texts[1:-1]
    assert arrived == [text for text in sent if text in arrived], "once, and in order"
    good = [text for text, request_id in sent.items() if service.answers[request_id]]
    assert set(good) <= set(arrived)
    assert COUNT / 2 < len(good) < COUNT, "some were refused, most were not"
    assert service.logins > 2, "the connection broke again and again"


def _cut_service(platform: LocalPlatform) -> None:
    for peer in platform._hub:
        if peer.speaker.services:
            peer.cut()
