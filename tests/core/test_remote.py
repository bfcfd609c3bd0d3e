"""Attached wands: from any thread, any loop, any process, and by nobody else."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from moobius import MoobiusWand, types
from moobius.core import remote
from moobius.core.control import calls, connection_files, protocol
from moobius.core.control.connection_files import Record
from moobius.core.remote import RemoteWand
from moobius.errors import WandError
from tests.support.patience import PATIENCE, until, wait_until
from tests.support.program import Program
from tests.support.scripts import STARTED, alive, script
from tests.support.wands import troupe

TWO = """
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    wand.run(Room, background=True, name="north")
    print("both", flush=True)
"""
BOTH = re.compile("^both$", re.MULTILINE)


@types.add_str_method
@dataclass
class Forecast:
    sky: str
    hours: tuple[int, ...]


def attached(program: Program) -> RemoteWand:
    """Attach as another program of the same user does."""
    return MoobiusWand.attach(runtime=program.folder.parent / "runtime" / "moobius")


def is_ready(wand: RemoteWand, name: str) -> bool:
    """Tell whether a service runs."""
    return name in (services := wand.services()) and services[name].state == "running"


def refusal(wand: RemoteWand, name: str) -> str:
    """Cast a spell, and return why that fails; nothing if it does not."""
    try:
        wand.spell(name, 1)
    except WandError as error:
        return str(error)
    return ""


# ---- With services that only remember -----------------------------------------------------------


@pytest.mark.defect("D110")
def test_spells_arrive_typed_and_in_order() -> None:
    with troupe() as one, troupe() as other, MoobiusWand.attach() as wand:
        room, hall = one.add(), other.add("Hall")
        wand.spell("Room", Forecast("grey", (3, 4)))
        for number in range(200):
            wand.spell("Room", number)
        wand.spell("Hall", b"\x00")
        assert room.spells == [Forecast("grey", (3, 4)), *range(200)]
        assert hall.spells == [b"\x00"]


async def test_it_works_inside_a_running_loop() -> None:
    with troupe() as one, MoobiusWand.attach() as wand:
        room = one.add()
        wand.spell("Room", "blocking")
        await asyncio.gather(*(wand.aspell("Room", number) for number in range(50)))
        assert room.spells == ["blocking", *range(50)]
        assert wand.status("Room").state == "running"


def test_a_spell_to_nobody_lists_the_living() -> None:
    wand = MoobiusWand.attach()
    with pytest.raises(WandError, match="no service 'Room' runs; running: none"):
        wand.spell("Room", 1)
    with troupe() as one:
        one.add()
        one.add()
        one.publisher.claim("Slow", None)
        with pytest.raises(WandError, match="no service 'Rom' runs; running: Room, Room-2"):
            wand.spell("Rom", 1)
        with pytest.raises(WandError, match="Slow is being started, and not ready yet"):
            wand.spell("Slow", 1)
        with pytest.raises(WandError, match="cannot be the name"):
            wand.spell("../Room", 1)
        with pytest.raises(WandError, match="cannot travel"):
            wand.spell("Room", object())
        with pytest.raises(WandError, match="may travel"):
            wand.spell("Room", "x" * protocol.MAX_SPELL)
        wand.spell("Room", "x" * (protocol.MAX_SPELL - 2))
    wand.close()


def test_services_come_and_go_under_one_attached_wand() -> None:
    with MoobiusWand.attach() as wand:
        assert wand.services() == {}
        for _ in range(2):
            with troupe() as one:
                room = one.add()
                wand.spell("Room", 1)
                assert room.spells == [1]
                assert list(wand.services()) == ["Room"]
            with pytest.raises(WandError, match="no service 'Room' runs"):
                wand.spell("Room", 2)


def test_stop_and_restart_by_name() -> None:
    with troupe() as one, MoobiusWand.attach() as wand:
        room, other = one.add(), one.add()
        wand.restart("Room")
        assert room.life.state == "running"
        wand.stop("Room")
        assert room.life.state == "stopped"
        wand.stop("Room-2")  # the last one: who asked is told before all is closed
        assert other.life.state == "stopped"
        with pytest.raises(WandError, match="no service 'Room' runs"):
            wand.stop("Room")


def test_others_are_answered_while_one_is_being_stopped() -> None:
    with troupe() as one, MoobiusWand.attach() as wand:
        one.add()
        room = one.add()
        seen: list[str] = []

        def look() -> None:
            wand.spell("Room-2", "meanwhile")
            seen.extend(info.state for info in wand.services().values())

        one.while_stopping = look
        wand.stop("Room")
        assert room.spells == ["meanwhile"]
        assert seen == ["stopping", "running"]


def test_a_file_that_is_left_over_is_removed_when_nobody_answers() -> None:
    folder = connection_files.services_folder()
    with troupe() as one, MoobiusWand.attach() as wand:
        one.add()
        record = connection_files.read(connection_files.file_of(folder, "Room"))
        assert record is not None
        left = folder / "dead.sock"
        dead = replace(record, name="Dead", instance="dead", address=f"unix:{left}")
        for call in (lambda: wand.spell("Dead", 1), lambda: list(wand.services())):
            connection_files.claim(folder, dead)
            with socket.socket(socket.AF_UNIX) as unused:
                unused.bind(str(left))
            try:
                assert call() == ["Room"]
            except WandError as error:
                assert str(error) == "no service 'Dead' runs; running: Room"
            assert not connection_files.file_of(folder, "Dead").exists() and not left.exists()


def deaf(name: str, deaf_socket: socket.socket) -> Record:
    """Leave word of a service whose process lives, and never answers: it was suspended, say."""
    address = f"tcp://127.0.0.1:{deaf_socket.getsockname()[1]}"
    record = Record(name, "Deaf", os.getpid(), name, "", 0.0, "", address, "ab" * 32)
    connection_files.claim(connection_files.services_folder(), record)
    return record


def heard(sock: socket.socket) -> socket.socket:
    """Return the connection that somebody makes, once he has said hello."""
    sock.settimeout(PATIENCE)
    found = sock.accept()[0]
    found.settimeout(PATIENCE)
    assert found.recv(10_000)
    return found


def hangs_on(sock: socket.socket) -> bool:
    """Tell whether the other end still waits for us."""
    sock.setblocking(False)
    try:
        return bool(sock.recv(10_000))
    except BlockingIOError:
        return True


def test_one_that_is_silent_keeps_nobody_else_waiting() -> None:
    with (
        troupe() as one,
        MoobiusWand.attach() as wand,
        socket.create_server(("127.0.0.1", 0)) as silent,
    ):
        room = one.add()
        deaf("Deaf", silent)
        said: list[str] = []
        waiting = threading.Thread(target=lambda: said.append(refusal(wand, "Deaf")), daemon=True)
        waiting.start()
        with heard(silent) as connection:
            wand.spell("Room", "meanwhile")
            assert wand.status("Room").state == "running"
            assert room.spells == ["meanwhile"] and hangs_on(connection) and not said
        waiting.join(PATIENCE)
        assert "Deaf cannot be reached" in said[0]


def test_all_who_are_silent_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "ANSWER_WITHIN_S", PATIENCE)  # nobody gives up before we hang up
    with (
        troupe() as one,
        MoobiusWand.attach() as wand,
        socket.create_server(("127.0.0.1", 0)) as first,
        socket.create_server(("127.0.0.1", 0)) as second,
    ):
        one.add()
        deaf("Deaf", first), deaf("Mute", second)
        states: dict[str, str] = {}

        def look() -> None:
            states.update({name: info.state for name, info in wand.services().items()})

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        with heard(first) as a, heard(second) as b:
            assert hangs_on(a) and hangs_on(b)
        looking.join(PATIENCE)
        assert states == {"Deaf": "silent", "Mute": "silent", "Room": "running"}


def test_a_spell_that_may_arrive_still_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when its process was suspended after it had come."""
    monkeypatch.setattr(remote, "ANSWER_WITHIN_S", 0.3)
    goes_on = threading.Event()
    with troupe() as one, MoobiusWand.attach() as wand:
        room = one.add()

        def put(spell: object) -> None:
            goes_on.wait(20)
            room.spells.append(spell)

        monkeypatch.setattr(room, "put", put)
        with pytest.raises(WandError, match=r"Room cannot .*; the spell may arrive still$"):
            wand.spell("Room", 1)
        goes_on.set()
        wait_until(lambda: room.spells == [1])


def test_a_connection_file_that_is_of_no_use_is_named_and_hides_nobody() -> None:
    with troupe() as one, MoobiusWand.attach() as wand, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        one.add()
        folder = connection_files.services_folder()
        connection_files.publish(folder, replace(deaf("Odd", unused), address="pipe:/x"))
        states = {name: info.state for name, info in wand.services().items()}
        assert states == {"Odd": "silent", "Room": "running"}
        for call in (wand.stop, wand.status, lambda name: wand.spell(name, 1)):
            with pytest.raises(WandError, match=r"Odd\.json, its connection file, is of no use"):
                call("Odd")


def test_who_hangs_while_it_starts_is_named_and_who_died_then_is_nobody() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = connection_files.services_folder()
    with troupe() as one, MoobiusWand.attach() as wand:
        one.publisher.claim("Slow", None)
        with pytest.raises(WandError, match=f"the process that starts it, {os.getpid()}$"):
            wand.stop("Slow")
        connection_files.claim(folder, Record("Dead", "Room", ended.pid, "dead", "", 0.0))
        with pytest.raises(WandError, match="no service 'Dead' runs"):
            wand.stop("Dead")
        assert not connection_files.file_of(folder, "Dead").exists()


def cast_and_close(wand: RemoteWand, spell: object) -> None:
    with wand:
        wand.spell("Room", spell)


def test_a_forked_child_begins_anew() -> None:
    context = multiprocessing.get_context("fork")
    with troupe() as one, MoobiusWand.attach() as wand:
        room = one.add()
        wand.spell("Room", "parent")
        child = context.Process(target=cast_and_close, args=(wand, "child"))
        child.start()
        child.join(20)
        if child.is_alive():  # hangs
            child.kill()
            child.join()
        assert child.exitcode == 0
        wand.spell("Room", "parent again")
        assert room.spells == ["parent", "child", "parent again"]


def test_another_key_casts_nothing() -> None:
    folder = connection_files.services_folder()
    with troupe() as one, MoobiusWand.attach() as wand:
        room = one.add()
        file = connection_files.file_of(folder, "Room")
        file.write_text(json.dumps({**json.loads(file.read_text()), "key": "ab" * 32}))
        with pytest.raises(WandError, match="Room cannot be reached"):
            wand.spell("Room", 1)
        assert room.spells == []


def open_to_all(folder: Path) -> None:
    """Let everybody look into a directory of a test, however deep it lies."""
    for each in (folder, *folder.parents):
        if each.stat().st_uid == os.getuid() and each != Path(tempfile.gettempdir()):
            each.chmod(0o755)
        if each == Path(tempfile.gettempdir()):
            return


@pytest.mark.parametrize("can_read_folder", [False, True])
@pytest.mark.defect("D110")
def test_another_user_casts_nothing(tmp_path: Path, can_read_folder: bool) -> None:
    """Also one who could look into the directory: the file and the socket are their user's."""
    folder = connection_files.services_folder()
    with troupe() as one:
        room = one.add()
        if os.getuid() != 0:
            assert folder.stat().st_mode & 0o77 == 0
            assert all(each.stat().st_mode & 0o77 == 0 for each in folder.iterdir())
            return
        if can_read_folder:
            open_to_all(folder)
        record = connection_files.read(connection_files.file_of(folder, "Room"))
        assert record is not None
        attempt = f"""
            import os, socket
            from pathlib import Path
            os.setgid(65534), os.setuid(65534)
            for attempt in (
                lambda: Path({str(connection_files.file_of(folder, "Room"))!r}).read_text(),
                lambda: socket.socket(socket.AF_UNIX).connect({record.address[5:]!r}),
            ):
                try:
                    print(attempt())
                except PermissionError as error:
                    print("refused")
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(attempt)],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.stdout.split() == ["refused", "refused"], done.stderr
        assert room.spells == []


def test_the_door_opens_without_what_only_a_service_needs() -> None:
    heavy = ["aiohttp", "websockets", "apscheduler", "redis", "aioprocessing", "dacite"]
    code = f"""
        import sys
        from moobius import MoobiusWand
        from moobius.errors import WandError
        try:
            MoobiusWand.attach().spell("Room", 1)
        except WandError as error:
            print(error)
        print([name for name in {heavy} if name in sys.modules])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], check=False, capture_output=True, text=True
    )
    assert done.stdout == "no service 'Room' runs; running: none\n[]\n", done.stderr


# ---- With real ones -----------------------------------------------------------------------------


@pytest.mark.defect("D110")
async def test_another_program_reaches_background_services(tmp_path: Path) -> None:
    async with Program(script(tmp_path, TWO), "main.py") as program:
        await program.wait_for(BOTH)
        pids = [int(pid) for pid in STARTED.findall(program.output)]
        with attached(program) as wand:
            services = wand.services()
            assert [(info.name, info.pid) for info in services.values()] == [
                ("Room", pids[0]),
                ("north", pids[1]),
            ]
            assert services["north"].cls == "Room"
            wand.spell("north", {"it": "rains"})
            await program.wait_for(re.compile(r"^spell {'it': 'rains'}$", re.MULTILINE))
            await asyncio.to_thread(wand.restart, "north")
            assert wand.status("north").pid not in pids
            assert not alive(pids[1]) and alive(pids[0])
            await asyncio.to_thread(wand.stop, "north")
            assert list(wand.services()) == ["Room"]
            await asyncio.to_thread(wand.stop, "Room")
            assert await program.ended() == 0
            assert wand.services() == {}
    left = tmp_path / "runtime" / "moobius" / "services"
    assert sorted(file.name for file in left.iterdir()) == ["Room.log", "north.log"]
    assert "Traceback" not in program.output


async def test_a_foreground_service_that_blocks_its_loop_still_has_an_address(
    tmp_path: Path,
) -> None:
    text = """
from moobius.core.running import plan
class Blocking(Room):
    async def on_spell(self, obj):
        print("blocks", flush=True)
        time.sleep(30)
plan.STOP_SLACK_S = 0.5
MoobiusWand().run(Blocking, stop_timeout=0)
"""
    async with Program(script(tmp_path, text), "main.py") as program:
        await program.wait_for(STARTED)
        with attached(program) as wand:
            await until(lambda: is_ready(wand, "Blocking"))
            wand.spell("Blocking", 1)
            await program.wait_for(re.compile("^blocks$", re.MULTILINE))
            assert wand.status("Blocking").state == "running"
            with pytest.raises(WandError, match="Blocking does not stop; what can be ended is"):
                await asyncio.to_thread(wand.stop, "Blocking")
        program.kill()


async def test_a_background_service_that_hangs_is_started_again_from_outside(
    tmp_path: Path,
) -> None:
    text = """
from moobius.core.running import plan
class Stuck(Room):
    async def on_spell(self, obj):
        print("stuck", flush=True)
        while True:
            try: time.sleep(60)
            except BaseException: pass
if __name__ == "__main__":
    plan.STOP_SLACK_S = 0.5
    MoobiusWand().run(Stuck, background=True, stop_timeout=0)
"""
    async with Program(script(tmp_path, text), "main.py") as program:
        first = int((await program.wait_for(STARTED))[1])
        with attached(program) as wand:
            await until(lambda: is_ready(wand, "Stuck"))
            wand.spell("Stuck", 1)
            await program.wait_for(re.compile("^stuck$", re.MULTILINE))
            await asyncio.to_thread(wand.restart, "Stuck")
            assert not alive(first)
            assert wand.status("Stuck").state == "running"
        assert await program.interrupt() == 130


async def test_what_a_killed_wand_left_is_recognised(tmp_path: Path) -> None:
    async with Program(script(tmp_path, TWO), "main.py") as program:
        await program.wait_for(BOTH)
        pids = [int(pid) for pid in STARTED.findall(program.output)]
        with attached(program) as wand:
            assert len(wand.services()) == 2
            os.kill(program.pid, signal.SIGKILL)
            await until(lambda: refusal(wand, "Room") == "no service 'Room' runs; running: none")
            assert wand.services() == {}
        # They have inherited nothing that would keep the address open; and they leave, too.
        await until(lambda: not any(alive(pid) for pid in pids))
        left = tmp_path / "runtime" / "moobius" / "services"
        assert not [file.name for file in left.iterdir() if file.suffix != ".log"]
