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

RUNS = re.compile("^it runs$", re.MULTILINE)
"""Printed when the wand knows that it does; that the service has started comes before."""

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
        """
class Slow(Room):
    async def on_start(self):
        await super().on_start()
        while os.path.exists("not yet"):
            await asyncio.sleep(0.02)

import asyncio
"""
        + MAIN
        + """
    handle = wand.run(Slow, background=True, restart="on-failure")
    open("not yet", "w").close()
    wand.spell(handle, "before")
    sys.stdin.readline()
    wand.spell(handle, "while it is away")
    print("cast", wand.status()[handle].state, flush=True)
    os.remove("not yet")
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
    async def on_spell(self, obj):
        os._exit(3)

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Dying, background=True, restart="always", restart_limit=2)
    for number in range(3):
        wand.spell(handle, number)  # each process dies of one
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
    while wand.status()[handle].state != "hanging":  # a slow start may have looked like it
        time.sleep(0.02)
    print("state", wand.status()[handle].state, flush=True)
    sys.stdin.readline()
    wand.restart(handle)
    print("running", wand.status()[handle].state, flush=True)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^hanging$", re.MULTILINE))
        await program.wait_for(re.compile("Hanging hangs: its event loop has stood still for 1 s"))
        if comes_back:
            await until(lambda: len(started(program)) >= 2)
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


async def test_a_wand_that_cannot_start_a_platform_leaves_it_to_the_service(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
def fail():
    raise OSError("no space left")

if __name__ == "__main__":
    with MoobiusWand() as wand:
        wand._platform.ensure = fail
        handle = wand.run(Room, background=True, stop_timeout=1)
        print(wand.status()[handle].state, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert re.search("^running$", program.output, re.MULTILINE)


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
from moobius.core.running import child
child.STOP_SLACK_S = 1.0

class Hanging(Room):
    async def on_spell(self, obj):
        print("hanging", flush=True)
        time.sleep(3600)

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Hanging, background=True, stop_timeout=0)
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


async def test_a_watch_that_fails_stops_its_service_and_is_told(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    from moobius.core.running import worker
    from moobius.core.running.worker import Worker
    def fail(watched):
        raise RuntimeError("a bug in the watch")
    Worker._note_recovery = fail  # called with the first answer to a ping
    worker.PING_EVERY_S = 0.1
    handle = wand.run(Room, background=True, restart="always")
    wand.join()
    print("in the end", wand.status()[handle].state, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1, program.output
        assert not any(alive(pid) for pid in started(program))
    assert len(started(program)) == 1
    assert "Room is stopped, because its watch failed: a bug in the watch" in program.output
    assert "in the end failed" in program.output


async def test_a_restart_while_it_pauses_begins_at_once_and_is_over_then(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    from moobius.core.running import supervision
    supervision.FIRST_DELAY_S = supervision.LONGEST_DELAY_S = 3600.0
    handle = wand.run(Room, background=True, restart="on-failure")
    print("it runs", flush=True)
    sys.stdin.readline()
    wand.restart(handle)
    print("again", wand.status()[handle].state, flush=True)
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(RUNS)
        os.kill(started(program)[0], signal.SIGKILL)
        await program.wait_for(re.compile("again in 3600 s"))
        program.write_line("")
        assert await program.ended() == 0, program.output
    assert "again running" in program.output


async def test_one_that_cannot_start_any_more_is_given_up_and_a_restart_says_why(
    tmp_path: Path,
) -> None:
    folder = script(
        tmp_path,
        """
class Broken(Room):
    async def on_start(self):
        if os.path.exists("broken"):
            raise ValueError("no luck this time")
        await super().on_start()

from moobius.errors import WandError
if __name__ == "__main__":
    from moobius.core.running import supervision
    supervision.STEADY_AFTER_S = 0.2  # it has run for that long before it breaks
    supervision.FIRST_DELAY_S = supervision.LONGEST_DELAY_S = 0.2
    wand = MoobiusWand()
    handle = wand.run(Broken, background=True, restart="on-failure", restart_limit=1)
    time.sleep(0.3)
    open("broken", "w").close()
    try:
        wand.restart(handle)
    except WandError as error:
        print(error, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert "Broken did not come back; it is failed: no luck this time" in program.output
    assert program.output.count("could not be started again") == 2


FAMILY = """
class Parent(Room):
    async def on_start(self):
        await super().on_start()
        self.child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(20,))
        self.child.start()

"""


async def test_the_death_of_one_that_has_forked_is_noticed(tmp_path: Path) -> None:
    """Its child holds everything open that would tell of its end."""
    folder = script(
        tmp_path,
        FAMILY
        + MAIN
        + """
    handle = wand.run(Parent, background=True)
    print("it runs", flush=True)
    wand.join()
    print("in the end", wand.status()[handle].state, flush=True)
    sys.stdin.readline()  # until the test, which has seen it, ends us and the child of the service
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(RUNS)
        os.kill(started(program)[0], signal.SIGKILL)
        await program.wait_for(re.compile("^in the end failed$", re.MULTILINE))


async def test_one_leaves_with_its_parent_though_another_fork_holds_its_files(
    tmp_path: Path,
) -> None:
    folder = script(
        tmp_path,
        MAIN
        + """
    wand.run(Room, background=True)
    multiprocessing.get_context("fork").Process(target=time.sleep, args=(3600,)).start()
    print("parent", os.getpid(), flush=True)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^parent ", re.MULTILINE))
        (child,) = started(program)
        os.kill(program.pid, signal.SIGKILL)
        await until(lambda: not alive(child))
        program.kill()


async def test_a_script_that_runs_its_service_as_it_is_read_is_told_so(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
from moobius.errors import WandError
wand = MoobiusWand()
handle = wand.run(Room, background=True)
try:
    wand.restart(handle)
except WandError as error:
    print("refused:", error, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert len(started(program)) == 1
    assert "refused: Room did not come back; it is failed" in program.output
    assert 'put what it does below a line if __name__ == "__main__":' in program.output


async def test_one_that_puts_on_its_own_queue_is_not_taken_for_its_wand(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Busy(Room):
    async def on_start(self):
        await super().on_start()
        self.queue.put("note to self")

"""
        + MAIN
        + """
    handle = wand.run(Busy, background=True)
    sys.stdin.readline()
    wand.spell(handle, "from the wand")
    wand.restart(handle)
    wand.spell(handle, "last")
    sys.stdin.readline()
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^spell note to self$", re.MULTILINE))
        program.write_line("")
        await program.wait_for(re.compile("^spell last$", re.MULTILINE))
        await until(lambda: program.output.count("spell note to self") == 2)
        program.write_line("")
        assert await program.ended() == 0, program.output
    assert program.output.count("spell from the wand") == 1
    assert program.output.count("spell note to self") == 2
    assert "Traceback" not in program.output


async def test_several_threads_may_start_services_which_share_a_platform(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Own(Room):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)

"""
        + MAIN
        + """
    handles = []
    def run():
        handles.append(wand.run(Own, background=True))
    threads = [threading.Thread(target=run) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    print("handles", sorted(handles), sorted(each.name for each in wand.status().values()))
    wand.stop(1)
    from moobius.local.discovery import FILE, find_live
    from pathlib import Path
    print("platform", bool(find_live(Path(".moobius") / FILE)), flush=True)
    wand.stop_all()
    print("platform", bool(find_live(Path(".moobius") / FILE)), flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "handles [1, 2, 3] ['Own', 'Own-2', 'Own-3']" in program.output
    assert re.findall("^platform (.*)$", program.output, re.MULTILINE) == ["True", "False"]
    assert program.output.count("Moobius Platform ready") == 1
