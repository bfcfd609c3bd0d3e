"""Many threads at a time, and large files in small slices."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from threading import Thread

import pytest

from moobius.messaging.connection_manager import ConnectionManager
from moobius.messaging.notifier import NotifierSock
from moobius.messaging.registry import request_callback
from tests.support.pump import Pump

MIB = 1024 * 1024


def test_a_thousand_requests_from_eight_threads_are_each_answered_at_their_own_callback(
    pumping: Pump,
) -> None:
    here, there = ConnectionManager(), ConnectionManager()
    NotifierSock().init(pumping.selector)
    pumping.join(here, there)
    request_callback("echo")(lambda connection, *numbers: numbers)
    answers: list[tuple[tuple[int, int], list[int]]] = []

    def ask(thread: int) -> None:
        for number in range(125):
            asked = (thread, number)
            here.get_response(
                "echo",
                lambda connection, value, asked: answers.append((asked, value)),
                asked,
                callback_kwargs={"asked": asked},
            )

    threads = [Thread(target=ask, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    pumping.until(lambda: len(answers) == 1000, lambda: len(answers))
    for thread in threads:
        thread.join()
    pumping.until_quiet()
    NotifierSock().close()
    assert all(list(asked) == value for asked, value in answers)
    assert {asked for asked, _ in answers} == {(t, n) for t in range(8) for n in range(125)}


@pytest.mark.parametrize("how", ["put", "get"])
def test_e23_e24_a_large_file_in_small_slices_takes_little_memory_and_each_byte_is_moved_once(
    pumping: Pump, in_folder: Path, how: str
) -> None:
    size = 8 * MIB
    with Path("source").open("wb") as file:
        file.truncate(size)
        file.write(b"begin")
        file.seek(size - 3)
        file.write(b"end")
    here, there = ConnectionManager(), ConnectionManager()
    assert here.buffer_size == 1024
    pumping.join(here, there)
    if how == "put":
        here.send_file("source", "copy")
    else:
        here.get_file("source", "copy")
    turns = 0
    tracemalloc.start()
    while not Path("copy").exists():
        assert pumping.turn(20), "it stands still"
        turns += 1
        assert not pumping.errors
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # Each slice is sent once and received once; a turn does both, as a rule.
    assert turns < 2.5 * size / 1024
    assert peak < MIB
    with Path("copy").open("rb") as copy, Path("source").open("rb") as source:
        while piece := source.read(MIB):
            assert copy.read(MIB) == piece
        assert copy.read() == b""
