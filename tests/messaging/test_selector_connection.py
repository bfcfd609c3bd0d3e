"""Connections on a selector: adopted, lost, closed and made again, from any thread."""

from __future__ import annotations

import selectors
import time
from pathlib import Path
from threading import Thread, Timer, get_ident
from typing import Any

import pytest

from moobius.errors import PeerClosed, ProtocolError, RequestTimeout
from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.limits import Limits
from moobius.messaging.message_manager import MessageManager
from moobius.messaging.notifier import NotifierSock
from moobius.messaging.registry import message_callback, request_callback
from tests.support.pump import Pump, tcp_pair

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


@pytest.fixture
def pair(pumping: Pump, in_folder: Path) -> tuple[ConnectionManager, ConnectionManager]:
    here, there = ConnectionManager(), ConnectionManager()
    pumping.join(here, there)
    return here, there


Pair = tuple[ConnectionManager, ConnectionManager]


@pytest.fixture
def said() -> list[Any]:
    """The arguments with which the action `say` was called."""
    found: list[Any] = []
    message_callback("say")(lambda connection, *args: found.extend(args))
    return found


def interest_of(connection: ConnectionManager) -> int:
    assert connection.selector is not None and connection.socket is not None
    return connection.selector.get_key(connection.socket).events


def test_connect_adopts_a_socket_and_waits_for_reading(pumping: Pump) -> None:
    here, _there = tcp_pair()
    connection = ConnectionManager()
    connection.connect(pumping.selector, here, ("10.0.0.1", 25000))
    assert (connection.selector, connection.socket) == (pumping.selector, here)
    assert connection.addr == ("10.0.0.1", 25000)
    assert pumping.selector.get_key(here).data is connection, "it was not registered before"
    assert interest_of(connection) == READ
    connection._close()
    assert (connection.selector, connection.socket) == (None, None)
    assert connection.addr == ("10.0.0.1", 25000)
    assert here.fileno() == -1
    connection._close()
    _there.close()


def test_one_that_is_registered_for_somebody_else_becomes_ours(pumping: Pump) -> None:
    here, there = tcp_pair()
    pumping.selector.register(here, READ | WRITE, data=None)
    connection = ConnectionManager()
    connection.connect(pumping.selector, here, there.getsockname())
    assert pumping.selector.get_key(here).data is connection
    there.close()


def test_a_peer_that_hangs_up_is_a_runtime_error(pumping: Pump, pair: Pair) -> None:
    pair[1]._close()
    pumping.until(lambda: pumping.errors)
    assert isinstance(pumping.errors[0], PeerClosed)
    assert isinstance(pumping.errors[0], RuntimeError)


def test_a_message_that_was_cut_is_in_the_log(pumping: Pump, log: list[str]) -> None:
    here, there = tcp_pair()
    connection = ConnectionManager()
    pumping.adopt(connection, here)
    there.send(MessageManager.create_action_message("a")[:-1])
    there.close()
    pumping.until(lambda: pumping.errors)
    assert any("ended inside a message" in line for line in log)


def test_malformed_input_is_a_value_error_and_stays_one(pumping: Pump) -> None:
    here, there = tcp_pair()
    connection = ConnectionManager()
    pumping.adopt(connection, here)
    there.send(b"\0\0")
    pumping.until(lambda: pumping.errors)
    assert isinstance(pumping.errors[0], ValueError)
    there.close()


# Orderly closing.


def test_close_is_done_by_the_loop_and_drops_what_is_queued(
    pumping: Pump, pair: Pair, said: list[Any]
) -> None:
    pair[0].send_message("say", ("dropped",))
    pair[0].close()
    assert pair[0].socket is not None
    pumping.until(lambda: pair[0].socket is None and pair[1].socket is None)
    assert said == []


def test_e25_a_callback_may_close_its_own_connection(pumping: Pump, pair: Pair) -> None:
    seen: list[int] = []

    def say(connection: ConnectionManager, number: int) -> None:
        seen.append(number)
        connection.send_message("say", (0,))  # so that the same event allows writing
        (connection.close if number == 1 else connection._close)()

    message_callback("say")(say)
    for number in (1, 2):
        pair[0].send_message("say", (number,))
        pair[0].send_message("say", (9,))
        pumping.until(lambda: pair[1].socket is None)
        pumping.until(lambda: pair[0].socket is None)
        assert seen[-1] == number, "nothing is handled after the closing"
        pumping.join(*pair)
    assert {type(error) for error in pumping.errors} == {PeerClosed}


def test_e25_nothing_is_written_after_a_callback_has_closed(pumping: Pump, pair: Pair) -> None:
    message_callback("say")(lambda connection: connection.close())
    pair[0].send_message("say")
    pair[0].write()
    pair[1].send_message("too late")
    pumping.selector.select(20)
    pair[1].process_events(READ | WRITE)
    pair[1].process_events(WRITE)
    assert pair[1].socket is None
    assert pair[0].socket is not None
    pair[0].socket.setblocking(True)
    assert pair[0].socket.recv(1024) == b""


def test_e27_close_without_a_connection_has_no_effect(
    pumping: Pump, pair: Pair, said: list[Any]
) -> None:
    fresh, other = ConnectionManager(), ConnectionManager()
    fresh.close()
    errors: list[Any] = []
    fresh.get_response("x", None, timeout=0.0, on_error=lambda c, e: errors.append(e))
    fresh.expire()
    assert len(errors) == 1
    pumping.join(fresh, other)
    fresh.send_message("say", (1,))
    pumping.until(lambda: said)
    assert said == [1]


def test_e26_sending_without_a_connection_is_no_error(
    pumping: Pump, said: list[Any], log: list[str]
) -> None:
    here, there = ConnectionManager(), ConnectionManager()
    here.send_message("say", ("dropped",))
    assert any(line.startswith("WARNING") and "not connected" in line for line in log)
    here.resume_queue = True
    here.send_message("say", ("kept",))
    pumping.join(here, there)
    pumping.until(lambda: said)
    pumping.until_quiet()
    assert said == ["kept"]


# Coming back.


@pytest.mark.parametrize("keep", [False, True])
def test_e22_a_resumed_queue_starts_by_itself(
    pumping: Pump, pair: Pair, said: list[Any], keep: bool
) -> None:
    pair[0].resume_queue = keep
    for number in range(3):
        pair[0].send_message("say", (number,))
    pair[0]._close()
    pumping.until(lambda: pair[1].socket is None)
    pumping.join(*pair)
    pumping.until(lambda: said == ([0, 1, 2] if keep else []))
    pumping.until_quiet()
    assert said == ([0, 1, 2] if keep else [])


def test_what_was_kept_is_dropped_when_it_is_no_longer_to_be_kept(
    pumping: Pump, said: list[Any]
) -> None:
    here, there = ConnectionManager(), ConnectionManager()
    here.resume_queue = True
    here.send_message("say", ("kept",))
    here.resume_queue = False
    pumping.join(here, there)
    here.send_message("say", ("new",))
    pumping.until(lambda: "new" in said)
    assert said == ["new"]


def test_e09_requests_are_sent_again_byte_for_byte_any_number_of_times(pumping: Pump) -> None:
    here = ConnectionManager()
    here.get_response("first", None, (1, "x"), {"y": 2})
    here.get_file("theirs", "ours")
    seen = []
    for _ in range(3):
        sock, there = tcp_pair()
        pumping.adopt(here, sock)
        pumping.until_quiet()  # all of it is here
        seen.append(there.recv(65536))
        here._close()
        there.close()
    assert seen[0] == seen[1] == seen[2]
    first = MessageManager()
    first.income_raw = seen[0]
    first.process_message()
    assert first.content["args"] == [1, "x"]
    assert first.content["kwargs"] == {"y": 2}
    assert list(first.content) == ["requested_value", "request_id", "args", "kwargs"]
    second = MessageManager()
    second.income_raw = first.income_raw
    second.process_message()
    assert second.content["kwargs"] == {"filepath": "theirs"}
    assert second.income_raw == b""


def test_e09_not_without_resend_requests(pumping: Pump) -> None:
    here, there = ConnectionManager(), ConnectionManager()
    here.resend_requests = False
    asked: list[int] = []
    request_callback("x")(lambda connection: asked.append(1))
    here.get_response("x", None)
    pumping.join(here, there)
    pumping.until_quiet()
    assert asked == []


def test_e10_a_request_that_is_still_queued_is_sent_once(pumping: Pump, pair: Pair) -> None:
    asked: list[int] = []
    answers: list[Any] = []
    request_callback("x")(lambda connection: asked.append(1))
    pair[0].resume_queue = True
    pair[0].get_response("x", lambda connection, value: answers.append(value))
    pair[0]._close()
    pumping.until(lambda: pair[1].socket is None)
    pumping.join(*pair)
    pumping.until(lambda: answers)
    pumping.until_quiet()
    assert (asked, answers) == ([1], [None])


# Time.


def test_requests_run_out_of_time_without_a_connection_too() -> None:
    here = ConnectionManager()
    errors: list[Any] = []
    here.get_response("x", None, timeout=0.0, on_error=lambda c, e: errors.append((c, e)))
    deadline = here.next_deadline
    assert deadline is not None
    assert deadline <= time.monotonic()
    here.expire()
    assert errors[0][0] is here
    assert isinstance(errors[0][1], RequestTimeout)
    assert here.next_deadline is None
    here.expire()
    assert len(errors) == 1


def test_a_late_answer_is_no_second_ending(pumping: Pump, pair: Pair) -> None:
    endings: list[Any] = []
    pair[0].get_response(
        "x",
        lambda connection, value: endings.append(value),
        timeout=0.0,
        on_error=lambda connection, error: endings.append(error),
    )
    (pending,) = pair[0]._link.pending
    pair[0].expire()
    pair[1]._send(MessageManager.create_response("x", pending.request_id, "late"))
    pumping.until_quiet()
    assert [type(ending) for ending in endings] == [RequestTimeout]


def test_without_on_error_the_log_says_it(log: list[str]) -> None:
    here = ConnectionManager()
    here.get_response("x", None, timeout=0.0)
    here.expire()
    assert any("no answer to 'x' in time" in line for line in log)


def test_a_message_that_never_ends_is_not_waited_for(pumping: Pump) -> None:
    connection = ConnectionManager(limits=Limits(incomplete_s=0.05))
    here, there = tcp_pair()
    pumping.adopt(connection, here)
    there.send(b"\0\x8f{")

    def is_refused() -> bool:
        try:
            connection.expire()
        except ProtocolError:
            return True
        return False

    pumping.until(is_refused)
    there.close()


def test_callbacks_that_raise_harm_nobody_else(
    pumping: Pump, pair: Pair, said: list[Any], log: list[str]
) -> None:
    request_callback("x")(lambda connection: 1)
    message_callback("raises")(lambda connection: 1 / 0)
    pair[0].send_message("raises")
    pair[0].get_response("x", lambda connection, value: 1 / 0)
    pair[0].get_response("x", None, timeout=0.0, on_error=lambda connection, error: 1 / 0)
    pair[0].expire()
    pair[0].send_message("say", (1,))
    pumping.until(lambda: said)
    pumping.until_quiet()
    assert not pumping.errors
    assert sum("ZeroDivisionError" in line for line in log) == 3


# Threads.


def test_e21_what_is_queued_at_the_worst_moment_leaves_all_the_same(
    pair: Pair, pumping: Pump, said: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # The worst moment: the queue was found empty, and waiting for room to write is about to end.
    modify = pumping.selector.modify
    meddlers: list[Thread] = []

    def meddle(fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if events == READ and not meddlers:
            meddlers.append(Thread(target=pair[0].send_message, args=("say", ("second",))))
            meddlers[0].start()
            meddlers[0].join(0.2)
        return modify(fileobj, events, data)

    monkeypatch.setattr(pumping.selector, "modify", meddle)
    pair[0].send_message("say", ("first",))
    pumping.until(lambda: len(said) == 2)
    meddlers[0].join()
    assert said == ["first", "second"]


def test_no_lock_is_held_while_a_callback_runs(pumping: Pump, pair: Pair) -> None:
    passed: list[bool] = []

    def say(connection: ConnectionManager, *_: Any) -> None:
        others = [
            Thread(target=connection.send_message, args=("unknown",)),
            Thread(target=connection.get_response, args=("unknown", None)),
        ]
        for other in others:
            other.start()
            other.join(5)
        passed.append(not any(other.is_alive() for other in others))

    def ask(connection: ConnectionManager, *_: Any) -> None:
        say(connection)

    message_callback("say")(say)
    request_callback("ask")(ask)
    pair[0].send_message("say")
    pair[0].get_response("ask", say)
    pair[0].get_response("never", None, timeout=0.0, on_error=say)
    pair[0].expire()
    pumping.until(lambda: len(passed) == 4)
    assert all(passed)


def test_another_thread_wakes_a_loop_that_looks_at_a_copy_of_its_list(
    pair: Pair, pumping: Pump, said: list[Any]
) -> None:
    # Some selectors do not notice a change while they wait. The notifier is for those.
    with selectors.SelectSelector() as selector:
        NotifierSock().init(selector)
        here, there = tcp_pair()
        connection = ConnectionManager()
        connection.connect(selector, here, ("x", 1))
        thread = Timer(0.2, connection.send_message, ("say", (1,)))  # when the loop waits
        began = time.monotonic()
        thread.start()
        while thread.is_alive() or connection._send_queue:
            for key, mask in selector.select(20):
                key.data.process_events(mask)
        assert time.monotonic() - began < 10
        there.settimeout(20)
        assert there.recv(65536) == MessageManager.create_action_message("say", (1,))
        connection._close()
        there.close()
        NotifierSock().close()


def test_callbacks_run_on_the_loop_s_thread(pumping: Pump, pair: Pair) -> None:
    threads: list[int] = []
    message_callback("say")(lambda connection: threads.append(get_ident()))
    sender = Thread(target=pair[0].send_message, args=("say",))
    sender.start()
    pumping.until(lambda: threads)
    sender.join()
    assert threads == [get_ident()]


def test_taking_over_goes_on_in_the_middle_of_the_stream(pumping: Pump, pair: Pair) -> None:
    other = ConnectionManager()
    heard: list[tuple[ConnectionManager, Any]] = []

    def say(connection: ConnectionManager, number: int) -> None:
        heard.append((connection, number))
        if number == 0:
            connection.get_response("x", lambda peer, value: heard.append((peer, "before")))
            connection.hand_over(other)

    message_callback("say")(say)
    request_callback("x")(lambda connection: "answer")
    other.get_response("x", lambda connection, value: heard.append((connection, value)))
    for number in range(3):
        pair[0].send_message("say", (number,))
    pumping.until(lambda: len(heard) == 5)
    assert heard[:3] == [(pair[1], 0), (other, 1), (other, 2)]
    assert heard[3:] == [(other, "before"), (other, "answer")]
    assert pair[1].socket is None
    assert not pumping.errors
