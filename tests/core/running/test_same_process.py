"""`run_all`: several services in one process, as a program sees it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.program import Program
from tests.support.scripts import script

CALM = """
class Tea(Room):
    async def on_spell(self, obj):
        print("tea", obj, flush=True)
    async def on_stop(self):
        print("tea stopped", flush=True)

"""


async def test_several_run_in_one_process_and_spells_reach_each(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        CALM
        + """
wand = MoobiusWand()
def steer():
    sys.stdin.readline()
    wand.spell(1, "one")
    wand.spell(2, "two")
    sys.stdin.readline()
    wand.restart(2)
    print("again", {h: (s.name, s.state, s.pid == os.getpid()) for h, s in wand.status().items()})
    wand.spell(2, "three")
    sys.stdin.readline()
    wand.stop(1)
    print("one of them", [s.state for s in wand.status().values()], sorted(wand.services))
    wand.stop(2)
threading.Thread(target=steer, daemon=True).start()
wand.run_all(Room, (Tea, {"name": "tea"}))
print("returned", [s.state for s in wand.status().values()], wand.services, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        for name in ("Room", "Tea"):
            await program.wait_for(re.compile(f"{name} is ready: "))
        program.write_line("")
        await program.wait_for(re.compile("^spell one$", re.MULTILINE))
        await program.wait_for(re.compile("^tea two$", re.MULTILINE))
        program.write_line("")
        await program.wait_for(re.compile("^tea three$", re.MULTILINE))
        again = "again {1: ('Room', 'running', True), 2: ('tea', 'running', True)}"
        assert again in program.output
        program.write_line("")
        assert await program.ended() == 0, program.output
    assert "one of them ['stopped', 'running'] [1, 2]" in program.output
    assert "returned ['stopped', 'stopped'] {}" in program.output
    assert program.output.count("tea stopped") == 2


async def test_one_that_fails_ends_the_others_in_order(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        CALM
        + """
from moobius.errors import ConfigError
class Failing(Room):
    async def on_spell(self, obj):
        print("not reached")
    async def on_start(self):
        while "Tea" not in wand.status()[1].name or wand.status()[1].state != "running":
            await asyncio.sleep(0.02)
        raise ConfigError("no luck")

import asyncio
wand = MoobiusWand()
wand.run_all(Tea, Failing)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert re.search("^Failing: no luck$", program.output, re.MULTILINE)
    assert "tea stopped" in program.output
    assert "Traceback" not in program.output


async def test_one_is_started_again_beside_the_others(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        CALM
        + """
class Shaky(Room):
    tries = 0
    async def on_start(self):
        Shaky.tries += 1
        if Shaky.tries == 1:
            raise RuntimeError("not yet")
        print("at last", flush=True)

MoobiusWand().run_all(Tea, (Shaky, {"restart": "on-failure"}))
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("Shaky ended: not yet; again in 0.5 s"))
        await program.wait_for(re.compile("^at last$", re.MULTILINE))
        for name in ("Tea", "Shaky"):
            await program.wait_for(re.compile(f"{name} is ready: "))
        assert "tea stopped" not in program.output
        assert await program.interrupt() == 130
    assert "tea stopped" in program.output


async def test_ctrl_c_stops_all_in_order(tmp_path: Path) -> None:
    folder = script(tmp_path, CALM + "MoobiusWand().run_all(Room, Tea)\n")
    async with Program(folder, "main.py") as program:
        for name in ("Room", "Tea"):
            await program.wait_for(re.compile(f"{name} is ready: "))
        assert await program.interrupt() == 130
    assert sorted(re.findall("^(?:tea )?stopped$", program.output, re.MULTILINE)) == [
        "stopped",
        "tea stopped",
    ]
    assert "Traceback" not in program.output


@pytest.mark.parametrize("wrong", ["Room()", "(Room, {'restart': 'sometimes'})"])
async def test_what_cannot_be_run_is_said_before_anything_starts(
    tmp_path: Path, wrong: str
) -> None:
    folder = script(tmp_path, f"MoobiusWand().run_all(Room, {wrong})\n")
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert "started" not in program.output
    assert re.search("run\\(\\) takes the class|restart='sometimes' is none of", program.output)
