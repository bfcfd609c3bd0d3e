"""One instance, whoever asks, with whatever arguments, from however many threads."""

from __future__ import annotations

import time
from threading import Thread

from moobius.messaging.singleton import Singleton


def test_the_second_construction_returns_the_first_instance() -> None:
    class One(Singleton):
        def __init__(self, name: str) -> None:
            self.name = name

    first = One("first")
    assert One("second") is first
    assert first.name == "first"


def test_subclasses_have_their_own() -> None:
    class One(Singleton):
        pass

    class Other(One):
        pass

    assert One() is not Other()
    assert type(Other()) is Other


def test_threads_that_ask_at_the_same_time_get_the_same() -> None:
    class Slow(Singleton):
        def __init__(self) -> None:
            time.sleep(0.02)  # so that the others come while it is being made

    found: list[Slow] = []
    threads = [Thread(target=lambda: found.append(Slow())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1
