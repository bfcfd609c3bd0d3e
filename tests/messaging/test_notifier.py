"""Waking a loop: by whom, how often, and at any time."""

from __future__ import annotations

import selectors
import socket
import sys
from collections.abc import Iterator
from threading import Thread

import pytest

from moobius.messaging.notifier import NotifierSock


@pytest.fixture
def selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as found:
        yield found
    NotifierSock().close()


def woken(selector: selectors.BaseSelector, timeout: float = 10) -> bool:
    """Wait as a loop does; tell whether the notifier woke us, and let it take that."""
    events = selector.select(timeout)
    for key, mask in events:
        assert key.data is NotifierSock()
        key.data.process_events(mask)
    return bool(events)


def test_another_thread_wakes_the_loop(selector: selectors.BaseSelector) -> None:
    notifier = NotifierSock()
    notifier.init(selector)
    assert selector.get_key(notifier.get_sock()).data is notifier  # type: ignore[arg-type]
    Thread(target=notifier.notify).start()
    assert woken(selector)
    assert not woken(selector, 0)


def test_e20_there_is_nothing_for_others_to_connect_to(selector: selectors.BaseSelector) -> None:
    NotifierSock().init(selector, port=26000)
    sock = NotifierSock().get_sock()
    assert sock is not None
    if sys.platform == "win32":
        assert sock.getsockname()[0] == "127.0.0.1"
    else:
        assert sock.family == socket.AF_UNIX
        assert sock.getsockname() == ""
    assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_e20_init_may_be_called_again(selector: selectors.BaseSelector) -> None:
    notifier = NotifierSock()
    notifier.init(selector)
    first = notifier.get_sock()
    with selectors.DefaultSelector() as other:
        notifier.init(other)
        assert first is not None
        assert first.fileno() == -1
        assert not selector.get_map()
        notifier.notify()
        assert woken(other)


def test_e20_close_is_for_any_time(selector: selectors.BaseSelector) -> None:
    notifier = NotifierSock()
    notifier.close()
    notifier.init(selector)
    notifier.close()
    notifier.close()
    assert notifier.get_sock() is None
    assert not selector.get_map()
    notifier.notify()
    notifier.process_events(selectors.EVENT_READ)
    notifier.init(selector)
    notifier.notify()
    assert woken(selector)


def test_it_may_be_closed_after_the_selector() -> None:
    with selectors.DefaultSelector() as selector:
        NotifierSock().init(selector)
    NotifierSock().close()
    assert NotifierSock().get_sock() is None


def test_waking_a_loop_that_does_not_listen_never_waits(selector: selectors.BaseSelector) -> None:
    NotifierSock().init(selector)
    for _ in range(200_000 // 100):
        for _ in range(100):
            NotifierSock().notify()
    assert woken(selector)
    # Any number of wake-ups is soon forgotten: the loop does not spin.
    rounds = 0
    while woken(selector, 0):
        rounds += 1
        assert rounds < 1000


def test_there_is_one() -> None:
    assert NotifierSock() is NotifierSock()
