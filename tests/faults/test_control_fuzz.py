"""Garbage on a wand's control address: it harms nobody, and who means it well is answered.

`MOOBIUS_FUZZ_SECONDS=600 pytest tests/faults/test_control_fuzz.py` goes on for longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from moobius.core.control import connection_files
from moobius.core.control.calls import dial
from moobius.core.control.connection_files import Record
from moobius.core.control.request_handler import REQUESTS
from moobius.errors import RequestFailed
from moobius.messaging import SharedKey
from moobius.messaging.auth import Handshake
from moobius.messaging.framing import PROTOHEADER
from moobius.messaging.messages import encode_request
from tests.support.wands import Listening, Troupe, troupe

SECONDS = float(os.environ.get("MOOBIUS_FUZZ_SECONDS", "1.5"))
WHOLE = [
    Handshake(SharedKey.new(), "client", 0.0).hello(),
    Handshake(SharedKey.new(), "server", 0.0).hello(),
    *(encode_request(name, "0001", ("Room", '"spell"'), {}).wire for name in REQUESTS),
    encode_request("filetransfer", "0002", (), {"filepath": "/etc/passwd"}).wire,
]
JUNK: list[Any] = [
    *("Room", "", "../Room", "Room\0", "x" * 5000, '"a spell"', "{", "[" * 500),
    *(None, True, 0, -1, 2**70, 0.5, [], {}, [[["Room"]]], {"Room": "Room"}),
    *('{"_moobius_type": "os.system", "_moobius_val": "true"}', '{"_moobius_type": 1}'),
]


def noise(rng: random.Random) -> bytes:
    """Return bytes that are nearly right, or not at all."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 300))
    if kind == 1:  # a header that promises too much
        return PROTOHEADER.pack(rng.randrange(65536)) + rng.randbytes(rng.randrange(100))
    data = bytearray(b"".join(rng.choices(WHOLE, k=rng.randrange(1, 4))))
    for _ in range(rng.randrange(6) if kind == 2 else 0):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(1, len(data) + 1)])


def shout(record: Record, data: bytes, *, stays: bool) -> socket.socket | None:
    """Send bytes to the control address, and hang up unless the caller stays on the line."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(5)
    with contextlib.suppress(OSError):  # it hung up on us already
        sock.connect(record.address.removeprefix("unix:"))
        sock.sendall(data)
    if stays:
        return sock
    sock.close()
    return None


@pytest.fixture
def cast() -> Iterator[tuple[Troupe, Listening, Record]]:
    """A room, and what its connection file says."""
    with troupe() as wand:
        room = wand.add()
        record = connection_files.read(
            connection_files.file_of(connection_files.services_folder(), "Room")
        )
        assert record is not None
        yield wand, room, record


async def ask(record: Record, request: str, *args: Any) -> Any:
    async with dial(record.address, record.key) as link:
        return await link.request(request, *args, timeout=10)


@pytest.mark.defect("D110")
def test_garbage_is_hung_up_on_and_others_are_answered(
    cast: tuple[Troupe, Listening, Record], log: list[str]
) -> None:
    _, room, record = cast
    rng = random.Random(4711)
    staying: list[socket.socket] = []
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end or rounds < 100:
        rounds += 1
        sock = shout(record, noise(rng), stays=rng.random() < 0.2)
        if sock is not None:
            staying.append(sock)
        if len(staying) > 30:
            staying.pop(0).close()
        if rounds % 50 == 0:
            answer = asyncio.run(ask(record, "spell", "Room", str(rounds)))
            assert answer == {"value": None}
    for sock in staying:
        sock.close()
    assert room.spells == [number for number in range(1, rounds + 1) if number % 50 == 0]
    assert room.life.state == "running"
    assert not [line for line in log if line.startswith(("ERROR", "CRITICAL"))]
    assert record.key not in "".join(log)


async def test_nonsense_from_who_has_the_key_is_answered_with_what_is_wrong(
    cast: tuple[Troupe, Listening, Record], log: list[str]
) -> None:
    _, room, record = cast
    rng = random.Random(4712)
    # One that is stopped in the middle would not hear the rest.
    asked_for = [name for name in REQUESTS if name != "stop"]
    names = [*asked_for, "run", "", "__init__", "answer", "_entry"]
    async with dial(record.address, record.key) as link:
        end = time.monotonic() + SECONDS
        rounds = 0
        while time.monotonic() < end or rounds < 100:
            rounds += 1
            name = rng.choice(names)
            args = rng.choices(JUNK, k=rng.randrange(4))
            word = rng.choice(["name", "self", "handler", "request", "text"])
            kwargs = {word: rng.choice(JUNK)} if rng.random() < 0.2 else {}
            try:
                answer = await link.request(name, *args, timeout=10, **kwargs)
            except RequestFailed as error:
                assert error.kind == "unknown" and name not in REQUESTS
            else:
                assert answer.keys() <= {"value", "error"}, (name, args)
        assert await link.request("spell", "Room", '"last"', timeout=10) == {"value": None}
    assert room.life.state == "running"
    assert room.spells[-1] == "last"
    assert {type(spell) for spell in room.spells} <= {str, dict}  # nothing that a marker named
    assert not [line for line in log if line.startswith(("ERROR", "CRITICAL"))]
