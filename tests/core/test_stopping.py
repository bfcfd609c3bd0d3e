"""Whatever a service does when it is told to stop: it is put away in order, and it ends.

Whole programs, because it is the program that has to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.patience import until
from tests.support.program import Program
from tests.support.scripts import WHOLE_LINES, alive

# Says when the storage of a service is put away.
ENGINE = """
from moobius.database.null_database import NullDatabase

class Engine(NullDatabase):
    def close(self):
        print("put away", flush=True)
"""

SERVICE = (
    WHOLE_LINES
    + """
import asyncio, os, signal, sys, threading, time
from moobius import Moobius, MoobiusWand

def stuck():
    print("stuck in", os.getpid(), flush=True)

class Stuck(Moobius):
    async def on_start(self):
        if sys.argv[1] == "on_start blocks":
            stuck()
            time.sleep(60)
    async def on_spell(self, obj):
        if obj == "block":
            stuck()
            time.sleep(60)
        if obj == "defy":
            stuck()
            while True:
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    pass
        if obj == "defy, blocking":
            stuck()
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        if obj == "thread":
            stuck()
            await asyncio.to_thread(time.sleep, 60)
    async def on_stop(self):
        if sys.argv[1] == "on_stop waits":
            await asyncio.sleep(60)
        if sys.argv[1] == "on_stop blocks":
            time.sleep(60)
        print("stopped", flush=True)

CONFIG = {"db_config": [{"implementation": "engine.Engine", "name": "scores"}]}

def cast(wand):
    while not any(each.state == "running" for each in wand.status().values()):
        time.sleep(0.01)
    if sys.argv[1].startswith("on_stop"):
        stuck()
    wand.spell(1, sys.argv[1])
"""
)
FOREGROUND = """
wand = MoobiusWand()
threading.Thread(target=cast, args=(wand,), daemon=True).start()
wand.run(Stuck, config=CONFIG, stop_timeout=0.5)
"""
BACKGROUND = """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Stuck, config=CONFIG, stop_timeout=0.5, background=True)
    cast(wand)
    wand.join()
"""

STUCK = re.compile(r"^stuck in (\d+)$", re.MULTILINE)
QUICK_S = 30.0
"""Much less than 60 s, for which everything here would last, on a machine that is busy."""


def program(folder: Path, text: str, *words: str) -> Program:
    folder = folder / "work"
    folder.mkdir(parents=True)
    (folder / "engine.py").write_text(ENGINE, "utf-8")
    (folder / "main.py").write_text(SERVICE + text, "utf-8")
    return Program(folder, "main.py", *words)


class Row(NamedTuple):
    """How something does not stop.

    Attributes:
        how: What it does.
        said: What is to be read about it.
        is_orderly: Whether the service comes to the end of `on_stop`.
    """

    how: str
    said: str
    is_orderly: bool = True


ROWS = [
    Row("block", "cancelled, because it blocks the event loop: on_spell"),
    Row("defy", "these tasks were cancelled, and do not end: on_spell"),
    Row("on_start blocks", "cancelled, because it blocks the event loop: on_start"),
    Row("on_stop waits", "on_stop did not finish within 0.5 s", is_orderly=False),
    Row("on_stop blocks", "cancelled, because it blocks the event loop: on_stop", is_orderly=False),
]


@pytest.mark.parametrize("text", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
async def test_one_ctrl_c_stops_what_does_not_want_to(tmp_path: Path, text: str) -> None:
    async def check(row: Row) -> None:
        async with program(tmp_path / row.how, text, row.how) as running:
            found = await running.wait_for(STUCK)
            began = time.monotonic()
            assert await running.interrupt() == 130
            assert time.monotonic() - began < QUICK_S
            assert not alive(int(found[1]))
            assert row.said in running.output
            assert running.output.count("put away") == 1, row
            assert ("stopped" in running.output) == row.is_orderly, row
            assert "Traceback" not in running.output

    await asyncio.gather(*map(check, ROWS))


async def test_what_cannot_be_stopped_is_ended_and_a_second_ctrl_c_has_that_sooner(
    tmp_path: Path,
) -> None:
    """With a service in the background that is asked to stop first."""
    both = """
if __name__ == "__main__":
    wand = MoobiusWand()
    sys.argv[1], word = "nothing", sys.argv[1]
    other = wand.run(Stuck, background=True)
    print("other in", wand.status()[other].pid, flush=True)
    def cast_later():
        while 2 not in wand.services or wand.status()[2].state != "running":
            time.sleep(0.01)
        wand.spell(2, word)
    threading.Thread(target=cast_later, daemon=True).start()
    wand.run(Stuck, config=CONFIG, stop_timeout=0.5)
"""

    async def check(how: str, said: str) -> None:
        async with program(tmp_path / how, both, how) as running:
            await running.wait_for(STUCK)
            other = re.search(r"^other in (\d+)$", running.output, re.MULTILINE)
            os.kill(running.pid, signal.SIGINT)
            if how == "thread":
                await running.wait_for(re.compile("^put away$", re.MULTILINE))
            began = time.monotonic()
            os.kill(running.pid, signal.SIGINT)
            assert await running.ended() == 130
            assert time.monotonic() - began < QUICK_S
            assert re.search(rf"this process does not stop: .*{said}", running.output)
            assert "Traceback" not in running.output
            assert other is not None and not alive(int(other[1]))
            assert "stopped" in running.output

    await asyncio.gather(check("thread", r"asyncio_\d"), check("defy, blocking", "on_spell"))


async def test_impatience_ends_what_is_in_the_background(tmp_path: Path) -> None:
    """However often Ctrl+C is pressed; at the end of a script, too."""
    without_join = BACKGROUND.replace("    wand.join()\n", "")

    async def check(name: str, text: str) -> None:
        async with program(tmp_path / name, text, "defy, blocking") as running:
            found = await running.wait_for(STUCK)
            began = time.monotonic()
            while running.is_running and time.monotonic() - began < QUICK_S:
                with contextlib.suppress(ProcessLookupError):  # it has just ended
                    os.kill(running.pid, signal.SIGINT)
                await asyncio.sleep(0.3)  # as a finger does
            assert await running.ended() in (130, -signal.SIGINT)  # a shell says 130 of both
            assert not alive(int(found[1]))
            assert "Traceback" not in running.output

    await asyncio.gather(check("join", BACKGROUND), check("end", without_join))


BACKLOG = """
from moobius.core.stopping import last_resort

last_resort.STOP_SLACK_S = 3.0
wand = MoobiusWand()

def cast_many():
    for _ in range(9):
        cast(wand)

threading.Thread(target=cast_many, daemon=True).start()
wand.run(Stuck, config=CONFIG, stop_timeout=3)
"""


async def test_of_many_spells_that_block_only_the_first_has_to_be_cancelled(tmp_path: Path) -> None:
    async with program(tmp_path, BACKLOG, "block") as running:
        await running.wait_for(STUCK)
        assert await running.interrupt() == 130
        assert len(STUCK.findall(running.output)) == 1
        assert "put away" in running.output and "stopped" in running.output


AT_THE_END = """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Stuck, config=CONFIG, background=True)
    # Just before it would wait for its services; the last that is registered is called first.
    number = getattr(signal, sys.argv[1])
    threading._register_atexit(os.kill, os.getpid(), number)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_that_strikes_as_the_script_ends(tmp_path: Path, number: int) -> None:
    async with program(tmp_path, AT_THE_END, signal.Signals(number).name) as running:
        assert await running.ended() == 128 + number
        assert "Traceback" not in running.output
        assert running.output.count("put away") == 1


SIBLINGS = """
from moobius.core.stopping import last_resort

class Sibling(Moobius):
    pass

if __name__ == "__main__":
    last_resort.STOP_SLACK_S = 0.5
    wand = MoobiusWand()
    sibling = wand.run(Sibling, background=True)
    stuck = wand.run(Stuck, config=CONFIG, stop_timeout=0.5, background=True)
    wand.spell(stuck, sys.argv[1])
    while wand.status()[stuck].state != "failed":
        time.sleep(0.05)
    print("sibling is", wand.status()[sibling].state, flush=True)
    wand.stop_all()
"""


async def test_what_is_ended_alone_takes_nobody_with_it(tmp_path: Path) -> None:
    async with program(tmp_path, SIBLINGS, "defy, blocking") as running:
        found = await running.wait_for(STUCK)
        os.kill(int(found[1]), signal.SIGTERM)
        await running.wait_for(re.compile("^sibling is running$", re.MULTILINE))


AGAIN = """
class Again(Moobius):
    async def on_start(self):
        print("starts", flush=True)
    async def on_stop(self):
        os.kill(os.getpid(), signal.SIGINT)

def restart():
    while not any(each.state == "running" for each in wand.status().values()):
        time.sleep(0.01)
    try:
        wand.restart(1)
    except Exception as error:
        print("restart:", error, flush=True)

wand = MoobiusWand()
threading.Thread(target=restart, daemon=True).start()
wand.run(Again)
"""


async def test_ctrl_c_outweighs_a_restart_that_is_under_way(tmp_path: Path) -> None:
    async with program(tmp_path, AGAIN, "") as running:
        assert await running.ended() == 130
    assert running.output.count("starts") == 1


@pytest.mark.parametrize("text", [FOREGROUND, BACKGROUND], ids=["foreground", "background"])
async def test_a_terminal_that_is_closed_stops_all_in_order(tmp_path: Path, text: str) -> None:
    async with program(tmp_path, text, "nothing") as running:
        await running.wait_for(re.compile("is ready"))
        os.killpg(running.pid, signal.SIGHUP)
        assert await running.ended() == 129
    assert "stopped" in running.output
    assert "put away" in running.output
    assert "Traceback" not in running.output


async def test_under_nohup_the_terminal_may_be_closed(tmp_path: Path) -> None:
    folder = program(tmp_path, FOREGROUND).folder
    job = f"trap '' HUP; exec {sys.executable} main.py nothing"
    async with Program(
        folder, "-c", f"import os; os.execvp('sh', ['sh', '-c', {job!r}])"
    ) as running:
        await running.wait_for(re.compile("is ready"))
        os.killpg(running.pid, signal.SIGHUP)
        os.kill(running.pid, signal.SIGTERM)
        assert await running.ended() == 143
    assert "stopped" in running.output


async def test_two_signals_of_a_system_that_stops_everything_are_no_impatience(
    tmp_path: Path,
) -> None:
    """As systemd does it: SIGTERM for every process, and ours sends it to its child as well."""
    text = """
class Slow(Moobius):
    async def on_spell(self, obj):
        stuck()
        await asyncio.sleep(1)
        print("finished", flush=True)

if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Slow, background=True)
    wand.spell(1, "begin")
    wand.join()
"""
    async with program(tmp_path, text, "nothing") as running:
        await running.wait_for(STUCK)
        os.killpg(running.pid, signal.SIGTERM)
        os.killpg(running.pid, signal.SIGTERM)
        assert await running.ended() == 143
    assert "finished" in running.output


async def test_what_blocks_is_put_away_too_when_the_parent_is_killed(tmp_path: Path) -> None:
    async with program(tmp_path, BACKGROUND, "block") as running:
        found = await running.wait_for(STUCK)
        os.kill(running.pid, signal.SIGKILL)
        await until(lambda: not alive(int(found[1])), timeout=QUICK_S)
        await running.ended()
    assert "put away" in running.output


async def test_what_is_sent_to_a_process_that_a_service_forks_is_not_for_the_service(
    tmp_path: Path,
) -> None:
    text = """
import multiprocessing

def wait(is_there):
    is_there.set()
    time.sleep(60)

class Forking(Moobius):
    async def on_spell(self, obj):
        context = multiprocessing.get_context("fork")
        is_there = context.Event()
        process = context.Process(target=wait, args=(is_there,))
        process.start()
        is_there.wait()
        process.terminate()
        await asyncio.to_thread(process.join)
        await asyncio.sleep(0.2)
        print("ended with", process.exitcode, flush=True)

wand = MoobiusWand()
threading.Thread(target=cast, args=(wand,), daemon=True).start()
wand.run(Forking, stop_timeout=0.1)
"""
    async with program(tmp_path, text, "fork") as running:
        await running.wait_for(re.compile("^ended with 143$", re.MULTILINE))
        assert running.is_running
        assert await running.interrupt() == 130


async def test_it_does_not_stop_an_interactive_python(tmp_path: Path) -> None:
    """Somebody sits there, and has more in this process than a service."""
    (tmp_path / "work").mkdir()
    async with Program(
        tmp_path / "work",
        "-c",
        """
import asyncio, sys
from moobius.core.stopping.runner import Runner
sys.ps1 = ">>> "
async def main():
    print("ready", flush=True)
    try:
        await asyncio.to_thread(sys.stdin.readline)
    finally:
        print("cancelled", flush=True)
Runner(0.1).run(main)
print("goes on", flush=True)
""",
    ) as running:
        await running.wait_for(re.compile("^ready$", re.MULTILINE))
        os.kill(running.pid, signal.SIGINT)
        await running.wait_for(re.compile("^cancelled$", re.MULTILINE))
        os.kill(running.pid, signal.SIGINT)
        await running.wait_for(re.compile("what runs here does not stop: .*asyncio_0"))
        running.write_line("")
        assert await running.ended() == 0
    assert "goes on" in running.output
