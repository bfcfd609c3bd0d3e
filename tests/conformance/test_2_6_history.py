"""Section 2.6: histories, and how tolerantly their bounds are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from moobius.local import Limits, LocalPlatform, PlatformOptions
from tests.local.conftest import Room
from tests.support.raw_http import ask
from tests.support.wire import Person, data_of, wire_to

FIRST = 1_719_000_000_000
"""When the first of the messages is from; the others follow a second apart."""

URL = "/channel/history_message"


@pytest.fixture(params=["memory", "disk"])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    """On both stores, for it is they who know the bounds."""
    return None if request.param == "memory" else tmp_path / "data"


@pytest.fixture
async def told(room: Room) -> Room:
    """A room in which Bob was told 0, 1, 2 and 3."""
    group = await room.ada.group(room.bob.user_id)
    for number in range(4):
        body = {
            "subtype": "text",
            "channel_id": room.channel,
            "recipients": group,
            "content": {"text": str(number)},
            "sender": "OWL",
            "timestamp": FIRST + 1000 * number,
            "context": {"is_dcs": True},
        }
        await room.bound.good(type="message_down", service_id=room.service_id, body=body)
    return room


def texts(messages: list[dict[str, Any]]) -> str:
    return "".join(each["content"]["text"] for each in messages)


async def by_query(told: Room, **bounds: Any) -> str:
    return texts(await told.bob.get(URL, channel_id=told.channel, **bounds))


async def by_body(told: Room, **bounds: Any) -> str:
    body = {"channel_id": told.channel, **bounds}
    reply = await told.bob.wire.call("GET", URL, body=body, token=told.bob.token)
    return texts(data_of(reply))


async def test_2_6_history_is_newest_first_in_modern_and_old_names(told: Room) -> None:
    newest, *rest = await told.bob.get(URL, channel_id=told.channel)
    assert texts([newest, *rest]) == "3210"
    assert newest == {
        "message_id": newest["message_id"],
        "type": "message_down",
        "subtype": "text",
        "channel_id": told.channel,
        "sender": "OWL",
        "content": {"text": "3"},
        "timestamp": FIRST + 3000,
        "context": {"is_dcs": True},
        "MessageID": newest["message_id"],
        "MessageType": "text",
        "FromUserID": "OWL",
        "MessageContent": {"text": "3"},
        "MessageContext": {"is_dcs": True},
        "Status": "sent",
        "Timestamp": FIRST + 3000,
    }
    assert len(newest["message_id"]) == 36


async def test_2_6_python_asks_with_texts_and_a_body_besides(told: Room) -> None:
    target = f"{URL}?channel_id={told.channel}&limit=1024&before=null"
    body = {"limit": "1024"}
    reply = await ask(told.bob.wire.url, "GET", target, body=body, token=told.bob.token)
    assert texts(reply.json["data"]) == "3210"


async def test_2_6_js_asks_with_numbers_in_a_body_and_null_for_nan(told: Room) -> None:
    assert await by_body(told, limit=64, before=None, after=None) == "3210"
    assert await by_body(told, limit=2, before=(FIRST + 3000) / 1000) == "21"


@pytest.mark.parametrize("bound", [None, "null", "", "tomorrow", "NaN", True, [1], {}])
async def test_2_6_what_is_no_number_is_no_bound(told: Room, bound: Any) -> None:
    assert await by_body(told, before=bound, after=bound, limit=bound) == "3210"
    if isinstance(bound, str):
        assert await by_query(told, before=bound, after=bound, limit=bound) == "3210"


async def test_2_6_bounds_are_seconds_perhaps_fractional_and_exclusive(told: Room) -> None:
    second = FIRST // 1000
    assert await by_query(told, before=str(second + 2)) == "10"
    assert await by_query(told, before=f"{second + 2}.001") == "210"
    assert await by_query(told, after=str(second + 1)) == "32"
    assert await by_query(told, after=f"{second}.999") == "321"
    assert await by_query(told, after=str(second), before=str(second + 3)) == "21"
    assert await by_query(told, before="0") == ""
    assert await by_query(told, after="-1") == "3210"


async def test_2_6_large_numbers_are_milliseconds(told: Room) -> None:
    assert await by_query(told, before=str(FIRST + 2000)) == "10"
    assert await by_body(told, after=FIRST + 2000) == "3"
    assert await by_body(told, before=10**400) == "3210"  # beyond any number we know
    assert await by_query(told, before="1e300") == "3210"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("2", "32"),
        (2, "32"),
        ("2.9", "32"),
        ("0", "3"),
        (-5, "3"),
        ("99999", "3210"),
        (1e308, "3210"),
    ],
)
async def test_2_6_the_limit_is_clamped(told: Room, limit: Any, expected: str) -> None:
    assert await by_body(told, limit=limit) == expected


async def test_2_6_the_limit_is_64_unless_said_and_1024_at_most(room: Room) -> None:
    group = await room.ada.group(room.bob.user_id)
    for number in range(1030):
        body = {
            "subtype": "text",
            "channel_id": room.channel,
            "recipients": group,
            "content": {},
            "sender": "OWL",
            "timestamp": FIRST + number,
        }
        await room.bound.send(type="message_down", service_id=room.service_id, body=body)
    await room.bound.send(type="heartbeat", body={})
    for _ in range(1031):
        await room.bound.copy()
    for given, expected in (({}, 64), ({"limit": "1024"}, 1024), ({"limit": "5000"}, 1024)):
        found = await room.bob.get(URL, channel_id=room.channel, **given)
        assert len(found) == expected


async def test_2_6_pages_lose_nothing_that_was_said_at_once(told: Room) -> None:
    body = {
        "subtype": "text",
        "channel_id": told.channel,
        "recipients": [told.bob.user_id],
        "sender": "OWL",
        "timestamp": FIRST + 1000,
    }
    for text in ("a", "b"):
        content = {"text": text}
        frame = {"type": "message_down", "service_id": told.service_id}
        await told.bound.good(**frame, body={**body, "content": content})
    assert await by_query(told, limit="3") == "32ba1"
    assert await by_query(told, limit="3", before=str(FIRST / 1000 + 1)) == "0"


async def test_2_6_what_has_no_time_gets_one_of_its_own(data: Path | None) -> None:
    options = PlatformOptions(data=data)
    async with (
        LocalPlatform(options, clock=lambda: FIRST) as platform,
        wire_to(platform.url) as wire,
    ):
        ada = await wire.be("ada@example.org")
        channel, socket = await ada.channel(), await ada.user_socket()
        for text in ("a", "b", "c"):
            body = {"subtype": "text", "channel_id": channel, "content": {"text": text}}
            await socket.good(type="message_up", body={**body, "recipients": "service"})
        found = await ada.get(URL, channel_id=channel, limit="2")
        assert [each["timestamp"] for each in found] == [FIRST + 2, FIRST + 1]
        assert texts(found) == "cb"


async def test_2_6_a_page_has_only_so_many_bytes_and_the_next_goes_on(data: Path | None) -> None:
    limits = Limits(history_bytes=10_000)
    options = PlatformOptions(data=data, limits=limits)
    async with LocalPlatform(options) as platform, wire_to(platform.url) as wire:
        ada = await wire.be("ada@example.org")
        channel, socket = await ada.channel(), await ada.user_socket()
        for number in range(10):
            body = {"channel_id": channel, "recipients": "service", "timestamp": FIRST + number}
            content = {"text": f"{number}" * 3000}
            await socket.good(type="message_up", body={**body, "content": content})
        found: list[dict[str, Any]] = []
        while page := await ada.get(
            URL, channel_id=channel, before=found[-1]["timestamp"] if found else "null"
        ):
            assert len(json.dumps(page)) < 10_000
            found += page
        assert [each["content"]["text"][0] for each in found] == [*"9876543210"]


async def test_2_6_a_history_is_its_users_alone(told: Room, cy: Person) -> None:
    for person in (told.ada, cy):
        assert await person.get(URL, channel_id=told.channel) == []


async def test_2_6_a_service_sees_its_owners_history(told: Room) -> None:
    # It has no token but its owner's (1.1), so what it is shown is what the owner has said.
    body = {"subtype": "text", "channel_id": told.channel, "content": {"text": "mine"}}
    await told.ada_socket.good(type="message_up", body={**body, "recipients": "service"})
    found = await told.ada.get(URL, channel_id=told.channel, service_id=told.service_id)
    assert texts(found) == "mine"
