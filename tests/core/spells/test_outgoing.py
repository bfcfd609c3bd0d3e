"""What was not taken from one queue is in the next."""

from __future__ import annotations

import multiprocessing
import pickle
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moobius.core.spells.outgoing import Spells, pickle_now
from moobius.core.spells.queue_ends import number_of, read_one
from moobius.errors import WandError
from tests.support.patience import PATIENCE, until
from tests.support.program import Program
from tests.support.scripts import script

CONTEXT = multiprocessing.get_context()


@pytest.fixture
def spells() -> Iterator[Spells]:
    spells = Spells("Room")
    yield spells
    spells.close()


def begin(spells: Spells) -> None:
    """Do what a worker does around the start of a process."""
    spells.renew(CONTEXT)
    spells.open_up()


def take(spells: Spells, count: int) -> list[Any]:
    """Do what the reader in the other process does."""
    found = []
    for _ in range(count):
        found.append(spells.queue.get(timeout=PATIENCE))
        spells.taken.value += 1
    return found


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_nobody_took_is_in_the_next_queue_in_order(spells: Spells) -> None:
    begin(spells)
    for number in range(5):
        spells.put(number)
    assert take(spells, 2) == [0, 1]
    spells.suspend()
    spells.put(5)  # while there is no process
    begin(spells)
    spells.put(6)
    assert take(spells, 5) == [2, 3, 4, 5, 6]


def test_what_was_taken_is_not_kept(spells: Spells) -> None:
    begin(spells)
    spells.put("one")
    take(spells, 1)
    spells.put("two")
    assert [pickle.loads(each) for each in spells._untaken] == ["two"]


def test_what_a_service_puts_there_itself_is_not_taken_for_one(spells: Spells) -> None:
    begin(spells)
    spells.put("one")
    assert take(spells, 1) == ["one"]
    spells.queue.put("note to self")
    own = read_one(spells.queue)
    spells.put("two")
    pickled = read_one(spells.queue)
    assert (number_of(own), pickle.loads(own)) == (0, "note to self")
    assert (number_of(pickled), pickle.loads(pickled)) == (2, "two")
    begin(spells)
    spells.put("three")
    assert take(spells, 2) == ["two", "three"]


def test_what_others_make_of_the_count_does_no_harm(spells: Spells) -> None:
    begin(spells)
    spells.put("one")
    spells.taken.value = 1000
    spells.put("two")
    spells.put("three")
    assert take(spells, 3) == ["one", "two", "three"]


def test_what_nobody_takes_any_more_is_told(spells: Spells, log: list[str]) -> None:
    begin(spells)
    for number in range(3):
        spells.put(number)
    take(spells, 1)
    spells.close()
    spells.close()
    told = [line for line in log if "not taken" in line]
    assert len(told) == 1 and "Room has ended; 2 spells were not taken" in told[0]


def test_one_is_sent_as_it_was_when_it_was_cast(spells: Spells) -> None:
    spells.put(wish := ["rain"])
    wish.append("snow")
    begin(spells)
    assert take(spells, 1) == [["rain"]]


def test_nothing_of_one_is_in_the_next() -> None:
    assert pickle.loads(pickle_now("secret" * 1000)) == "secret" * 1000
    assert pickle_now("s") == pickle_now("s")
    assert b"secret" not in pickle_now("s")


def test_what_cannot_travel_is_refused_at_once(spells: Spells) -> None:
    begin(spells)
    with pytest.raises(WandError, match=r"this spell cannot travel: cannot pickle .*lock"):
        spells.put(["half of it", threading.Lock()])
    spells.put("next")
    assert take(spells, 1) == ["next"]


def test_what_only_a_queue_can_carry_travels(spells: Spells) -> None:
    """A connection is not pickled by its attributes, but handed over."""
    begin(spells)
    mine, theirs = CONTEXT.Pipe()
    with mine, theirs:
        spells.put(theirs)
        (found,) = take(spells, 1)
        with found:
            assert found.fileno() != theirs.fileno()
            found.send("hello")
            assert mine.recv() == "hello"


def test_who_casts_never_waits_for_a_service_that_does_not_keep_up(spells: Spells) -> None:
    begin(spells)
    great = "x" * 1_000_000
    for _ in range(20):  # far more than a pipe holds
        spells.put(great)
    spells.put("last")
    assert take(spells, 21) == [great] * 20 + ["last"]


def test_many_threads_may_cast(spells: Spells) -> None:
    begin(spells)

    def cast(name: str) -> None:
        for number in range(500):
            spells.put((name, number))

    threads = [threading.Thread(target=cast, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    found = take(spells, 1500)
    for name in "abc":
        assert [number for who, number in found if who == name] == list(range(500))
    for thread in threads:
        thread.join()


async def test_nothing_is_left_of_many_processes_and_the_thread_ends(spells: Spells) -> None:
    begin(spells)
    before = open_files()
    threads = set(threading.enumerate())
    for _ in range(20):
        spells.put("x" * 100_000)
        begin(spells)
    assert open_files() <= before
    assert set(threading.enumerate()) <= threads
    feeder = spells._feeder
    assert feeder is not None
    spells.close()
    await until(lambda: not feeder.is_alive())


async def test_a_signal_in_the_middle_of_a_write_garbles_nothing(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
import signal
from moobius.core.spells import queue_ends

class Interrupted:
    def write(self, file, data):
        written = os.write(file, data)
        os.kill(os.getpid(), signal.SIGTERM)
        return written
    def __getattr__(self, name):
        return getattr(os, name)

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Room, background=True)
    queue_ends.os = Interrupted()
    try:
        wand.spell(handle, "once")
    finally:
        queue_ends.os = os
        wand.spell(handle, "another")
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 143, program.output
    assert re.findall("^spell (.*)$", program.output, re.MULTILINE) == ["once", "another"]
    assert "stopped" in program.output
