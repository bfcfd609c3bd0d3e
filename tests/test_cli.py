"""The command line, as a person types it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from moobius import __version__
from moobius.cli import main
from tests.support.patience import PATIENCE
from tests.support.program import PLATFORM_READY, Program


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"moobius {__version__}\n"


def test_a_wrong_word_lists_the_right_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["plattform"])
    assert end.value.code == 2
    assert "platform" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        "demo --bogus",
        "demo test agent",
        "doctor x",
        "platform cert d --bogus",
        "storage ls --bogus",
    ],
)
def test_what_a_command_does_not_know_is_refused_with_its_own_usage(
    words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    *command, unknown = words.split()
    with pytest.raises(SystemExit) as end:
        main(words.split())
    assert end.value.code == 2
    said = capsys.readouterr().err
    name = " ".join(["moobius", *command]).removesuffix(" d").removesuffix(" test")
    assert said.startswith(f"usage: {name} [-h]")
    assert said.endswith(f"\n{name}: error: unrecognized arguments: {unknown}\n")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["demo", "tset"], "invalid choice: 'tset'"),
        (["demo", "--port", "99999"], "'99999' is not a port"),
        (["dev", "--port", "99999"], "'99999' is not a port"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_starts(
    in_folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], why: str
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    said = capsys.readouterr()
    assert why in said.err and said.err.startswith(f"usage: moobius {words[0]} ")
    assert said.out == "" and list(in_folder.iterdir()) == []


async def test_python_m_moobius_platform_gets_ready_and_stops(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    command = ("-m", "moobius", "platform", "--port", "0", "--ephemeral")
    async with Program(tmp_path / "work", *command) as program:
        await program.wait_for(PLATFORM_READY)
        assert await program.interrupt() == 0
    assert "Traceback" not in program.output


async def test_the_command_is_installed() -> None:
    moobius = Path(sys.executable).with_name("moobius")
    process = await asyncio.create_subprocess_exec(
        str(moobius), "--version", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.decode() == f"moobius {__version__}\n"


STRUCK = """
import os, signal, sys
imported, *words = sys.argv[1:]

def strike(event, details):
    global imported
    if event == "import" and details[0] == imported:
        imported = None
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(strike)
from moobius.cli import main
sys.exit(main(words))
"""
"""`moobius WORDS`, with Ctrl+C pressed at the moment when a module is about to be imported."""


@pytest.mark.parametrize(
    ("words", "status"),
    [("ps", 130), ("doctor", 130), ("run x.py", 130), ("platform --ephemeral", 0), ("dev", 0)],
)
@pytest.mark.parametrize("module", ["argparse", "moobius.local.options"])
def test_ctrl_c_while_the_command_is_still_being_imported(
    in_folder: Path, module: str, words: str, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STRUCK, module, *words.split()],
        env={**os.environ, "XDG_RUNTIME_DIR": str(in_folder)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def _moobius(*words: str, stdout: int | IO[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "moobius", *words],
        env={**os.environ, "XDG_RUNTIME_DIR": str(Path.cwd())},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("command", ["ps", "doctor"])
def test_output_that_a_full_disk_does_not_take_is_said_in_one_line(
    in_folder: Path, command: str
) -> None:
    with Path("/dev/full").open("w") as full:
        done = _moobius(command, stdout=full)
    why = "the output cannot be written: No space left on device"
    assert (done.returncode, done.stderr) == (1, f"moobius {command}: {why}\n")


def test_help_that_a_full_disk_does_not_take_gives_no_traceback(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")  # so that it fails before a command is known
    with Path("/dev/full").open("w") as full:
        assert "Traceback" not in _moobius("--help", stdout=full).stderr


@pytest.mark.parametrize("command", ["ps", "doctor"])
def test_output_that_nobody_reads_is_no_trouble(in_folder: Path, command: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = _moobius(command, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")
