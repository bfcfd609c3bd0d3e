"""Defects of earlier versions in import and logging (5.8), in programs of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from moobius import Moobius
from moobius.errors import WrongMode
from tests.promises.stage import Stage


def run(folder: Path, *command: str) -> str:
    """Run a program that has to end well and asks nothing; return what it printed."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={k: v for k, v in os.environ.items() if not k.startswith("MOOBIUS_")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.defect("D83")
@pytest.mark.parametrize(
    "arguments",
    [
        ["email"], ["password"], ["user"], ["channels"], ["config_path", "x.json"],
        ["make_main", "main.py"], ["-p"], ["--help"], ["-g"],
    ],
)  # fmt: skip
def test_the_command_line_belongs_to_the_program(tmp_path: Path, arguments: list[str]) -> None:
    program = (
        "import sys; from moobius import *; from moobius import types; Moobius(); "
        "print(sys.argv[1:])"
    )
    assert run(tmp_path, "-c", program, *arguments) == f"{arguments}\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.defect("D84")
def test_a_package_run_with_m_runs_itself(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("from moobius import Moobius, MoobiusWand, types\n")
    (package / "__main__.py").write_text("print('my own program')\n")
    assert run(tmp_path, "-m", "mine") == "my own program\n"


LOGGING = """
import sys
from loguru import logger
mine = []
logger.remove()
number = logger.add(lambda text: mine.append(str(text).strip()), format="{message}")
from moobius import Moobius
from moobius.core.logs import log_sinks
given = dict(
    log_settings={"log_file": "s.log", "error_log_level": "ERROR", "error_log_file": "e.log"},
    log_retention="3 days",
)
first, second = Moobius(**given), Moobius(**given)
with log_sinks(first.settings):
    with log_sinks(second.settings):
        logger.warning("a warning")
        logger.error("an error")
logger.info("after")
logger.remove(number)
print(mine)
"""


@pytest.mark.defect("D85")
def test_the_sinks_of_the_program_stay_and_each_line_is_written_once(tmp_path: Path) -> None:
    *terminal, mine = run(tmp_path, "-c", LOGGING).splitlines()
    assert mine == "['a warning', 'an error', 'after']"
    for lines, wanted in (
        (terminal, ["a warning", "an error"]),
        ((tmp_path / "s.log").read_text("utf-8").splitlines(), ["a warning", "an error"]),
        ((tmp_path / "e.log").read_text("utf-8").splitlines(), ["an error"]),
    ):
        assert [line.rpartition(" - ")[2] for line in lines] == wanted


@pytest.mark.defect("D85")
def test_with_only_a_log_file_a_warning_stands_there_once(tmp_path: Path) -> None:
    program = (
        "from loguru import logger; from moobius import Moobius\n"
        "from moobius.core.logs import log_sinks\n"
        "with log_sinks(Moobius(log_file='s.log').settings): logger.warning('once')"
    )
    assert run(tmp_path, "-c", program).count("once") == 1
    assert (tmp_path / "s.log").read_text("utf-8").count("once") == 1


@pytest.mark.defect("D86")
@pytest.mark.asyncio(loop_scope="module")
async def test_verbs_that_are_wrapped_pass_their_arguments_on_as_they_came(stage: Stage) -> None:
    service = stage.service
    owl = await service.create_agent("Owl", description="sees at night")
    await service.update_agent(owl, "https://x/a.png", "by position", "Owl 2")
    assert (await service.fetch_character_profile(owl)).name == "Owl 2"
    await service.update_agent(
        name="Owl 3", description="by keyword", avatar="https://x/a.png", character=owl.character_id
    )
    assert (await service.fetch_character_profile(owl)).description == "by keyword"
    await service.send_characters([owl], stage.channel_id, stage.ada)
    assert await stage.shown_to("ada") == [owl.character_id]
    await service.send_characters(recipients=stage.ada, characters=owl, channel_id=stage.channel_id)
    assert await stage.shown_to("ada") == [owl.character_id]


@pytest.mark.defect("D86")
def test_wrapped_verbs_keep_their_names_and_words() -> None:
    for name in ("create_agent", "send_characters", "send_button_click"):
        verb = getattr(Moobius, name)
        assert verb.__name__ == name
        assert verb.__doc__


@pytest.mark.defect("D86")
@pytest.mark.asyncio(loop_scope="module")
async def test_a_verb_of_the_other_mode_says_so(stage: Stage) -> None:
    with pytest.raises(WrongMode, match=r"create_agent\(\) is for a service"):
        await stage.fan.create_agent("Owl")
