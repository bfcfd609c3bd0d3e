"""What an app has sent arrives once and in order, however often the connection breaks (4.3)."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from moobius import Moobius
from moobius.local import LocalPlatform, PlatformOptions
from moobius.network import ws_client
from tests.support.patience import until
from tests.support.proxy import Cut, Proxy, proxy_to
from tests.support.room import Room, room_on, running
from tests.support.wire import Socket

SEED = 20241120
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every connection for a good one, so that the pauses do not grow from cut to cut."""
    monkeypatch.setattr(ws_client, "STABLE_AFTER", 0.0)


def plan_of(count: int, seed: int) -> list[Cut]:
    """Plan cuts before, between and inside frames, and between a frame and its `copy`."""
    dice = random.Random(seed)
    kinds = [
        lambda: Cut(after=dice.randrange(2)),
        lambda: Cut(after=dice.randrange(2, 60)),
        lambda: Cut(after=dice.randrange(2, 60), part=dice.random()),
        lambda: Cut(after=dice.randrange(2, 60), unanswered=True),
    ]
    plan = [kinds[number % len(kinds)]() for number in range(count)]
    dice.shuffle(plan)
    return plan


# The first connection has to live: nothing is sent before it is there. The eleventh carries the
# rest of the first thousand, and breaks among the second.
TWENTY = [Cut(after=30), *plan_of(9, SEED), Cut(after=1030), *plan_of(9, SEED + 1)]


class Heard:
    """What a member has received, as it came."""

    def __init__(self, socket: Socket) -> None:
        self.texts: list[str] = []
        self._reader = asyncio.create_task(self._listen(socket))

    async def _listen(self, socket: Socket) -> None:
        while True:
            body: dict[str, Any] = (await socket._frames.get())["body"]
            self.texts.append(body["content"]["text"])

    async def up_to(self, count: int) -> list[str]:
        """Wait until so many messages are here, then for any that come too often."""
        await until(
            lambda: len(self.texts) >= count, lambda: f"{len(self.texts)} of {count}", timeout=50
        )
        return self.texts


async def send(service: Moobius, room: Room, *texts: str) -> None:
    ada = room.id_of("ada")
    await asyncio.gather(*(service.send_message(text, room.channel_id, ada, ada) for text in texts))


def login_first(proxy: Proxy) -> bool:
    """Tell whether every connection that carried anything carried a login first, and one."""
    kinds = [[frame["type"] for frame in passage.frames] for passage in proxy.passages]
    return all(k[0] == "service_login" and k.count("service_login") == 1 for k in kinds if k)


@pytest.mark.defect("D95", "D96", "D97")
async def test_two_thousand_messages_survive_twenty_cuts() -> None:
    async with LocalPlatform(PlatformOptions()) as platform, room_on(platform) as room:
        peers = len(platform._hub)
        async with proxy_to(platform.port, TWENTY) as proxy:
            service = Moobius(config=room.config(ws_server_uri=proxy.url, log_frames="summary"))
            async with running(service):
                heard = Heard(room.sockets["ada"])
                first = [str(number) for number in range(1000)]
                await send(service, room, *first)
                assert await heard.up_to(1000) == first
                assert proxy.cuts == 10
                for number in range(1000, 2000):
                    await send(service, room, str(number))
                    await asyncio.sleep(0.005)
                await until(service.ws_client.outbound_queue.empty, timeout=30)
                assert await heard.up_to(2000) == [str(number) for number in range(2000)]
                await until(lambda: len(platform._hub) == peers + 1)
                assert (proxy.cuts, len(proxy.open)) == (20, 1)
                assert len(proxy.passages) == 21  # never two at a time, none in vain
                assert login_first(proxy)


@pytest.mark.parametrize("seed", range(3))
async def test_a_burst_survives_cuts_at_any_place(seed: int) -> None:
    async with LocalPlatform(PlatformOptions()) as platform, room_on(platform) as room:
        async with proxy_to(platform.port, [Cut(after=9), *plan_of(7, seed)]) as proxy:
            service = Moobius(config=room.config(ws_server_uri=proxy.url, log_frames="summary"))
            async with running(service):
                heard = Heard(room.sockets["ada"])
                texts = [str(number) for number in range(500)]
                await send(service, room, *texts)
                assert await heard.up_to(500) == texts
                await until(service.ws_client.outbound_queue.empty)
                assert login_first(proxy)


@pytest.mark.defect("D60")
async def test_an_expired_token_is_renewed_and_no_frame_is_lost() -> None:
    later = 0

    def clock() -> int:
        return 1_700_000_000_000 + later

    async with LocalPlatform(PlatformOptions(), clock=clock) as platform, room_on(platform) as room:
        async with proxy_to(platform.port, [Cut(after=100), Cut(after=40)]) as proxy:
            service = Moobius(config=room.config(ws_server_uri=proxy.url, log_frames="summary"))
            async with running(service):
                heard = Heard(room.sockets["ada"])
                await send(service, room, "first")
                old = service.http_api.access_token
                later = 25 * HOUR_MS
                texts = [str(number) for number in range(300)]
                await send(service, room, *texts)
                assert await heard.up_to(301) == ["first", *texts]
                assert service.http_api.access_token != old
                await until(service.ws_client.outbound_queue.empty)
                refused = [f for p in proxy.passages for f in p.frames if f["type"][-5:] == "login"]
                assert len(refused) == 4  # three connections, and one attempt with the old token
