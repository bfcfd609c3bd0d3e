"""Anything at all comes in, and any text goes out: nothing is swallowed, nothing ends the loop."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from loguru import logger

from moobius import Moobius, types
from moobius.core.bursts import Bursts
from moobius.core.routes import ROUTES, UNKNOWN
from moobius.local import LocalPlatform, PlatformOptions
from moobius.network.frame_reader import SPELLINGS, TYPES
from tests.support.patience import PATIENCE, until
from tests.support.peer import Peer, peer
from tests.support.room import Room, room_on, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
one_service_for_all = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KINDS = {*ROUTES, *SPELLINGS, *((old, "") for old in TYPES)}
KEYS = (
    *("channel_id", "sender", "recipients", "content", "timestamp", "context", "message_id"),
    *("button_id", "arguments", "bottom_button_id", "menu_item_id", "message_content"),
    *("request_id", "origin_type", "status", "userlist", "features", "group_id"),
)
CONTENTS = st.sampled_from(["text", "characters", "character_id", "button_id", "dialog", "user_id"])


@st.composite
def frames(draw: st.DrawFn) -> Any:
    """Draw any JSON value, or a frame of a known kind whose parts are any JSON value."""
    if draw(st.integers(0, 3)) == 0:
        return draw(JSON)
    type_, subtype = draw(st.sampled_from(sorted(KINDS)))
    body = draw(st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5))
    if draw(st.booleans()):
        body["content"] = draw(st.dictionaries(CONTENTS, JSON, max_size=3))
    if subtype or draw(st.booleans()):
        body["subtype"] = subtype or draw(JSON)
    return {"type": type_, "body": body, **draw(st.dictionaries(st.text(), JSON, max_size=1))}


class Witness(Moobius):
    """Notes every callback that a frame leads to, then does what it does by itself."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.called: list[str] = []


def _noting(name: str) -> Callable[[Any, Any], Coroutine[Any, Any, None]]:
    inherited = getattr(Moobius, name)

    async def callback(self: Witness, event: Any) -> None:
        self.called.append(name)
        await inherited(self, event)

    return callback


for _name in {*ROUTES.values(), UNKNOWN}:
    setattr(Witness, _name, _noting(_name))


class Court:
    """A witness at a socket whose other end says anything, and the errors that were logged."""

    def __init__(self, service: Witness, script: Peer) -> None:
        self.service = service
        self.script = script
        self.errors: list[str] = []
        self.said = 0

    @property
    def outcomes(self) -> int:
        return len(self.service.called) + len(self.errors)

    async def hear(self, frame: Any) -> None:
        """Say something to the service, and wait until something has come of it."""
        (connection,) = self.script.open  # the one it began with
        await connection.send(json.dumps(frame))
        self.said += 1
        await until(lambda: self.outcomes >= self.said, lambda: f"nothing came of {frame!r}")
        assert self.outcomes == self.said, (frame, self.service.called[-2:], self.errors[-2:])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room() -> AsyncIterator[Room]:
    with pytest.MonkeyPatch.context() as environment:
        for name in [name for name in os.environ if name.startswith("MOOBIUS_")]:
            environment.delenv(name)
        async with LocalPlatform(PlatformOptions()) as platform, room_on(platform) as room:
            yield room


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def court(room: Room) -> AsyncIterator[Court]:
    async with peer() as script:
        service = Witness(config=room.config(ws_server_uri=script.url, log_frames="summary"))
        async with running(service):
            assert service._dispatch is not None
            service._dispatch._bursts = Bursts(0.0)  # here, every request counts
            await until(lambda: service.called == ["on_copy_client"])  # of the login
            service.called.clear()
            court = Court(service, script)
            sink = logger.add(lambda text: court.errors.append(str(text)), level="ERROR")
            yield court
            logger.remove(sink)
        assert court.outcomes == court.said, "something came of a frame later"
        assert len(script.connections) == 1


@pytest.mark.defect("D14", "D15", "D16")
@one_service_for_all
@given(frame=frames())
@example(frame={"type": "message_up"})
@example(frame={"type": "message_up", "body": {"channel_id": 5, "recipients": [None]}})
@example(frame={"type": "message_up", "body": {"recipients": None}})
@example(frame={"type": "message_up", "body": {"recipients": ["ADA", {"a": 1}]}})
@example(frame={"type": "action", "body": {"subtype": "refresh", "sender": ["ADA"]}})
@example(frame={"type": "update", "body": {"subtype": "characters", "content": [[1], 2]}})
@example(frame={"message": "Internal server error", "connectionId": "X"})
@example(frame={"type": "copy", "body": {"request_id": [], "origin_type": {}}})
@example(frame={"type": "copy", "body": {"context": "not a context", "status": False}})
async def test_any_frame_leads_to_a_callback_or_one_logged_error(court: Court, frame: Any) -> None:
    await court.hear(frame)


class Echo(Moobius):
    """Says back what it hears."""

    async def on_message_up(self, message: types.MessageBody) -> None:
        message.recipients = [message.sender]
        await self.send_message(message)


class Talker(Moobius):
    """Notes what it hears."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heard: asyncio.Queue[types.MessageBody] = asyncio.Queue()

    async def on_message_down(self, message: types.MessageBody) -> None:
        self.heard.put_nowait(message)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talker(room: Room) -> AsyncIterator[Talker]:
    """Somebody in a room where a service says back what is said to it."""
    person = await room.owner.wire.sign_up("talker")
    config = room.config(service_mode=False, log_frames="summary")
    config["account_config"] = {"email": person.email, "password": "talker"}
    async with running(Echo(config=room.config(log_frames="summary"))):
        async with running(Talker(config=config)) as talker:
            yield talker


ANY_CHARACTER = st.characters(exclude_categories=["Cs"])
CONTROLS = st.characters(categories=["Cc", "Cf", "Zl", "Zp"])


@one_service_for_all
@given(text=st.text(ANY_CHARACTER | CONTROLS, min_size=1, max_size=200))
@example(text="\x00")
@example(text="\r\n\u2028\u2029\ufeff")
@example(text='"\\{}</script>')
@example(text=" ")
@example(text="http://example.org/a.png")
@example(text="𝄞\U0010ffff\uffff")
async def test_any_text_comes_back_as_it_was(talker: Talker, room: Room, text: str) -> None:
    await talker.send_message(text, channel_id=room.channel_id, recipients=types.SERVICE)
    message = await asyncio.wait_for(talker.heard.get(), PATIENCE)
    assert message.content == types.MessageContent(text=text)
    assert message.subtype == types.TEXT
