"""Connections that break anywhere: at every byte, and again and again under load.

What the protocol can promise is in `outbox.py`: what was handed to the system completely is not
repeated, for there is no acknowledgement. So each cut below says what becomes of the bytes under
way: they arrive, or they are lost.
"""

from __future__ import annotations

import itertools
import random
import selectors
from pathlib import Path
from typing import Any

import pytest

from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.message_manager import MessageManager
from moobius.messaging.registry import message_callback, request_callback
from tests.support.pump import Pump, wait_for_arrival

SAY = [MessageManager.create_action_message("say", (number,)) for number in range(3)]
ASK = MessageManager.create_request("ask", "0000")
# The exchange: an action, a request, an action. Where each of them ends.
ENDS = list(itertools.accumulate([len(SAY[0]), len(ASK), len(SAY[1])]))


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("arrives", [True, False])
def test_e19_at_every_byte_nothing_comes_twice_or_mixed_or_is_lost_needlessly(
    pumping: Pump, in_folder: Path, resume: bool, arrives: bool
) -> None:
    said: list[int] = []
    answers: list[str] = []
    message_callback("say")(lambda connection, number: said.append(number))
    request_callback("ask")(lambda connection: "answer")
    for offset in range(ENDS[-1] + 1):
        said.clear()
        answers.clear()
        here, there = ConnectionManager(), ConnectionManager()
        here.resume_queue = there.resume_queue = resume
        pumping.join(here, there)
        here.send_message("say", (0,))
        here.get_response("ask", lambda connection, value: answers.append(value))
        here.send_message("say", (1,))
        hand_over(here, offset)
        wait_for_arrival(here)
        if arrives:
            there.buffer_size = 65536
            there.read() if offset else None
        before = list(said)
        here._close()
        there._close()
        here.buffer_size = there.buffer_size = 1024
        pumping.join(here, there)
        here.send_message("say", (2,))
        pumping.until(lambda: said[-1:] == [2] and answers, lambda: (said, answers))
        pumping.turn(0)

        handed_over = [offset >= ENDS[0], offset >= ENDS[2]]
        if arrives:
            assert before == [number for number in (0, 1) if handed_over[number]]
        left = [number for number in (0, 1) if resume and not handed_over[number]]
        assert said == [*before, *left, 2], offset
        assert answers == ["answer"], offset
        assert not pumping.errors
        here._close()
        there._close()


def hand_over(connection: ConnectionManager, count: int) -> None:
    """Hand exactly that many bytes to the system; a slice ends with its message at the latest."""
    position = 0
    for end in ENDS:
        part = min(end, count) - position
        for size in (part // 2, part - part // 2):
            if size > 0:
                connection.buffer_size = size
                connection.process_events(selectors.EVENT_WRITE)
                position += size


@pytest.mark.parametrize("seed", range(3))
def test_twenty_cuts_lose_nothing_and_keep_the_order(
    pumping: Pump, in_folder: Path, seed: int
) -> None:
    """1,000 messages and 50 requests, both ways, on a network that delivers what it has taken."""
    dice = random.Random(seed)
    pair = ConnectionManager(), ConnectionManager(role="server")
    heard: dict[ConnectionManager, list[int]] = {pair[0]: [], pair[1]: []}
    answered: dict[ConnectionManager, list[tuple[int, int]]] = {pair[0]: [], pair[1]: []}

    message_callback("say")(lambda connection, number: heard[connection].append(number))
    request_callback("double")(lambda connection, number: 2 * number)

    def note(connection: ConnectionManager, value: int, number: int) -> None:
        answered[connection].append((number, value))

    for connection in pair:
        connection.resume_queue = True
        connection.resend_requests = True
        for number in range(1000):
            connection.send_message("say", (number,))
            if number % 20 == 0:
                connection.get_response("double", note, (number,), callback_args=(number,))
    for _ in range(20):
        pumping.join(*pair)
        for connection in pair:
            connection.buffer_size = dice.randrange(50, 2000)
        for _ in range(dice.randrange(1, 10)):
            pumping.turn()
        cut(pair)
        assert all(len(connection._outbox) > 100 for connection in pair), "cut while it is busy"
    pumping.join(*pair)
    pumping.until(
        lambda: (
            all(len(found) == 50 for found in answered.values())
            and all(len(found) >= 1000 for found in heard.values())
        ),
        lambda: (list(map(len, heard.values())), list(map(len, answered.values()))),
    )
    pumping.until_quiet()
    for connection in pair:
        assert heard[connection] == list(range(1000))
        assert sorted(answered[connection]) == [(n, 2 * n) for n in range(0, 1000, 20)]
    assert not pumping.errors


def cut(pair: tuple[ConnectionManager, ConnectionManager]) -> None:
    """Break the connection, in the middle of a message as a rule; what is under way arrives."""
    wait_for_arrival(*pair)
    for connection in pair:
        connection.buffer_size = 1 << 20
        connection.read()
    for connection in pair:
        connection._close()


def test_a_network_that_loses_what_it_has_taken_loses_no_request(
    pumping: Pump, in_folder: Path
) -> None:
    dice = random.Random(1)
    here, there = ConnectionManager(), ConnectionManager()
    here.resume_queue = there.resume_queue = True
    answers: list[Any] = []
    request_callback("double")(lambda connection, number: 2 * number)
    for number in range(50):
        here.get_response("double", lambda connection, value: answers.append(value), (number,))
    for _ in range(20):
        pumping.join(here, there)
        for _ in range(dice.randrange(1, 6)):
            pumping.turn()
        here._close()  # with whatever neither side has read
        there._close()
    pumping.join(here, there)
    pumping.until(lambda: len(answers) >= 50)
    pumping.until_quiet()
    assert sorted(answers) == [2 * number for number in range(50)]
