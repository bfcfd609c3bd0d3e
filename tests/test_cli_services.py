"""`moobius ps`, `spell`, `stop`, `restart`, `logs`, as typed in a terminal."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from moobius import MoobiusWand
from moobius.cli import main
from moobius.core.control import connection_files
from moobius.errors import WandError
from tests.support.patience import PATIENCE
from tests.support.program import Program
from tests.support.scripts import STARTED, script
from tests.support.wands import Listening, Troupe, troupe

Captured = pytest.CaptureFixture[str]


def refused(capsys: Captured, *words: str) -> str:
    """Type a command that fails; return its one line of explanation."""
    assert main(words) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("\n") == 1
    return said.err.removeprefix(f"moobius {words[0]}: ").rstrip()


def test_ps_shows_what_runs(capsys: Captured) -> None:
    assert main(["ps"]) == 0
    assert capsys.readouterr().out == "NAME  STATE  PID  SINCE  PROJECT\n"
    with troupe() as wand:
        wand.add("WeatherRoom")
        wand.publisher.claim("Slow", None)
        assert main(["ps"]) == 0
        lines = capsys.readouterr().out.splitlines()
        since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
        rest = rf"{os.getpid():<3}  {since}  {re.escape(str(Path.cwd()))}"
        assert re.fullmatch(r"NAME {9}STATE {5}PID +SINCE +PROJECT", lines[0])
        assert re.fullmatch(rf"Slow {{9}}starting  {rest}", lines[1])
        assert re.fullmatch(rf"WeatherRoom  running   {rest}", lines[2])
        assert main(["ps", "--json"]) == 0
        slow, room = json.loads(capsys.readouterr().out)
        assert (slow["name"], slow["state"]) == ("Slow", "starting")
        assert (room["name"], room["cls"]) == ("WeatherRoom", "WeatherRoom")
        assert room["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("words", "spell"),
    [
        (["it rains"], "it rains"),
        (["--json", '{"sky": ["grey", 1]}'], {"sky": ["grey", 1]}),
        (["--file", "spell.txt"], "from a file\n"),
        (["--file", "-"], "from a pipe\n"),
    ],
)
@pytest.mark.defect("D110")
def test_spell_casts(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], spell: object
) -> None:
    (in_folder / "spell.txt").write_text("from a file\n")
    monkeypatch.setattr("sys.stdin", io.StringIO("from a pipe\n"))
    with troupe() as wand:
        room = wand.add()
        assert main(["spell", "Room", *words]) == 0
        assert room.spells == [spell]


def test_a_spell_to_nobody_lists_the_living(capsys: Captured) -> None:
    assert refused(capsys, "spell", "Rom", "x") == "no service 'Rom' runs; running: none"
    with troupe() as wand:
        wand.add(), wand.add()
        assert (
            refused(capsys, "spell", "Rom", "x") == "no service 'Rom' runs; running: Room, Room-2"
        )
        for command in ("stop", "restart", "logs"):
            assert refused(capsys, command, "Rom").endswith("runs; running: Room, Room-2")


def test_what_is_no_spell_is_said_in_a_line(capsys: Captured, in_folder: Path) -> None:
    with troupe() as wand:
        room = wand.add()
        assert "--json is no JSON" in refused(capsys, "spell", "Room", "--json", "{")
        assert "none.txt cannot be read" in refused(capsys, "spell", "Room", "--file", "none.txt")
        deep = refused(capsys, "spell", "Room", "--json", "[" * 100_000)
        assert deep == "--json is nested too deeply; no spell may be"
        for words in ([], ["x", "--json", "1"], ["--json", "1", "--file", "f"]):
            with pytest.raises(SystemExit) as caught:
                main(["spell", "Room", *words])
            assert caught.value.code == 2
        assert room.spells == []


def test_a_spell_may_begin_with_a_dash(capsys: Captured) -> None:
    with troupe() as wand:
        room = wand.add()
        with pytest.raises(SystemExit):
            main(["spell", "Room", "-x"])
        assert "NAME (TEXT | -- -TEXT | " in capsys.readouterr().err
        assert main(["spell", "Room", "--", "-x"]) == 0
        assert room.spells == ["-x"]


def test_stop_and_restart(capsys: Captured) -> None:
    with troupe() as wand:
        room = wand.add()
        assert main(["restart", "Room"]) == 0
        assert room.life.state == "running"
        assert main(["stop", "Room"]) == 0
        assert room.life.state == "stopped"
        assert capsys.readouterr().out == ""


def logging_to(wand: Troupe, text: str) -> Listening:
    room = wand.add()
    Path(room.log_file).write_text(text)
    return room


def test_logs_shows_the_end_of_the_log_also_of_one_that_has_ended(capsys: Captured) -> None:
    with troupe() as wand:
        logging_to(wand, "".join(f"line {number}\n" for number in range(200)))
        assert main(["logs", "Room"]) == 0
        assert capsys.readouterr().out.splitlines() == [f"line {n}" for n in range(100, 200)]
        assert main(["logs", "Room", "-n", "1"]) == 0
        assert capsys.readouterr().out == "line 199\n"
        wand.stop(1)
        assert main(["logs", "Room", "-n", "2"]) == 0
        assert capsys.readouterr().out == "line 198\nline 199\n"


@pytest.mark.parametrize("lines", ["-3", "x"])
def test_logs_wants_a_number_of_lines(capsys: Captured, lines: str) -> None:
    with pytest.raises(SystemExit) as end:
        main(["logs", "Room", f"--lines={lines}"])
    assert end.value.code == 2
    assert f"'{lines}' is no number of lines" in capsys.readouterr().err


def test_logs_does_not_ask_a_service_that_may_be_silent(capsys: Captured) -> None:
    with troupe() as wand, socket.create_server(("127.0.0.1", 0)) as silent:
        room = logging_to(wand, "the last it said\n")
        folder = connection_files.services_folder()
        record = connection_files.read(connection_files.file_of(folder, "Room"))
        assert record is not None
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        connection_files.publish(folder, replace(record, address=address))
        assert main(["logs", room.name]) == 0
        assert capsys.readouterr().out == "the last it said\n"
        silent.settimeout(0)
        with pytest.raises(BlockingIOError):
            silent.accept()  # nobody has called


def test_what_goes_wrong_is_said_in_one_line_and_not_by_the_log(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, log: list[str]
) -> None:
    with troupe() as wand:
        wand.add()
        file = connection_files.file_of(connection_files.services_folder(), "Room")
        file.write_text(json.dumps({**json.loads(file.read_text()), "key": "ab" * 32}))
        before = len(log)
        assert "Room cannot be reached" in refused(capsys, "spell", "Room", "x")
        assert log[before:] == []
        with pytest.raises(WandError):
            MoobiusWand.attach().spell("Room", "x")
        assert log[before:] != []  # afterwards the library logs as before


def test_logs_says_when_there_are_none(capsys: Captured) -> None:
    with troupe() as wand:
        room = wand.add()
        assert "cannot be read: No such file" in refused(capsys, "logs", "Room")
        room.log_file = ""
        room.life.enter("running")
        assert "Room has no log file" in refused(capsys, "logs", "Room")


async def test_logs_follow_until_ctrl_c_and_past_a_rotation(tmp_path: Path) -> None:
    folder = tmp_path / "runtime" / "moobius" / "services"
    connection_files.make_folder(folder)
    log = connection_files.log_file_of(folder, "Room")
    log.write_text("before\n")
    async with Program(
        tmp_path, "-m", "moobius", "logs", "Room", "-f", XDG_RUNTIME_DIR=str(tmp_path / "runtime")
    ) as program:
        await program.wait_for(re.compile("^before$", re.MULTILINE))
        with log.open("a") as stream:
            stream.write("added\n")
        await program.wait_for(re.compile("^added$", re.MULTILINE))
        log.rename(log.with_suffix(".old"))
        with log.with_suffix(".old").open("a") as stream:
            stream.write("last of the old\n")
        log.write_text("first of the new\n")
        await program.wait_for(re.compile("^last of the old\nfirst of the new$", re.MULTILINE))
        log.write_text("anew\n")
        await program.wait_for(re.compile("^anew$", re.MULTILINE))
        assert await program.interrupt() == 0
    assert program.output.count("before") == 1


async def test_a_command_that_is_interrupted_has_not_done_its_work(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    os.mkfifo(tmp_path / "work" / "text")
    command = ("-m", "moobius", "spell", "Room", "--file", "text")
    async with Program(tmp_path / "work", *command) as program:
        while (way := opened(tmp_path / "work" / "text")) is None:
            program.check_alive()
            await asyncio.sleep(0.02)
        assert await program.interrupt() == 130
        os.close(way)
    assert program.output == ""


def opened(fifo: Path) -> int | None:
    """Return a way to write to somebody who waits to read there; nothing if nobody does."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@pytest.mark.parametrize(
    "words", [("logs", "Room", "-n", "100000"), ("logs", "Room", "-f"), ("ps",)]
)
def test_who_does_not_read_to_the_end_is_no_reason_to_complain(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    folder = tmp_path / "runtime" / "moobius" / "services"
    connection_files.make_folder(folder)
    connection_files.log_file_of(folder, "Room").write_text("a line\n" * 100_000)
    with subprocess.Popen(
        [sys.executable, "-m", "moobius", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path / "runtime")},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        if words[0] == "logs":
            assert process.stdout.readline() == b"a line\n"
        process.stdout.close()
        if words[-1] == "-f":  # it is noticed with the next line
            with connection_files.log_file_of(folder, "Room").open("a") as log:
                log.write("a line\n" * 20_000)
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 141


async def test_a_service_logs_where_logs_looks(tmp_path: Path) -> None:
    """To a small private file; or to its own, if its configuration names one."""
    text = """
from loguru import logger
if __name__ == "__main__":
    wand = MoobiusWand()
    wand.run(Room, background=True)
    wand.run(Room, background=True, name="own", log_file="own.log")
    print("both", flush=True)
"""
    runtime = {"XDG_RUNTIME_DIR": str(tmp_path / "runtime")}
    async with Program(script(tmp_path, text), "main.py") as program:
        await program.wait_for(re.compile("^both$", re.MULTILINE))
        for name in ("Room", "own"):
            async with Program(tmp_path / "work", "-m", "moobius", "logs", name, **runtime) as logs:
                assert await logs.ended() == 0
            assert "Room is ready: 1 channel on" in logs.output
        os.kill(int(STARTED.findall(program.output)[0]), signal.SIGKILL)
        assert await program.interrupt() == 130
    services = tmp_path / "runtime" / "moobius" / "services"
    assert (tmp_path / "work" / "own.log").exists()
    assert sorted(file.name for file in services.iterdir()) == ["Room.log"]
    assert (services / "Room.log").stat().st_mode & 0o777 == 0o600
