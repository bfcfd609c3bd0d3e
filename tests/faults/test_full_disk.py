"""The disk is full: the Platform says no, keeps what it has acknowledged, and starts again."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from moobius.local import LocalPlatform, PlatformOptions
from tests.support.little_room import Room, little_room, small_files
from tests.support.wire import Person, Socket, Wire, wire_to

LONG = "x" * 5000


def message(channel: str, number: int) -> dict[str, Any]:
    return {
        "subtype": "text",
        "channel_id": channel,
        "content": {"text": f"{number} {LONG}"},
        "recipients": "service",
    }


async def fill(socket: Socket, channel: str) -> int:
    """Send messages until one is refused; return how many were not."""
    for number in range(1000):
        request_id = f"REQ-{number}"
        body = message(channel, number)
        answer = await socket.ask(type="message_up", request_id=request_id, body=body)
        if not answer["status"]:
            return number
    raise AssertionError("there was room for everything")


async def numbers_in(person: Person, channel: str) -> list[int]:
    """Return the numbers of the messages in a history, oldest first."""
    found = await person.get("/channel/history_message", channel_id=channel, limit="1024")
    return [int(each["content"]["text"].split()[0]) for each in reversed(found)]


async def status_of(wire: Wire, method: str, path: str, token: str = "") -> tuple[int, int]:
    """Return the status of a request, and the code of its envelope."""
    headers = {"Auth-Origin": "cognito", "Authorization": f"Bearer {token}"}
    asked = wire.session.request(method, wire.url + path, json={}, headers=headers)
    async with asked as response:
        return response.status, (await response.json())["code"]


@pytest.mark.parametrize("room", [little_room, small_files])
async def test_a_full_disk(room: Room, tmp_path: Path, log: list[str]) -> None:
    options = PlatformOptions(data=tmp_path / "disk")
    with contextlib.ExitStack() as stack:
        grow = stack.enter_context(room(tmp_path / "disk"))
        async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
            ada = await wire.sign_up("ada")
            channel = await ada.channel()
            assert await status_of(wire, "GET", "/readyz") == (200, 10000)
            socket = await ada.user_socket()
            kept = await fill(socket, channel)
            assert kept > 10, "messages fit before the disk is full"
            # Whoever asks for something hears no, however often; what is there can be read.
            for number in range(kept, kept + 3):
                answer = await socket.ask(type="message_up", body=message(channel, number))
                assert answer["status"] is False
            assert await status_of(wire, "GET", "/readyz") == (503, 10500)
            assert await status_of(wire, "GET", "/healthz") == (200, 10000)
            path = "/service/create"
            assert await status_of(wire, "POST", path, ada.token) == (500, 10500)
            assert await numbers_in(ada, channel) == [*range(kept)]
            await socket.good(type="heartbeat", body={})
        assert sum("takes no more commands" in line for line in log) == 1
        grow()
        async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
            ada.wire = wire
            assert await numbers_in(ada, channel) == [*range(kept)]
            again = await ada.user_socket()
            frame = {"type": "message_up", "request_id": f"REQ-{kept}"}
            for _ in range(2):
                await again.good(**frame, body=message(channel, kept))
            assert await numbers_in(ada, channel) == [*range(kept + 1)]
