"""Wands in real programs: run, spell, stop, and what the exit status says."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from moobius import MoobiusWand
from moobius.errors import WandError
from tests.support.patience import until
from tests.support.program import Program
from tests.support.scripts import STARTED, alive, script


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.promise("0-29")
@pytest.mark.defect("D70", "D72")
async def test_a_signal_stops_a_foreground_service_in_order(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    folder = script(tmp_path, "MoobiusWand().run(Room)")
    async with Program(folder, "main.py") as program:
        found = await program.wait_for(STARTED)
        os.kill(int(found[1]), number)
        assert await program.ended() == status
    assert "stopped" in program.output
    assert "Traceback" not in program.output


@pytest.mark.promise("0-28")
async def test_a_job_of_a_shell_script_stops_by_the_same_signal(tmp_path: Path) -> None:
    """Such jobs inherit SIGINT as ignored; the service has taken it over again."""
    folder = script(tmp_path, "MoobiusWand().run(Room)")
    job = f"trap '' INT; exec {sys.executable} main.py"
    async with Program(
        folder, "-c", f"import os; os.execvp('sh', ['sh', '-c', {job!r}])"
    ) as program:
        found = await program.wait_for(STARTED)
        os.kill(int(found[1]), signal.SIGINT)
        assert await program.ended() == 130
    assert "stopped" in program.output


async def test_ctrl_c_in_the_terminal_stops_background_services_in_order(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    wand = MoobiusWand()
    print("handles", wand.run(Room, background=True), wand.run(Room, background=True), flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile(r"^handles 1 2$", re.MULTILINE))
        pids = [int(pid) for pid in STARTED.findall(program.output)]
        assert len(pids) == 2 and all(alive(pid) for pid in pids)
        assert await program.interrupt() == 130
        assert not any(alive(pid) for pid in pids)
    assert program.output.count("stopped") == 2
    assert "Traceback" not in program.output


@pytest.mark.promise("0-31")
async def test_spells_arrive_in_order_and_a_bad_one_stops_nothing(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
import asyncio
if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Room, background=True)
    wand.spell(handle, "one")
    asyncio.run(wand.aspell(handle, {"two": 2}))
    wand.spell(handle, "raise")
    wand.spell(handle, "three")
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^spell three$", re.MULTILINE))
        spells = re.findall(r"^spell (.*)$", program.output, re.MULTILINE)
        assert spells == ["one", "{'two': 2}", "three"]
        assert "a bad spell" in program.output
        assert await program.interrupt() == 130


async def test_a_service_may_read_its_queue_itself(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Reader(Room):
    async def listen_loop(self):
        while True:
            print("got", await self.queue.coro_get(), flush=True)

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Reader, background=True)
    for spell in ("one", {"two": 2}, "three"):
        wand.spell(handle, spell)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^got three$", re.MULTILINE))
        got = re.findall(r"^got (.*)$", program.output, re.MULTILINE)
        assert got == ["one", "{'two': 2}", "three"]
        os.kill(int(STARTED.findall(program.output)[0]), signal.SIGKILL)


@pytest.mark.defect("D73")
async def test_a_foreground_service_hears_spells_from_another_thread(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
wand = MoobiusWand()
def cast():
    while 1 not in wand.services:
        time.sleep(0.01)
    wand.spell(1, "from a thread")
threading.Thread(target=cast, daemon=True).start()
wand.run(Room)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^spell from a thread$", re.MULTILINE))
        assert await program.interrupt() == 130


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.promise("0-29", "0-30")
async def test_the_service_is_built_in_the_child_on_every_start_method(
    tmp_path: Path, method: str
) -> None:
    folder = script(
        tmp_path,
        f"""
class Unpicklable(Room):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.lock = threading.Lock()
        print("built in", os.getpid(), flush=True)

if __name__ == "__main__":
    multiprocessing.set_start_method("{method}")
    wand = MoobiusWand()
    wand.run(Unpicklable, background=True)
    print("parent", os.getpid(), flush=True)
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    built = re.search(r"^built in (\d+)$", program.output, re.MULTILINE)
    parent = re.search(r"^parent (\d+)$", program.output, re.MULTILINE)
    assert built and parent and built[1] != parent[1]
    assert "stopped" in program.output


@pytest.mark.defect("D75")
async def test_run_in_the_background_raises_the_error_of_the_child(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
from moobius.errors import MissingFile
class Broken(Room):
    async def before_channel_init(self):
        await self.create_agent("Meow", "no/such/cat.png")

if __name__ == "__main__":
    try:
        MoobiusWand().run(Broken, background=True)
    except MissingFile as error:
        print("caught", error, flush=True)
        print("cause", "before_channel_init" in str(error.__cause__), flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.ended()
    assert re.search(r"^caught file not found: .*no/such/cat\.png", program.output, re.MULTILINE)
    assert "cause True" in program.output


async def test_a_child_that_dies_at_the_start_is_reported(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Suicidal(Room):
    async def on_start(self):
        os._exit(7)

if __name__ == "__main__":
    MoobiusWand().run(Suicidal, background=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert "Suicidal ended before it was ready, with status 7" in program.output


async def test_a_child_that_does_not_get_ready_is_stopped(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
import asyncio
class Sleepy(Room):
    def __init__(self, **kwargs):
        print("started", os.getpid(), flush=True)  # whatever else there is no time for
        super().__init__(**kwargs)
    async def before_channel_init(self):
        await asyncio.sleep(3600)

if __name__ == "__main__":
    MoobiusWand().run(Sleepy, background=True, ready_timeout=3)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert "Sleepy was not ready within 3 s" in program.output
    found = STARTED.search(program.output)
    assert found and not alive(int(found[1]))


async def test_children_leave_when_their_parent_is_killed(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    print("parent", os.getpid(), flush=True)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        parent = await program.wait_for(re.compile(r"^parent (\d+)$", re.MULTILINE))
        child = await program.wait_for(STARTED)
        os.kill(int(parent[1]), signal.SIGKILL)
        await until(lambda: not alive(int(child[1])))


async def test_a_service_that_fails_ends_the_program_with_one_line_and_status_1(
    tmp_path: Path,
) -> None:
    folder = script(
        tmp_path,
        """
MoobiusWand().run(Room, account_config={"email": "a@b", "password": "sesame"},
                  service_config={"http_server_uri": "http://127.0.0.1:1/"})
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert "Traceback" not in program.output
    assert "sesame" not in program.output
    (line,) = [line for line in program.output.splitlines() if line]
    assert line.startswith("Room: POST http://127.0.0.1:1/auth/sign_in: cannot be reached")


async def test_a_bug_at_the_start_shows_its_traceback(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Buggy(Room):
    async def on_start(self):
        {}["missing"]
MoobiusWand().run(Buggy)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 1
    assert "KeyError: 'missing'" in program.output
    assert "in on_start" in program.output


@pytest.mark.promise("0-28")
async def test_two_background_services_share_one_platform(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Other(Room):
    pass
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    wand.run(Other, background=True)
    print("both", flush=True)
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert program.output.count("Moobius Platform ready on") == 1
    assert len(STARTED.findall(program.output)) == 2


@pytest.mark.defect("D73")
def test_a_spell_to_nobody_lists_the_living() -> None:
    with pytest.raises(WandError, match="no service 5; running: none"):
        MoobiusWand().spell(5, "x")


@pytest.mark.defect("D71")
def test_running_nothing_is_refused() -> None:
    with pytest.raises(WandError, match=r"run_all\(\) was called without a service"):
        MoobiusWand().run_all()


def test_a_wand_takes_over_no_signal_when_it_is_made() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert str(MoobiusWand()) == "moobius.MoobiusWand(services=[], processes=[])"
    assert signal.getsignal(signal.SIGINT) is before


async def test_run_works_off_the_main_thread(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
ready = threading.Event()

class Announcing(Room):
    async def on_start(self):
        ready.set()

wand = MoobiusWand()
thread = threading.Thread(target=wand.run, args=(Announcing,))
thread.start()
assert ready.wait(20)
wand.stop_all()
thread.join()
print("done", flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "done" in program.output


async def test_python_m_moobius_knows_the_commands() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "moobius", "--help", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    assert b"platform" in output and b"demo" in output


# ---- What a signal finds ----------------------------------------------------------------------


async def test_ctrl_c_stops_a_foreground_service_and_those_in_the_background(
    tmp_path: Path,
) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    wand.run(Room)
""",
    )
    async with Program(folder, "main.py") as program:
        await until(lambda: len(STARTED.findall(program.output)) == 2)
        assert await program.interrupt() == 130
        assert not any(alive(int(pid)) for pid in STARTED.findall(program.output))
    assert program.output.count("stopped") == 2
    assert "Traceback" not in program.output


async def test_sigterm_stops_a_program_of_background_services_in_order(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    print("parent", os.getpid(), flush=True)
    wand.join()
""",
    )
    async with Program(folder, "main.py") as program:
        parent = await program.wait_for(re.compile(r"^parent (\d+)$", re.MULTILINE))
        os.kill(int(parent[1]), signal.SIGTERM)
        assert await program.ended() == 143
        assert not any(alive(int(pid)) for pid in STARTED.findall(program.output))
    assert "stopped" in program.output
    assert "Traceback" not in program.output


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("method", ["fork", "spawn"])
async def test_ctrl_c_while_a_service_is_built_shows_no_traceback(
    tmp_path: Path, background: bool, method: str
) -> None:
    folder = script(
        tmp_path,
        f"""
class Thoughtful(Room):
    def __init__(self, **kwargs):
        print("thinking", flush=True)
        time.sleep(30)

if __name__ == "__main__":
    multiprocessing.set_start_method("{method}")
    MoobiusWand().run(Thoughtful, background={background})
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^thinking$", re.MULTILINE))
        assert await program.interrupt() == 130
    assert "Traceback" not in program.output


async def test_a_parent_killed_while_a_service_is_built_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    folder = script(
        tmp_path,
        """
class Thoughtful(Room):
    def __init__(self, **kwargs):
        print("building in", os.getpid(), "of", os.getppid(), flush=True)
        parent = os.getppid()
        while os.getppid() == parent:
            time.sleep(0.05)
        watch = f"moobius watch of process {parent}"
        while any(thread.name == watch for thread in threading.enumerate()):
            time.sleep(0.01)  # until the watch has seen it too
        super().__init__(**kwargs)

if __name__ == "__main__":
    MoobiusWand().run(Thoughtful, background=True, account_config={"email": "a@b"})
""",
    )
    async with Program(folder, "main.py") as program:
        found = await program.wait_for(re.compile(r"^building in (\d+) of (\d+)$", re.MULTILINE))
        os.kill(int(found[2]), signal.SIGKILL)
        await until(lambda: not alive(int(found[1])))
    assert "email is missing" not in program.output  # it did not even begin


async def test_the_program_s_own_signal_handlers_come_back() -> None:
    # In a program, because a test runner has its own.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        """
import asyncio, signal
from moobius.core.stopping.runner import Runner
def mine(*_): pass
signal.signal(signal.SIGINT, mine); signal.signal(signal.SIGTERM, mine)
Runner().run(lambda: asyncio.sleep(0))
assert signal.getsignal(signal.SIGINT) is mine and signal.getsignal(signal.SIGTERM) is mine
""",
    )
    assert await process.wait() == 0


# ---- Spells that cannot arrive, and services that cannot start ----------------------------------


async def test_a_spell_to_a_foreground_service_that_has_ended_says_so(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
from moobius.errors import WandError
wand = MoobiusWand()
thread = threading.Thread(target=wand.run, args=(Room,))
thread.start()
while not wand.services:
    time.sleep(0.01)
wand.stop_all()
thread.join()
try:
    wand.spell(1, "too late")
except WandError as error:
    print(error, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "no service 1 has ended; running: none" in program.output


async def test_a_spell_that_cannot_travel_is_refused_at_the_call(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
import asyncio
from moobius.errors import WandError
if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Room, background=True)
    for cast in (lambda: wand.spell(handle, threading.Lock()),
                 lambda: asyncio.run(wand.aspell(handle, threading.Lock()))):
        try:
            cast()
        except WandError as error:
            print("refused:", error, flush=True)
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert len(re.findall(r"^refused: .*cannot pickle .*lock", program.output, re.MULTILINE)) == 2
    assert "Traceback" not in program.output


async def test_spells_nobody_takes_do_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Deaf(Room):
    async def listen_loop(self):
        pass

if __name__ == "__main__":
    wand = MoobiusWand()
    handle = wand.run(Deaf, background=True)
    wand.spell(handle, "x" * 10_000_000)
    wand.stop_all()
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output


async def test_a_failed_start_that_was_caught_does_not_fail_the_program(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Broken(Room):
    async def on_start(self):
        raise RuntimeError("no")

if __name__ == "__main__":
    wand = MoobiusWand()
    try:
        wand.run(Broken, background=True)
    except RuntimeError as error:
        print("caught", error, wand, flush=True)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert "caught no moobius.MoobiusWand(services=[], processes=[])" in program.output


async def test_no_secret_is_in_the_traceback_of_a_failing_callback(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Curious(Room):
    async def on_start(self):
        self.http_api.access_token = "secret-token"
        self.http_api.password = "sesame"
        self.http_api.http_server_uri = "http://127.0.0.1:1"
        for ask in (self.fetch_agents, self.authenticate):
            try:
                await ask()
            except Exception:
                from loguru import logger
                logger.exception("asked in vain")
        print("asked", flush=True)

MoobiusWand().run(Curious)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^asked$", re.MULTILINE))
        await program.interrupt()
    assert program.output.count("Traceback") == 2
    assert "secret-token" not in program.output
    assert "sesame" not in program.output
