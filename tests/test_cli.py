"""The command line, as a person types it."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from moobius import __version__
from moobius.cli import COMMANDS, main
from tests.support.program import Program


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


async def test_python_m_moobius_platform_gets_ready_and_stops(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    command = ("-m", "moobius", "platform", "--port", "0", "--ephemeral")
    async with Program(tmp_path / "work", *command) as program:
        await program.wait_for(re.compile(r"^Moobius Platform ready on http://127\.0\.0\.1:\d+$"))
        assert await program.interrupt() == 0
    assert "Traceback" not in program.output


async def test_the_command_is_installed() -> None:
    moobius = Path(sys.executable).with_name("moobius")
    process = await asyncio.create_subprocess_exec(
        str(moobius), "--version", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert output.decode() == f"moobius {__version__}\n"
