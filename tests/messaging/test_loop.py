"""One turn of the loop: whatever happens to one, the others go on."""

from __future__ import annotations

import selectors
import time
from typing import Any

import pytest

from moobius.messaging import loop
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.limits import Limits
from moobius.messaging.notifier import NotifierSock
from moobius.messaging.registry import message_callback
from tests.support.pump import Pump, tcp_pair


def test_e29_whatever_leaves_a_connection_ends_that_connection_and_nothing_else(
    pumping: Pump, log: list[str]
) -> None:
    NotifierSock().init(pumping.selector)
    broken, fine, friend = (ConnectionManager() for _ in range(3))
    sock, peer = tcp_pair()
    pumping.adopt(broken, sock)
    pumping.join(fine, friend)
    said: list[int] = []
    message_callback("say")(lambda connection: said.append(1))
    peer.send(b"\0\0")
    friend.send_message("say")
    NotifierSock().notify()
    turns = loop.Loop(pumping.selector)
    while not (said and broken.socket is None):
        turns.turn()
    NotifierSock().close()
    assert fine.socket is not None
    assert any("connection ended: a header of no bytes" in line for line in log)
    peer.close()


def test_time_limits_hold_while_nothing_happens(pumping: Pump) -> None:
    slow, friend = ConnectionManager(limits=Limits(incomplete_s=0.05)), ConnectionManager()
    sock, peer = tcp_pair()
    pumping.adopt(slow, sock)
    peer.send(b"\0")
    errors: list[Any] = []
    friend.get_response("x", None, timeout=0.1, on_error=lambda c, e: errors.append(e))
    serving, turns = loop.Loop(pumping.selector, lambda: [friend]), 0
    while not (errors and slow.socket is None):
        serving.turn()
        turns += 1
    assert turns < 20, "it waits for the deadlines, and not in circles"
    peer.close()


def test_silent_connections_cost_nothing_while_others_are_busy(pumping: Pump) -> None:
    asked = 0

    class Silent(ConnectionManager):
        @property
        def next_deadline(self) -> float | None:
            nonlocal asked
            asked += 1
            return super().next_deadline

    silent, peers = [Silent() for _ in range(20)], []
    for each in silent:
        sock, peer = tcp_pair()
        pumping.adopt(each, sock)
        peers.append(peer)
    here, there = ConnectionManager(), ConnectionManager()
    pumping.join(here, there)
    answered: list[int] = []
    message_callback("say")(lambda connection, number: answered.append(number))
    serving, began = loop.Loop(pumping.selector), time.monotonic()
    for number in range(200):
        there.send_message("say", (number,))
        while len(answered) <= number:
            serving.turn()
    looks = 1 + (time.monotonic() - began) / loop.LONGEST_WAIT_S
    assert asked <= 2 * len(silent) * looks  # `expire` asks, too
    for peer in peers:
        peer.close()


def test_a_time_limit_that_is_set_meanwhile_holds(
    pumping: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LONGEST_WAIT_S", 60.0)
    here, there = ConnectionManager(), ConnectionManager()
    pumping.join(here, there)
    serving = loop.Loop(pumping.selector)
    serving.turn()
    errors: list[Exception] = []
    began = time.monotonic()
    here.get_response("nobody", None, timeout=0.1, on_error=lambda c, e: errors.append(e))
    while not errors:
        serving.turn()
    assert 0.1 <= time.monotonic() - began < 30.0


def test_e29_nor_does_what_fails_beside_the_connections(pumping: Pump, log: list[str]) -> None:
    class Broken:
        def process_events(self, mask: int) -> None:
            raise OSError("broken")

    here, there = tcp_pair()
    pumping.selector.register(here, selectors.EVENT_WRITE, data=Broken())
    loop.Loop(pumping.selector).turn()
    assert any(line.startswith("ERROR Broken failed in the loop") for line in log)
    here.close()
    there.close()


def test_an_error_of_a_programmer_is_logged_with_its_place(log: list[str]) -> None:
    def mistake() -> None:
        raise LookupError

    loop.contain(ConnectionManager(), mistake)
    assert any("LookupError" in line and "test_loop.py" in line for line in log)


def test_ctrl_c_is_not_contained() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.contain(ConnectionManager(), interrupt)
