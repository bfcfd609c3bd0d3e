"""The socket that mends itself: login first, order kept, everything acknowledged or sent again."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from moobius.errors import FrameTooLarge, LoginRefused, PayloadError, TransportError
from moobius.network import frame_reader
from moobius.network import ws_client as module
from moobius.network.frame_reader import Inbound
from moobius.network.transport import encode
from moobius.network.ws_client import WSClient
from tests.support.owl import connected, message
from tests.support.patience import PATIENCE, until
from tests.support.peer import Frame, copy_of, peer


async def test_the_login_is_the_first_frame_of_every_connection() -> None:
    async with peer() as script, connected(script) as client:
        for round_ in range(3):
            await client.send(message(f"{round_}"))
            await until(lambda: len(script.texts()) > round_)  # noqa: B023
            await script.cut()
            await until(lambda: len(script.connections) > round_ + 1)  # noqa: B023
        await until(lambda: client.is_connected)
        assert [frames[0]["type"] for frames in script.connections] == ["service_login"] * 4
        assert len(script.open) == 1


async def test_frames_leave_in_order() -> None:
    async with peer() as script, connected(script) as client:
        for number in range(200):
            await client.send(message(str(number)))
        await until(lambda: len(script.texts()) == 200)
        assert script.texts() == [str(number) for number in range(200)]


async def test_what_was_not_acknowledged_is_sent_again_in_order() -> None:
    silent = False

    def answer(frame: Frame) -> Frame | None:
        return None if silent and frame["type"] == "message_down" else copy_of(frame)

    async with peer(answer) as script, connected(script) as client:
        await client.send(message("0"))
        await until(client.outbound_queue.empty)
        silent = True
        for number in (1, 2, 3):
            await client.send(message(str(number)))
        await until(lambda: len(script.texts()) == 4)
        silent = False
        await script.cut()
        await client.send(message("4"))
        await until(client.outbound_queue.empty)
        assert script.texts() == ["0", "1", "2", "3", "1", "2", "3", "4"]
        repeated = [f["request_id"] for f in script.frames if f["type"] == "message_down"]
        assert repeated[1:4] == repeated[4:7]  # by which the Platform recognises them


@pytest.mark.parametrize(("features", "again"), [([], []), (["deduplicate"], ["1"])])
async def test_sending_messages_again_is_a_setting(features: list[str], again: list[str]) -> None:
    silent = True

    def answer(frame: Frame) -> Frame | None:
        if frame["type"] == "message_down" and silent:
            return None
        return copy_of(frame, features=features)

    async with peer(answer) as script, connected(script, resend=False) as client:
        await client.send(message("1"))
        await until(lambda: script.texts() == ["1"])
        silent = False
        await script.cut()
        await until(lambda: len(script.connections) == 2 and client.is_connected)
        await client.send(message("2"))
        await until(client.outbound_queue.empty)
        assert script.texts() == ["1", *again, "2"]


async def test_a_login_that_is_refused_ends_the_first_connect() -> None:
    def answer(frame: Frame) -> Frame:
        return copy_of(frame, status=False, message="Service not found for this access_token")

    async with peer(answer) as script:
        with pytest.raises(LoginRefused, match="Service not found"):
            async with connected(script):
                pass


async def test_the_token_is_never_logged(log: list[str]) -> None:
    async with peer() as script, connected(script):
        pass
    assert any("service_login" in line for line in log)
    assert not any("secret-token" in line for line in log)


async def test_a_refused_frame_is_logged_with_its_reason(log: list[str]) -> None:
    def answer(frame: Frame) -> Frame:
        good = frame["type"] != "message_down"
        return copy_of(frame, status=good, message="Channel not found")

    async with peer(answer) as script, connected(script) as client:
        await client.send(message("hi"))
        await until(lambda: any("refused" in line for line in log))
        assert any("message_down/text to channel CH: Channel not found" in line for line in log)
        await until(client.outbound_queue.empty)


async def test_a_session_the_platform_lost_is_logged_in_again_and_nothing_is_lost() -> None:
    forgetful = True

    def answer(frame: Frame) -> Frame:
        nonlocal forgetful
        if frame["type"] == "message_down" and forgetful:
            forgetful = False
            return copy_of(frame, status=False, message="You have not login yet")
        return copy_of(frame)

    async with peer(answer) as script, connected(script) as client:
        await client.send(message("hi"))
        await until(lambda: script.texts() == ["hi", "hi"])
        await until(client.outbound_queue.empty)
        assert len(script.connections) == 2


@pytest.mark.defect("D98")
async def test_a_frame_above_the_limit_is_refused_at_the_call() -> None:
    async with peer() as script, connected(script) as client:
        with pytest.raises(FrameTooLarge) as caught:
            await client.send(message("ü" * module.FRAME_LIMIT))
        assert caught.value.size > 2 * module.FRAME_LIMIT  # bytes count, not characters
        assert "message_down/text to channel CH" in str(caught.value)
        await client.send(message("less"))
        await until(client.outbound_queue.empty)
        assert script.texts() == ["less"]
        assert len(script.connections) == 1


@pytest.mark.parametrize("nonsense", ["not json", "[]", {"body": {}}, {"type": 3}])
async def test_what_is_not_a_frame_is_refused_at_the_call(nonsense: Any) -> None:
    async with peer() as script, connected(script) as client:
        with pytest.raises(PayloadError):
            await client.send(nonsense)


async def test_a_frame_may_be_given_as_its_text() -> None:
    async with peer() as script, connected(script) as client:
        await client.send('{"type": "roger", "body": {}}')
        await until(lambda: script.frames[-1]["type"] == "roger")
        assert script.frames[-1]["request_id"]


async def test_sending_before_the_start_says_so() -> None:
    with pytest.raises(TransportError, match="not connected"):
        await WSClient("ws://127.0.0.1:1/").send(message("hi"))


@pytest.mark.defect("D99")
async def test_senders_wait_while_the_queue_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_SIZE", 3)
    silent = True

    def answer(frame: Frame) -> Frame | None:
        return None if silent and frame["type"] == "message_down" else copy_of(frame)

    async with peer(answer) as script, connected(script) as client:
        sends = [asyncio.create_task(client.send(message(str(n)))) for n in range(5)]
        await until(lambda: len(script.texts()) == 3)
        assert [task.done() for task in sends] == [True, True, True, False, False]
        silent = False
        await script.cut()
        await asyncio.gather(*sends)
        await until(client.outbound_queue.empty)
        assert script.texts()[3:] == ["0", "1", "2", "3", "4"]


async def test_a_platform_that_never_answers_cannot_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    monkeypatch.setattr(module, "UNANSWERED_AFTER", 0.2)

    def answer(frame: Frame) -> Frame | None:
        return copy_of(frame) if frame["type"] == "service_login" else None

    async with peer(answer) as script, connected(script) as client:
        await client.send(message("1"))
        await client.send(message("2"))
        await until(client.outbound_queue.empty)
        assert len(script.texts()) == 2
    # Both in one line, if they left at once.
    assert sum(map(int, re.findall(r"(\d+) frames unanswered", "".join(log)))) == 2


async def test_a_slow_app_stops_the_reading_but_never_the_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Callbacks that wait for room in the queue wait for answers that must still be read."""
    monkeypatch.setattr(module, "QUEUE_SIZE", 2)
    monkeypatch.setattr(module, "READ_AHEAD", 2)
    handled: list[str] = []

    async def reply(frame: Inbound) -> None:
        if frame.type == "message_up":
            for part in range(5):
                await client.send(message(f"{frame.event.content.text}.{part}"))
            handled.append(frame.event.content.text)

    async with peer() as script, connected(script, on_frame=reply) as client:
        for number in range(20):
            up = {"type": "message_up", "body": {"content": {"text": str(number)}}}
            await script.open[0].send(encode(up))
        await until(lambda: len(handled) == 20)
        await until(lambda: len(script.texts()) == 100)  # the last ones are only queued by then


async def test_close_sends_what_is_queued() -> None:
    async with peer() as script:
        async with connected(script) as client:
            for number in range(50):
                await client.send(message(str(number)))
            await client.close()
        assert len(script.texts()) == 50


async def test_a_frame_nobody_can_read_is_one_logged_line(log: list[str]) -> None:
    seen: list[str] = []

    async def handle(text: str) -> None:
        seen.append(text)

    async with peer() as script, connected(script, handle=handle):
        await script.open[0].send("not json")
        await script.open[0].send('{"type": "weather", "body": {}}')
        await until(lambda: any("weather" in text for text in seen))
    assert sum("cannot read not json" in line for line in log) == 1


async def test_a_received_frame_is_logged_as_the_documents_show_it() -> None:
    from loguru import logger

    records: list[Any] = []
    sink = logger.add(lambda text: records.append(text.record), level="INFO")
    try:
        async with peer() as script, connected(script):
            await script.open[0].send('{"type": "weather", "body": {}}')
            await until(lambda: any("weather" in r["message"] for r in records))
    finally:
        logger.remove(sink)
    record = next(r for r in records if "weather" in r["message"])
    assert record["name"] == "moobius.network.ws_client"
    assert record["function"] == "receive"
    assert record["level"].name == "INFO"
    assert record["message"] == '{"type": "weather", "body": {}}'


@pytest.mark.defect("D4")
async def test_a_summary_keeps_contents_out_of_the_log(log: list[str]) -> None:
    seen: list[Inbound] = []

    async def note(frame: Inbound) -> None:
        seen.append(frame)

    async with (
        peer() as script,
        connected(script, on_frame=note, log_frames="summary") as client,
    ):
        secret = {"type": "message_up", "body": {"subtype": "text", "content": {"text": "psst"}}}
        await script.open[0].send(encode(secret))
        await client.send(message("psst"))
        await until(lambda: any(frame.type == "message_up" for frame in seen))
        await until(client.outbound_queue.empty)
    assert any("INFO message_up text" in line for line in log)
    assert any("DEBUG > message_down/text to channel CH" in line for line in log)
    assert not any("psst" in line for line in log)


async def test_a_hundred_messages_survive_connections_that_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing lost and order kept, while the connection is cut now and then."""
    async with peer() as script, connected(script) as client:
        for number in range(100):
            await client.send(message(str(number)))
            if number % 25 == 10:
                await script.cut()
        await until(client.outbound_queue.empty)
        first_seen = list(dict.fromkeys(script.texts()))
        assert first_seen == [str(number) for number in range(100)]


# ---- Defects of old ------------------------------------------------------------------------------


@pytest.mark.defect("D100")
async def test_a_client_without_callbacks_connects_sends_and_receives() -> None:
    async with peer() as script:
        client = WSClient(script.url)
        await client.connect()
        receiving = asyncio.create_task(client.receive())
        await client.send(message("hi"))
        await until(client.outbound_queue.empty)  # its acknowledgement was received
        await script.cut()
        await until(lambda: len(script.connections) == 2 and client.is_connected)
        await client.safe_handle("{}")
        await client.close()
        await asyncio.wait_for(receiving, PATIENCE)
        assert script.texts() == ["hi"]


@pytest.mark.defect("D101")
async def test_an_error_in_a_handler_is_logged_with_its_traceback(log: list[str]) -> None:
    async def handle(text: str) -> None:
        if "weather" in text:
            raise ZeroDivisionError("no rain")

    async with peer() as script, connected(script, handle=handle) as client:
        await script.open[0].send('{"type": "weather"}')
        await until(lambda: any("no rain" in line for line in log))
        await client.send(message("still there"))
        await until(lambda: script.texts() == ["still there"])
    (line,) = [line for line in log if "handling a frame failed" in line]
    assert line.startswith("ERROR")
    assert "Traceback" in line
    assert "test_ws_client.py" in line
    assert '{"type": "weather"}' in line


@pytest.mark.defect("D17", "D94")
async def test_a_login_that_is_refused_later_is_tried_again_with_growing_pauses() -> None:
    async with peer() as script, connected(script):
        script.answer = lambda frame: copy_of(frame, status=False, message="Service not found")
        loop = asyncio.get_running_loop()
        began = loop.time()
        await script.cut()
        await until(lambda: len(script.connections) == 5)
        # The shortest pauses there can be, with a factor of 1.6 between them.
        assert loop.time() - began > 0.1 + 0.16 + 0.25 + 0.4
        logins = [[frame["type"] for frame in frames] for frames in script.connections[:4]]
        assert logins == [["service_login"]] * 4
        assert len(script.open) <= 1


async def test_a_refused_frame_leads_to_no_login() -> None:
    def answer(frame: Frame) -> Frame:
        return copy_of(frame, status=frame["type"] == "service_login", message="No such channel")

    async with peer(answer) as script, connected(script) as client:
        for number in range(3):
            await client.send(message(str(number)))
        await until(client.outbound_queue.empty)
        assert [frame["type"] for frame in script.frames].count("service_login") == 1


async def test_a_mistake_in_reading_costs_one_frame(
    monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    real = frame_reader.read_frame

    def read(text: str) -> Inbound:
        if "weather" in text:
            raise KeyError("a mistake of ours")
        return real(text)

    monkeypatch.setattr(module, "read_frame", read)
    async with peer() as script, connected(script) as client:
        await script.open[0].send('{"type": "weather"}')
        await client.send(message("hi"))
        await until(client.outbound_queue.empty)
        assert len(script.connections) == 1
    assert sum("cannot read" in line and "KeyError" in line for line in log) == 1
