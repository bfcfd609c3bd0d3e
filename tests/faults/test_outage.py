"""The Platform goes away for a while: waiting costs next to nothing, and ends soon after."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

from tests.support.patience import until
from tests.support.program import PLATFORM_READY, Program
from tests.support.wire import Person, Wire, wire_to

LONELY = Path(__file__).parent / "lonely.py"
OUTAGE = 10.0  # seconds
MAX_CPU = 0.02  # of one processor
MAX_WAIT = 2.0  # seconds from one attempt to the next, and so to the login; see `backoff`
MAX_ATTEMPTS = 30  # in all of the outage

WAIT = re.compile(r"connecting again in (\d+\.\d) s")
LINE = re.compile(r"^(\d+\.\d+) (\d+\.\d+) (.*)$", re.MULTILINE)


class Line(NamedTuple):
    """What the service logged, when, and how much CPU it had used by then."""

    time: float
    cpu: float
    text: str


def lines_of(program: Program) -> list[Line]:
    return [Line(float(at), float(cpu), text) for at, cpu, text in LINE.findall(program.output)]


def logins_of(program: Program) -> list[Line]:
    """Return when the service was told that it is logged in."""
    return [line for line in lines_of(program) if '"origin_type":"service_login"' in line.text]


def loads(lines: list[Line]) -> list[float]:
    """Return how much of a processor was used between each line and the next."""
    pairs = pairwise(lines)
    return [(later.cpu - line.cpu) / (later.time - line.time) for line, later in pairs]


def platform_in(folder: Path, port: int) -> Program:
    folder.mkdir(exist_ok=True)
    return Program(folder, "-m", "moobius", "platform", "--port", str(port), "--data", "data")


async def ask(ada: Person, channel_id: str, text: str) -> None:
    """Let Ada write to the service, and wait for its answer."""
    socket = await ada.user_socket()
    body = {
        "subtype": "text",
        "channel_id": channel_id,
        "content": {"text": text},
        "recipients": "service",
    }
    await socket.good(type="message_up", body=body)
    while (answer := await socket.next())["type"] != "message_down":
        pass
    assert answer["body"]["content"]["text"] == f"heard: {text}"
    await socket.close()


async def prepared(wire: Wire) -> tuple[Person, str, dict[str, object]]:
    """Make a channel with Ada in it; return her, its id, and how a service gets there."""
    owner, ada = await wire.sign_up("owner"), await wire.sign_up("ada")
    channel_id = await owner.channel()
    await ada.join(channel_id)
    config = {
        "account_config": {"email": owner.email, "password": "owner"},
        "service_config": {
            "http_server_uri": wire.url,
            "ws_server_uri": wire.url.replace("http", "ws", 1),
            "channels": [channel_id],
            "no_warn_cannot_save_service_id": True,
        },
    }
    return ada, channel_id, config


@pytest.mark.defect("D94", "D93")
async def test_an_outage_of_ten_seconds_is_waited_out(tmp_path: Path) -> None:
    async with platform_in(tmp_path / "platform", 0) as platform:
        url = (await platform.wait_for(PLATFORM_READY)).group(1)
        async with wire_to(url) as wire:
            ada, channel_id, config = await prepared(wire)
        (tmp_path / "service").mkdir()
        async with Program(tmp_path / "service", str(LONELY), json.dumps(config)) as service:
            await service.wait_for(re.compile("Lonely is ready: 1 channel on"))
            async with wire_to(url) as ada.wire:
                await ask(ada, channel_id, "before")
            assert await platform.interrupt() == 0
            gone = time.monotonic()
            await until(lambda: time.monotonic() > gone + OUTAGE)
            async with platform_in(tmp_path / "platform", int(url.rpartition(":")[2])) as again:
                await again.wait_for(PLATFORM_READY)
                back = time.time()
                await until(lambda: len(logins_of(service)) == 2)
                async with wire_to(url) as ada.wire:
                    await ask(ada, channel_id, "after")
            attempts = [line for line in lines_of(service) if "disconnected" in line.text]

    away = [line for line in attempts if line.time < back]
    assert away[-1].time - away[0].time > OUTAGE / 2
    spent = "\n".join(f"{line.cpu:.3f} {line.text}" for line in lines_of(service))
    assert median(loads(away)) < MAX_CPU, spent  # of the waits: one may be hit by something else
    assert 4 < len(away) < MAX_ATTEMPTS
    # It is back soon: the next attempt succeeds, or the one after, if one was under way.
    assert len(attempts) - len(away) <= 1
    waits = [float(wait) for line in attempts for wait in WAIT.findall(line.text)]
    assert len(waits) == len(attempts)
    assert max(waits) <= max(MAX_WAIT, (back - away[0].time) / 8)
