"""Foreground services that fail, and are started again, as a program sees it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.program import Program
from tests.support.scripts import STARTED, script


async def test_one_that_fails_is_started_again_until_the_limit(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Failing(Room):
    async def on_start(self):
        await super().on_start()
        raise RuntimeError("no luck")

MoobiusWand().run(Failing, restart="on-failure", restart_limit=1)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert len(STARTED.findall(program.output)) == 2
    assert "Failing ended: no luck; again in 0.5 s" in program.output


async def test_another_thread_restarts_and_stops_it(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Counting(Room):
    made = 0
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        Counting.made += 1

wand = MoobiusWand()
def steer():
    sys.stdin.readline()
    wand.restart(1)
    print("running", wand.status()[1].state, "made", Counting.made, flush=True)
    wand.spell(1, "to the second")
    sys.stdin.readline()
    wand.stop(1)
threading.Thread(target=steer, daemon=True).start()
print("returned", wand.run(Counting), wand.status()[1].state, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(STARTED)
        program.write_line("")
        await program.wait_for(re.compile("^spell to the second$", re.MULTILINE))
        assert "running running made 2" in program.output
        program.write_line("")
        assert await program.ended() == 0, program.output
    assert "returned None stopped" in program.output


async def test_ctrl_c_ends_the_wait_for_another_try(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Failing(Room):
    async def on_start(self):
        raise RuntimeError("no luck")

from moobius.core import supervision
supervision.FIRST_DELAY_S = 3600.0
supervision.LONGEST_DELAY_S = 3600.0
MoobiusWand().run(Failing, restart="always")
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("again in 3600 s"))
        assert await program.interrupt() == 130
    assert "KeyboardInterrupt" not in program.output
