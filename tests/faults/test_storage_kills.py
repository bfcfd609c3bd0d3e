"""Killed at any moment of a loop of writes, a store opens, and every record is whole.

Stronger than "old or new": what the writer was told is stored is there, and of the write it died
in, all or nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from pathlib import Path
from typing import Any

import pytest

from moobius.database.database_interface import DatabaseInterface, read_many
from moobius.database.engines import get_engine

ROUNDS = 100  # for each engine
LONGEST_LIFE = 60  # operations
LONGEST_REST = 0.005  # seconds after the last of them, or after the start

Operation = tuple[str, Any]


def operation(seed: int, number: int) -> Operation:
    """Return what the writer of a round does next: a key and its value, or None to delete it."""
    chance = random.Random(seed * 1_000_003 + number)
    key = chance.choice(["ada", "a/b", "x" * 300, "Bob", "eve"])
    if chance.random() < 0.15:
        return key, None
    return key, {"number": number, "text": f"{number}," * chance.choice([1, 10, 3000])}


def apply(state: dict[str, Any], done: Operation) -> dict[str, Any]:
    key, value = done
    rest = {k: v for k, v in state.items() if k != key}
    return rest if value is None else {**rest, key: value}


def write_until_killed(engine: str, place: dict[str, Any], seed: int, told: int) -> None:
    database: DatabaseInterface = get_engine(engine)("service_s.channel_c.box", **place)
    number = 0
    while True:
        key, value = operation(seed, number)
        if value is None:
            database.delete_key(key)
        else:
            assert database.set_value(key, value)[0]
        os.write(told, b".")
        number += 1


@pytest.mark.parametrize("engine", ["json", "sqlite"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_killed_a_hundred_times(engine: str, tmp_path: Path) -> None:
    place = {"root_dir": str(tmp_path)}
    chance = random.Random(20261121)
    state: dict[str, Any] = {}
    total = in_the_middle = 0
    # That it is killed while working, and not always before or between, is a matter of chance.
    for seed in range(10 * ROUNDS):
        if seed >= ROUNDS and in_the_middle:
            break
        count = one_life(engine, place, seed, chance)
        before = state
        for number in range(count):
            before = apply(before, operation(seed, number))
        after = apply(before, operation(seed, count))
        database = get_engine(engine)("service_s.channel_c.box", **place)
        state = dict(read_many(database))
        assert sorted(database.all_keys()) == sorted(state)
        database.close()
        assert state in (before, after), f"round {seed}, after {count} operations"
        in_the_middle += state == after != before
        total += count
    assert total > 10 * ROUNDS
    assert in_the_middle > 0


def one_life(engine: str, place: dict[str, Any], seed: int, chance: random.Random) -> int:
    """Run a writer, kill it at a random moment; return how many operations it said are done."""
    hears, tells = os.pipe()
    writer = multiprocessing.get_context("fork").Process(
        target=write_until_killed, args=(engine, place, seed, tells)
    )
    writer.start()
    os.close(tells)
    with os.fdopen(hears, "rb") as heard:
        count = len(heard.read(chance.choice([0, chance.randrange(LONGEST_LIFE)])))
        time.sleep(chance.uniform(0, LONGEST_REST))  # waits for nothing: the moment is random
        writer.kill()
        writer.join()
        return count + len(heard.read())
