"""Who dies when: whoever is killed, at whatever moment, the rest does what is promised here.

And no process is left behind, of any of the three: the program with the wand, its background
service, and the Platform that was started for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.patience import until
from tests.support.program import Program
from tests.support.scripts import WHOLE_LINES, alive

pytestmark = pytest.mark.timeout(120)

PROGRAM = (
    WHOLE_LINES
    + """
import asyncio, multiprocessing, os, sys, threading, time
from moobius import Moobius, MoobiusWand
from moobius.errors import MoobiusError

async def at(moment):
    if moment == os.environ["MOMENT"]:
        print("at", moment, "in", os.getpid(), flush=True)
        while not os.path.exists("go"):
            await asyncio.sleep(0.02)

class Mortal(Moobius):
    async def on_start(self):
        await at("start")
    async def on_spell(self, obj):
        if obj == "are you there":
            print("here I am", flush=True)
        await at(obj)
    async def on_stop(self):
        await at("stop")
        print("stopped", flush=True)

if __name__ == "__main__":
    multiprocessing.set_start_method(os.environ["METHOD"])
    wand = MoobiusWand()
    try:
        handle = wand.run(Mortal, background=True, stop_timeout=0.5)
    except MoobiusError as error:
        sys.exit(f"not run: {error}")
    def ask_later():
        while not os.path.exists("go"):
            time.sleep(0.02)
        wand.spell(handle, "are you there")
    threading.Thread(target=ask_later, daemon=True).start()
    if os.environ["MOMENT"] == "running":
        print("at running in", wand.status()[handle].pid, flush=True)
    if os.environ["MOMENT"] == "spell":
        wand.spell(handle, "spell")
    if os.environ["MOMENT"] == "stop":
        wand.stop(handle)
    else:
        wand.join()
    print("state", wand.status()[handle].state, flush=True)
"""
)

ASKED = {"Ctrl+C": signal.SIGINT, "Ctrl+C twice": signal.SIGINT, "SIGTERM": signal.SIGTERM}
GOES_ON = None
KILLED = -signal.SIGKILL


class Row(NamedTuple):
    """What is promised.

    Attributes:
        victim: Who is killed; or how the program is told to stop.
        moment: What its service was doing: on its way through `on_start`, nothing, a spell, or
            on its way through `on_stop`.
        status: How the program ends by itself; `GOES_ON` if it does not, until Ctrl+C.
        words: What is to be read then.
    """

    victim: str
    moment: str
    status: int | None
    words: str


PROMISED = [
    # Who waits for a child to be ready hears of its end; who waits for its end, too.
    Row("child", "start", 1, "not run: Mortal ended before it was ready, with status -9"),
    Row("child", "running", 1, "state failed"),
    Row("child", "spell", 1, "state failed"),
    Row("child", "stop", 0, "state stopped"),
    # A child stops in order when its parent is gone. Where it was at `on_stop` already, it leaves.
    Row("parent", "start", KILLED, ""),
    Row("parent", "running", KILLED, "stopped"),
    Row("parent", "spell", KILLED, "stopped"),
    Row("parent", "stop", KILLED, ""),
    # A Platform may come back: a service waits for it, and does the rest of its work meanwhile.
    Row("platform", "start", GOES_ON, "here I am"),
    Row("platform", "running", GOES_ON, "here I am"),
    Row("platform", "spell", GOES_ON, "here I am"),
    Row("platform", "stop", 0, "state stopped"),
    # Whoever asks, and however often, the child stops in order; one that starts just leaves.
    *(
        Row(how, moment, 128 + number, words)
        for how, number in ASKED.items()
        for moment, words in (("start", ""), ("running", "stopped"), ("spell", "stopped"))
    ),
    *(Row(how, "stop", 128 + number, "") for how, number in ASKED.items()),
]
# What the way in which a process was started could change is who notices whose end.
CASES = [
    *(("child", "fork"), ("parent", "fork"), ("parent", "spawn"), ("platform", "fork")),
    *(("Ctrl+C", "spawn"), ("Ctrl+C twice", "fork"), ("SIGTERM", "forkserver")),
]


@pytest.mark.parametrize(("victim", "method"), CASES)
async def test_who_dies_when(tmp_path: Path, victim: str, method: str) -> None:
    rows = [row for row in PROMISED if row.victim == victim]
    await asyncio.gather(*(check(row, method, tmp_path / row.moment) for row in rows))


async def check(row: Row, method: str, folder: Path) -> None:
    folder = folder / "work"
    folder.mkdir(parents=True)
    (folder / "main.py").write_text(PROGRAM, "utf-8")
    environment = {"MOMENT": row.moment, "METHOD": method}
    async with Program(folder, "main.py", **environment) as program:
        found = await program.wait_for(re.compile(rf"^at {row.moment} in (\d+)$", re.MULTILINE))
        platform = json.loads((folder / ".moobius" / "platform.json").read_text("utf-8"))["pid"]
        pids = {"parent": program.pid, "child": int(found[1]), "platform": platform}
        try:
            assert all(alive(pid) for pid in pids.values())
            await kill(row, folder, program, pids)
        finally:
            for pid in filter(alive, pids.values()):  # what a failure has left behind
                os.kill(pid, signal.SIGKILL)


async def kill(row: Row, folder: Path, program: Program, pids: dict[str, int]) -> None:
    """Kill the victim, or ask for the end, and see what comes of it."""
    if row.victim in ASKED:
        for _ in range(row.victim.count("twice") + 1):
            with contextlib.suppress(ProcessLookupError):  # the first was enough
                os.killpg(program.pid, ASKED[row.victim])
            await asyncio.sleep(0.1)  # between one and the other, as a finger does
    else:
        os.kill(pids[row.victim], signal.SIGKILL)
    if row.victim == "platform":
        await until(lambda: not alive(pids["platform"]))
        (folder / "go").touch()
    if row.status is GOES_ON:
        await program.wait_for(re.compile(f"^{row.words}$", re.MULTILINE))
        assert await program.interrupt() == 130
    else:
        ended = await program.ended()
        if "twice" in row.victim and ended < 0:
            ended = 128 - ended  # it came when all was put away; to a shell it is the same
        assert ended == row.status, (row, program.output)
        assert re.search(f"^{row.words}", program.output, re.MULTILINE), row
        assert row.victim not in ASKED or "Traceback" not in program.output, row
    await until(lambda: not any(alive(pid) for pid in pids.values()), lambda: str((row, pids)))
