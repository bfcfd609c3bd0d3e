"""A script that ends while its background services run, as a program."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.support.patience import until
from tests.support.program import Program
from tests.support.scripts import STARTED, alive, script


async def test_one_that_is_started_again_after_the_end_of_its_script_hears_spells(
    tmp_path: Path,
) -> None:
    """Python 3.12 cannot start any thread then."""
    folder = script(
        tmp_path,
        """
def cast_later():
    for line in sys.stdin:
        wand.spell(handle, line.strip())

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Room, background=True, restart="on-failure")
    threading.Thread(target=cast_later, daemon=True).start()
    print("the script has ended", flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^the script has ended$", re.MULTILINE))
        program.write_line("to the first")
        await program.wait_for(re.compile("^spell to the first$", re.MULTILINE))
        os.kill(int(STARTED.findall(program.output)[0]), signal.SIGKILL)
        await until(lambda: len(STARTED.findall(program.output)) == 2)
        program.write_line("to the second")
        await program.wait_for(re.compile("^spell to the second$", re.MULTILINE))
        for number in range(300):  # more than a pipe holds, in one go
            program.write_line(f"{number} {'x' * 1000}")
        await program.wait_for(re.compile("^spell 299 x", re.MULTILINE))
        assert await program.interrupt() == 130
    heard = re.findall(r"^spell (\d+) x", program.output, re.MULTILINE)
    assert heard == [str(number) for number in range(300)]


async def test_one_that_crashes_takes_its_services_with_it(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    MoobiusWand().run(Room, background=True)
    raise RuntimeError("the script itself")
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
        assert not any(alive(int(pid)) for pid in STARTED.findall(program.output))
    assert "RuntimeError: the script itself" in program.output
    assert "stopped" in program.output


async def test_it_is_the_program_that_waits_and_no_copy_of_it(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Room, background=True)
    if os.fork() == 0:
        sys.exit(0)
    print("copy", os.wait()[1], wand.status()[handle].state, flush=True)
    wand.stop(handle)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "copy 0 running" in program.output


async def test_ctrl_c_after_its_end_is_its_status_and_loses_nothing_of_it(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
import atexit
if __name__ == "__main__":
    atexit.register(print, "its own last word", flush=True)
    notes = open("notes.txt", "w")
    notes.write("what it has noted")
    MoobiusWand().run(Room, background=True)
    print("the script has ended", flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^the script has ended$", re.MULTILINE))
        assert await program.interrupt() == 130
    assert "stopped" in program.output
    assert "its own last word" in program.output
    assert (folder / "notes.txt").read_text("utf-8") == "what it has noted"


async def test_a_service_that_has_failed_is_its_status_and_loses_nothing_of_it(
    tmp_path: Path,
) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    notes = open("notes.txt", "w")
    notes.write("what it has noted")
    wand = MoobiusWand()
    handle = wand.run(Room, background=True)
    wand.processes[handle].kill()
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert (folder / "notes.txt").read_text("utf-8") == "what it has noted"


async def test_its_own_loop_may_catch_ctrl_c(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    try:
        print("its own loop", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("caught", flush=True)
    wand.stop_all()
    print("goes on", flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^its own loop$", re.MULTILINE))
        assert await program.interrupt() == 0
    steps = re.findall("^(?:caught|stopped|goes on)$", program.output, re.MULTILINE)
    assert steps == ["caught", "stopped", "goes on"]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
async def test_a_signal_that_its_own_loop_does_not_catch_stops_all_in_order(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    MoobiusWand().run(Room, background=True)
    try:
        print("its own loop", flush=True)
        time.sleep(60)
    finally:
        print("cleaned up", flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^its own loop$", re.MULTILINE))
        os.kill(program.pid, number)
        assert await program.ended() == status
        assert not any(alive(int(pid)) for pid in STARTED.findall(program.output))
    steps = re.findall("^(?:cleaned up|stopped)$", program.output, re.MULTILINE)
    assert steps == ["cleaned up", "stopped"]
    assert "Traceback" not in program.output


async def test_one_that_goes_on_after_ctrl_c_waits_for_what_it_starts_then(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
def cast_later():
    sys.stdin.readline()
    wand.spell(2, "after the end")

if __name__ == "__main__":
    wand = MoobiusWand()
    try:
        wand.run(Room)
    except SystemExit as end:
        print("ended with", end.code, flush=True)
    wand.run(Room, background=True)
    threading.Thread(target=cast_later, daemon=True).start()
    print("the script has ended", flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(STARTED)
        os.kill(program.pid, signal.SIGINT)
        await program.wait_for(re.compile("^ended with 130$", re.MULTILINE))
        await program.wait_for(re.compile("^the script has ended$", re.MULTILINE))
        program.write_line("")
        await program.wait_for(re.compile("^spell after the end$", re.MULTILINE))
        assert await program.interrupt() == 130
