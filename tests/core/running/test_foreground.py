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

from moobius.core.running import supervision
supervision.FIRST_DELAY_S = 3600.0
supervision.LONGEST_DELAY_S = 3600.0
MoobiusWand().run(Failing, restart="always")
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("again in 3600 s"))
        assert await program.interrupt() == 130
    assert "KeyboardInterrupt" not in program.output


async def test_a_spell_that_cannot_travel_is_refused_here_too(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
from moobius.errors import WandError
class Ready(Room):
    async def on_start(self):
        threading.Thread(target=cast).start()

wand = MoobiusWand()
def cast():
    try:
        wand.spell(1, threading.Lock())
    except WandError as error:
        print(f"refused: {error}", flush=True)  # in one piece, whatever is logged meanwhile
    wand.spell(1, "another")

wand.run(Ready)
""",
    )
    async with Program(folder, "main.py") as program:
        await program.wait_for(re.compile("^spell another$", re.MULTILINE))
        assert await program.interrupt() == 130
    assert "refused: this spell cannot travel: cannot pickle" in program.output
    assert "Traceback" not in program.output


async def test_ctrl_c_in_the_middle_of_a_line_of_the_log_ends_it_too(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
import signal
from loguru import logger
from moobius.core.running import supervision
supervision.FIRST_DELAY_S = 3600.0

class Failing(Room):
    async def on_start(self):
        raise RuntimeError("no luck")

left = []
def strike(frame, event, _):
    # loguru leaves the lock of a sink: first of the one below, then of the terminal.
    lock = getattr(frame.f_locals.get("self"), "gen", None)
    if frame.f_code.co_name == "__exit__" and getattr(lock, "__name__", "") == "_protected_lock":
        if event == "call":
            left.append(lock)
            if len(left) == 2:
                sys.setprofile(None)
                os.kill(os.getpid(), signal.SIGINT)

def arm(line):
    sys.setprofile(strike)
logger.add(arm, filter=lambda record: "again in" in record["message"])
MoobiusWand().run(Failing, restart="always")
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 130, program.output
    assert "deadlock" not in program.output


async def test_it_may_stop_itself_and_spells_wait_for_the_next(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Wilful(Room):
    runs = 0
    async def on_start(self):
        Wilful.runs += 1
        if Wilful.runs == 1:
            for number in range(3):
                wand.spell(1, number)
            raise RuntimeError("not yet")
        if Wilful.runs == 3:
            wand.spell(1, "stop")
    async def on_spell(self, obj):
        await super().on_spell(obj)
        if obj == 1:
            wand.restart(1)
        if obj == "stop":
            wand.stop(1)
            print("asked", flush=True)

from moobius.core.running import supervision
supervision.FIRST_DELAY_S = 0.1
wand = MoobiusWand()
wand.run(Wilful, restart="on-failure")
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    spells = re.findall("^spell (.*)$", program.output, re.MULTILINE)
    assert spells == ["0", "1", "2", "stop"]
    assert program.output.count("Moobius Platform ready") == 1  # it stays over the runs
    assert "asked" in program.output and "not taken" not in program.output


async def test_one_that_leaves_in_on_spell_is_stopped_in_order(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Leaving(Room):
    async def on_spell(self, obj):
        sys.exit(3)

wand = MoobiusWand()
def cast():
    while not any(each.state == "running" for each in wand.status().values()):
        time.sleep(0.01)
    wand.spell(1, "leave")
threading.Thread(target=cast, daemon=True).start()
wand.run(Leaving)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 3, program.output
    assert re.search("^stopped$", program.output, re.MULTILINE)
    assert "Task was destroyed" not in program.output


async def test_one_that_leaves_by_itself_is_started_again_if_it_always_is(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Leaving(Room):
    async def on_start(self):
        await super().on_start()
        sys.exit(0)

from moobius.core.running import supervision
supervision.FIRST_DELAY_S = 0.1
MoobiusWand().run(Leaving, restart="always", restart_limit=1)
""",
    )
    async with Program(folder, "main.py") as program:
        assert await program.ended() == 0, program.output
    assert len(STARTED.findall(program.output)) == 2
    assert "Leaving ended: status 0; again in 0.1 s" in program.output


async def test_a_restart_while_it_pauses_begins_at_once_and_is_over_then(tmp_path: Path) -> None:
    folder = script(
        tmp_path,
        """
class Shaky(Room):
    runs = 0
    async def on_start(self):
        Shaky.runs += 1
        if Shaky.runs == 1:
            raise RuntimeError("not yet")

from moobius.core.running import supervision
supervision.FIRST_DELAY_S = supervision.LONGEST_DELAY_S = 3600.0
wand = MoobiusWand()
def steer():
    sys.stdin.readline()
    wand.restart(1)
    print("again", wand.status()[1].state, flush=True)
    wand.stop_all()
threading.Thread(target=steer, daemon=True).start()
if sys.argv[1:]:
    wand.run_all((Shaky, {"restart": "on-failure"}))
else:
    wand.run(Shaky, restart="on-failure")
""",
    )
    for how in ([], ["together"]):
        async with Program(folder, "main.py", *how) as program:
            await program.wait_for(re.compile("again in 3600 s"))
            program.write_line("")
            assert await program.ended() == 0, program.output
        assert "again running" in program.output
