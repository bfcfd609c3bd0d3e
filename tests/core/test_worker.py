"""Background services that die, hang, and are started again, in real processes."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.support.patience import until
from tests.support.program import Program
from tests.support.scripts import STARTED, alive, script

pytestmark = pytest.mark.timeout(120)

MAIN = """
from moobius.errors import WandError
if __name__ == "__main__":
    wand = MoobiusWand()
"""


def started(program: Program) -> list[int]:
    """The processes in which the service has started, oldest first."""
    return [int(pid) for pid in STARTED.findall(program.output)]


async def test_one_that_is_killed_is_started_again_and_hears_what_waited(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    handle = wand.run(Room, background=True, restart="on-failure")
    wand.spell(handle, "before")
    sys.stdin.readline()
    wand.spell(handle, "while it is away")
    print("cast", wand.status()[handle].state, flush=True)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^spell before$", re.MULTILINE))
        os.kill(started(program)[0], signal.SIGKILL)
        await program.wait_for(re.compile("ended with status -9; again in 0.5 s"))
        program.write_line("")
        await program.wait_for(re.compile("^spell while it is away$", re.MULTILINE))
        assert "cast restarting" in program.output
        first, second = started(program)
        assert not alive(first) and alive(second)
        assert program.output.count("spell before") == 1
        assert await program.interrupt() == 130
        assert not alive(second)


async def test_one_that_nobody_restarts_is_gone_and_a_spell_says_so(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    handle = wand.run(Room, background=True)
    other = wand.run(Room, background=True)
    sys.stdin.readline()
    try:
        wand.spell(handle, "too late")
    except WandError as error:
        print(error, flush=True)
    wand.stop(other)
    print(wand.status()[other].state, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await until(lambda: len(started(program)) == 2)
        first = started(program)[0]
        os.kill(first, signal.SIGKILL)
        await until(lambda: not alive(first))
        program.write_line("")
        assert await program.ended() == 1
    assert "no service 1 has ended; running: 2 (Room-2)" in program.output
    assert re.search("^stopped$", program.output, re.MULTILINE)


async def test_one_that_always_dies_is_given_up(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Dying(Room):
    async def on_start(self):
        await super().on_start()
        asyncio.get_running_loop().call_later(0.05, os._exit, 3)

import asyncio
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Dying, background=True, restart="always", restart_limit=2)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
        assert len(started(program)) == 3
        assert not any(alive(pid) for pid in started(program))


@pytest.mark.parametrize(("policy", "comes_back"), [("never", False), ("on-failure", True)])
async def test_one_that_hangs_is_noticed(tmp_path: Path, policy: str, comes_back: bool) -> None:
    folder = script(
        tmp_path,
        f"""
class Hanging(Room):
    async def on_spell(self, obj):
        print("hanging", flush=True)
        time.sleep(3600)

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Hanging, background=True, restart="{policy}", hang_timeout=1, stop_timeout=0)
    wand.spell(handle, "hang")
    sys.stdin.readline()
    print("state", wand.status()[handle].state, flush=True)
    sys.stdin.readline()
    wand.restart(handle)
    print("running", wand.status()[handle].state, flush=True)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("Hanging hangs: its event loop has stood still for 1 s"))
        if comes_back:
            await until(lambda: len(started(program)) == 2)
        else:
            program.write_line("")
            await program.wait_for(re.compile("^state hanging$", re.MULTILINE))
            os.kill(started(program)[0], signal.SIGKILL)


async def test_a_restart_on_demand_and_a_stop(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    handle = wand.run(Room, background=True, name="weather")
    wand.restart(handle)
    status = wand.status()[handle]
    print("again", status.name, status.state, status.pid, status.restarts, flush=True)
    wand.spell(handle, "to the second")
    sys.stdin.readline()
    wand.stop(handle)
    print("in the end", wand.status()[handle].state, flush=True)
    try:
        wand.restart(handle)
    except WandError as error:
        print(error, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^spell to the second$", re.MULTILINE))
        first, second = started(program)
        assert f"again weather running {second} 0" in program.output
        assert not alive(first)
        program.write_line("")
        assert await program.ended() == 0
        assert not alive(second)
    assert program.output.count("stopped") == 3  # twice by the service
    assert "in the end stopped" in program.output
    assert "no service 1 has ended; running: none" in program.output


async def test_what_cannot_travel_is_named(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Guarded(Room):
    def __init__(self, guard, **kwargs):
        super().__init__(**kwargs)

from moobius.errors import WandError
if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    try:
        MoobiusWand().run(Guarded, background=True, guard=threading.Lock())
    except WandError as error:
        print(error, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "Guarded runs in a process of its own, and guard cannot travel there" in program.output


async def test_a_with_block_stops_what_it_started(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    with MoobiusWand() as wand:
        handle = wand.run(Room, background=True)
    print("after it", wand.status()[handle].state, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "after it stopped" in program.output


async def test_a_name_belongs_to_one(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    wand.run(Room, background=True, name="weather")
    try:
        wand.run(Room, background=True, name="weather")
    except WandError as error:
        print(error, flush=True)
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "a service called 'weather' runs already; choose another name" in program.output


async def test_a_hanging_child_leaves_when_its_parent_is_killed(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
from moobius.core import child
child.LEAVE_AFTER_S = 1.0

class Hanging(Room):
    async def on_spell(self, obj):
        print("hanging", flush=True)
        time.sleep(3600)

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Hanging, background=True)
    print("parent", os.getpid(), flush=True)  # before two processes print at a time
    wand.spell(handle, "hang")
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        parent = await program.wait_for(re.compile(r"^parent (\d+)$", re.MULTILINE))
        await program.wait_for(re.compile("^hanging$", re.MULTILINE))
        (child,) = started(program)
        os.kill(int(parent[1]), signal.SIGKILL)
        await until(lambda: not alive(child))


@pytest.mark.parametrize(
    "moment",
    [
        """
    from multiprocessing.process import BaseProcess
    start = BaseProcess.start
    def strike(process):
        start(process)
        os.kill(os.getpid(), signal.SIGTERM)
    BaseProcess.start = strike
""",
        """
    class Trap(dict):
        def __setitem__(self, handle, process):
            os.kill(os.getpid(), signal.SIGTERM)
    wand.processes = Trap()
""",
    ],
    ids=["as the process starts", "when it is ready"],
)
async def test_a_signal_at_any_moment_of_a_start_leaves_no_process(
    tmp_path: Path, moment: str
) -> None:
    text = MAIN + "    import signal\n" + moment + "    wand.run(Room, background=True)\n"
    folder = script(tmp_path, text)
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 143, program.output
    assert not any(alive(pid) for pid in started(program))
