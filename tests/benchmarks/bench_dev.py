"""How long it takes `moobius dev` from a saved file to an answer of the new source.

    python -m tests.benchmarks.bench_dev [RUNS]

A member writes all the time; what is measured ends when the new answer is at their socket. Beside
it stands, as a measure of the machine, what `moobius dev` has done beforehand: the start of an
interpreter that imports what a service needs.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.bench_import import PROGRAMS, milliseconds
from tests.devtools.test_dev import PAGE, READY, Talker, project, save, talkers
from tests.support.patience import until
from tests.support.program import Program

LIMIT_MS = 1500.0
LIMIT_TIMES = 4.0
PAUSE_S = 0.02


async def save_and_wait(folder: Path, version: int, member: Talker) -> float:
    """Save the source; return how many milliseconds later its behaviour is there."""
    start = time.perf_counter()
    save(folder, version)
    await until(lambda: f"v{version}" in member.versions)
    return (time.perf_counter() - start) * 1000


async def measure(folder: Path, runs: int) -> list[float]:
    """Run `moobius dev` and save the source again and again; return milliseconds."""
    times = []
    async with Program(folder, "-m", "moobius", "dev", "--ephemeral") as dev:
        url = (await dev.wait_for(PAGE))[1]
        await dev.wait_for(READY)
        async with talkers(url, ["ada@example.org"]) as (ada,):
            stop = asyncio.Event()
            talk = asyncio.create_task(ada.talk(PAUSE_S, stop))
            for version in range(2, runs + 2):
                times.append(await save_and_wait(folder, version, ada))
            stop.set()
            await talk
    return times


def main() -> None:
    """Measure, and print the medians."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as scratch:
        times = asyncio.run(measure(project(Path(scratch)), runs))
    needed = PROGRAMS["all that a service needs"]
    start = statistics.median(milliseconds(needed) for _ in range(runs))
    median = statistics.median(times)
    good = max(times) < LIMIT_MS and median <= LIMIT_TIMES * start
    sys.stdout.write(
        f"an interpreter that imports it  {start:7.0f} ms\n"
        f"from saving to the new answer   {median:7.0f} ms, the slowest {max(times):.0f} ms\n"
        f"{median / start:.1f} times the start; {'within' if good else 'ABOVE'} "
        f"{LIMIT_MS:.0f} ms and {LIMIT_TIMES:g} times\n"
    )


if __name__ == "__main__":
    main()
