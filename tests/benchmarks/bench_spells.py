"""Spells to a background service, beside a bare `multiprocessing.Queue` of the same objects.

    python -m tests.benchmarks.bench_spells [ROUNDS]

Both are read by a process of its own that answers over the same kind of pipe. The rounds take
turns, so that a busy moment of the machine falls on both alike; the best of each counts, the
greatest rate and the least median of a round, and below stands how far the rounds are apart. Then a
script that attaches to the wand and casts one spell, in a fresh interpreter, beside one that does
nothing.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from loguru import logger

from moobius import Moobius, MoobiusWand

SPELLS = 50_000
TRIPS = 2_000
ATTACHED = 2_000
AIM_RATE = 62_500
AIM_RATIO = 0.25
AIM_LATENCY = 2.0
AIM_SCRIPT_S = 0.3
CAST = "from moobius import MoobiusWand; MoobiusWand.attach().spell('Target', {'n': -1})"

# What is sent instead of a spell's number -> answered.
ANSWERED, LAST = "answered", "last"


def spell_of(number: int, want: str = "") -> dict[str, Any]:
    return {"n": number, "want": want, "text": "it rains in the north"}


class Target(Moobius):
    """Answers a spell that wants it."""

    def __init__(self, answers: Connection, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.answers = answers

    async def on_spell(self, spell: dict[str, Any]) -> None:
        if spell.get("want"):
            self.answers.send(spell["n"])


def read_bare(queue: Any, answers: Connection) -> None:
    while (spell := queue.get()) is not None:
        if spell["want"]:
            answers.send(spell["n"])


class Side:
    """One of the two: how to send, and where answers come in."""

    def __init__(self, send: Callable[[Any], None], answers: Connection) -> None:
        self.send = send
        self.answers = answers
        self.rates: list[float] = []
        self.trips: list[float] = []

    def measure_rate(self) -> None:
        spells = [spell_of(number) for number in range(SPELLS - 1)]
        start = time.perf_counter()
        for spell in spells:
            self.send(spell)
        self.send(spell_of(SPELLS, LAST))
        self.answers.recv()
        self.rates.append(SPELLS / (time.perf_counter() - start))

    def measure_trips(self) -> None:
        trips = []
        for number in range(TRIPS):
            start = time.perf_counter()
            self.send(spell_of(number, ANSWERED))
            self.answers.recv()
            trips.append((time.perf_counter() - start) * 1e6)
        self.trips.append(statistics.median(trips))


def attached_rate() -> float:
    """Return how many spells an attached wand has confirmed in a second, one after the other."""
    with MoobiusWand.attach() as wand:
        start = time.perf_counter()
        for number in range(ATTACHED):
            wand.spell("Target", spell_of(number))
        return ATTACHED / (time.perf_counter() - start)


def script_seconds(code: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def report(
    bare: Side, ours: Side, attached: float, scripts: list[float], bare_script: float
) -> str:
    def verdict(is_met: bool) -> str:
        return "met" if is_met else "MISSED"

    rates = max(bare.rates), max(ours.rates)
    trips = min(bare.trips), min(ours.trips)
    script = statistics.median(scripts)
    ratio, latency = rates[1] / rates[0], trips[1] / trips[0]
    return "\n".join(
        [
            f"{'':32} {'bare queue':>12} {'spells':>12} {'ratio':>7}   aim",
            f"{'one way, a second':32} {rates[0]:>12,.0f} {rates[1]:>12,.0f} {ratio:>7.2f}   "
            f">= {AIM_RATIO} {verdict(ratio >= AIM_RATIO)}, "
            f">= {AIM_RATE:,}/s {verdict(rates[1] >= AIM_RATE)}",
            f"{'  least of the rounds':32} {min(bare.rates):>12,.0f} {min(ours.rates):>12,.0f} "
            f"{_between(ours.rates, bare.rates):>7.2f}   (ratio: median of the pairs)",
            f"{'there and back, median in us':32} {trips[0]:>12,.0f} {trips[1]:>12,.0f} "
            f"{latency:>7.2f}   <= {AIM_LATENCY} {verdict(latency <= AIM_LATENCY)}",
            f"{'  most of the rounds':32} {max(bare.trips):>12,.0f} {max(ours.trips):>12,.0f} "
            f"{_between(ours.trips, bare.trips):>7.2f}   (ratio: median of the pairs)",
            f"{'attached and confirmed, a second':32} {'':>12} {attached:>12,.0f}",
            f"{'attach and cast, whole script':32} {bare_script:>10.3f} s {script:>10.3f} s "
            f"{'':>7}   < {AIM_SCRIPT_S} s {verdict(script < AIM_SCRIPT_S)} "
            f"(left: an interpreter that does nothing)",
        ]
    )


def _between(ours: list[float], bare: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, bare, strict=True))


def main() -> None:
    """Measure, and print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    logger.remove()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["XDG_RUNTIME_DIR"] = folder
        os.environ["MOOBIUS_LOCAL_PORT"] = "0"
        mine, theirs = multiprocessing.Pipe(duplex=False)
        queue: Any = multiprocessing.Queue()
        reader = multiprocessing.Process(target=read_bare, args=(queue, theirs))
        reader.start()
        bare = Side(queue.put, mine)
        with MoobiusWand() as wand:
            mine, theirs = multiprocessing.Pipe(duplex=False)
            handle = wand.run(Target, background=True, answers=theirs)
            assert handle is not None
            ours = Side(lambda spell: wand.spell(handle, spell), mine)
            for _ in range(rounds):
                for side in (bare, ours):
                    side.measure_rate()
                    side.measure_trips()
            attached = attached_rate()
            nothing = statistics.median(script_seconds("pass") for _ in range(5))
            scripts = [script_seconds(CAST) for _ in range(5)]
        queue.put(None)
        reader.join()
        os.chdir("/")
    sys.stdout.write(report(bare, ours, attached, scripts, nothing) + "\n")


if __name__ == "__main__":
    main()
