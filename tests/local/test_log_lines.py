"""A line for each frame at DEBUG, and nothing secret in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from moobius.local.log_lines import key_values
from tests.local.conftest import Room
from tests.support.patience import PATIENCE, until
from tests.support.wire import Wire


@pytest.fixture
def frames(log: list[str]) -> Iterator[Any]:
    """What is noted of frames: the fields of each line, ids of connections left out."""

    def noted() -> list[str]:
        return [line.split("DEBUG ", 1)[1].strip() for line in log if line.startswith("DEBUG fr")]

    yield noted


async def test_a_message_on_its_way_is_a_line_at_each_step(room: Room, frames: Any) -> None:
    before = len(frames())
    body = {
        "subtype": "text",
        "channel_id": room.channel,
        "content": {"text": "the secret recipe"},
        "recipients": "service",
        "context": {"password": "hunter2"},
    }
    await room.bob_socket.good(type="message_up", request_id="REQ-7", body=body)
    message_id = (await room.bound.next())["body"]["message_id"]
    await until(lambda: len(frames()) >= before + 3)
    came, *went = frames()[before:]
    bob, channel = room.bob.user_id, room.channel
    assert came.startswith("frame in  conn=")
    assert f" user={bob} type=message_up subtype=text channel={channel} request_id=REQ-7" in came
    assert int(came.rpartition("bytes=")[2]) > 200
    answer = next(line for line in went if "type=copy" in line)
    assert answer.startswith("frame out conn=")
    assert f" user={bob} type=copy origin_type=message_up request_id=REQ-7 status=true" in answer
    given = next(line for line in went if "type=message_up" in line.split())
    assert f"account={room.ada.user_id} service={room.service_id} type=message_up" in given
    assert f"message_id={message_id}" in given
    assert not any(word in line for line in frames() for word in ("recipe", "hunter2"))


async def test_a_token_is_in_no_line(room: Room, log: list[str]) -> None:
    socket = await room.bob.wire.socket()
    await socket.bad(type="user_login", access_token="a-guessed-token")
    await room.bob.user_socket()
    assert any("type=user_login" in line for line in log)
    assert not any(room.bob.token in line or "a-guessed-token" in line for line in log)


async def test_the_unreadable_is_noted_without_its_contents(wire: Wire, frames: Any) -> None:
    socket = await wire.socket()
    await socket.raw.send_str('{"password": "hunter2"')
    await socket.next()
    await socket.raw.send_bytes(b"hunter2")
    await socket.next()
    await until(lambda: len(frames()) >= 4)
    came = [line for line in frames() if line.startswith("frame in")]
    assert ['unreadable="not JSON: DecodeError"' in came[0], "unreadable=binary" in came[1]] == [
        True,
        True,
    ]
    assert [line for line in frames() if "type=error" in line]
    assert not any("hunter2" in line for line in frames())


UNREAD = """
import sys
from loguru import logger
from moobius.local import log_lines
from moobius.local.speaker import Speaker
from moobius.local.wire.outbound import Parcel

class Curious(Speaker):
    looked_at = 0
    @property
    def names(self):
        Curious.looked_at += 1
        return {}

for level in ("INFO", "DEBUG"):
    logger.remove()
    logger.add(sys.stderr, level=level)
    log_lines.frame_out(Curious("conn"), Parcel({"type": "copy", "body": {}}, "{}", 2))
    print(Curious.looked_at)
"""


def test_nothing_is_made_ready_when_nobody_reads() -> None:
    command = [sys.executable, "-c", UNREAD]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert ended.stdout.split() == ["0", "1"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain-1.2:3", "k=plain-1.2:3"),
        (True, "k=true"),
        (0, "k=0"),
        ("two words", 'k="two words"'),
        ("line\nbreak a=b", 'k="line\\nbreak a=b"'),
        ("x" * 100, f"k={'x' * 80}..."),
        ("", ""),
        (None, ""),
    ],
)
def test_values_keep_to_their_line(value: Any, shown: str) -> None:
    assert key_values({"k": value}) == shown
