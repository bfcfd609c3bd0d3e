"""The command line, as a person types it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from moobius import __version__
from moobius.cli import COMMANDS, main
from tests.support.program import PLATFORM_READY, Program


def test_every_command_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    output = capsys.readouterr().out
    assert all(name in output for name in COMMANDS)


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
