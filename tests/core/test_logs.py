"""Sinks as the log configuration asks for them, in a program of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from moobius.config import load_config
from moobius.core.logs import log_sinks
from moobius.errors import ConfigError

PROGRAM = """
import sys
from loguru import logger
from moobius.config import load_config
from moobius.core.logs import log_fatal, log_sinks

mine = []
logger.add(lambda text: mine.append(str(text)), format="{{message}}")
with log_sinks(load_config(log_config={log_config!r}).settings):
    logger.debug("a debug line")
    logger.info("an info line")
    logger.warning("a warning line")
    log_fatal("a last line")
logger.info("after")
print("mine", [line.strip() for line in mine])
"""


def run(log_config: dict[str, Any], folder: Path) -> str:
    """Run the program; return what it printed on both streams."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(log_config=log_config)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout


@pytest.mark.promise("0-27")
def test_the_terminal_shows_info_once_and_the_users_sink_stays(tmp_path: Path) -> None:
    output = run({}, tmp_path)
    lines = [line for line in output.splitlines() if not line.startswith("mine")]
    assert [line.rpartition(" - ")[2] for line in lines] == ["an info line", "a warning line"]
    assert "'a debug line'" in output and "'after'" in output


def test_files_are_made_on_demand_with_their_levels(tmp_path: Path) -> None:
    run(
        {
            "log_level": "debug",
            "terminal_log_level": "error",
            "log_file": "logs/service.log",
            "error_log_file": "logs/error.log",
            "log_retention": "3 days",
        },
        tmp_path,
    )
    service = (tmp_path / "logs/service.log").read_text("utf-8")
    errors = (tmp_path / "logs/error.log").read_text("utf-8")
    for line in ("a debug line", "an info line", "a warning line", "a last line"):
        assert service.count(line) == 1
    assert "an info line" not in errors
    assert "a warning line" in errors and "a last line" in errors


def test_one_file_for_both_gets_each_line_once(tmp_path: Path) -> None:
    run({"log_file": "all.log", "error_log_file": "all.log"}, tmp_path)
    assert (tmp_path / "all.log").read_text("utf-8").count("a warning line") == 1


def test_the_terminal_level_can_differ(tmp_path: Path) -> None:
    output = run({"terminal_log_level": "warning"}, tmp_path)
    terminal = output.partition("mine")[0]
    assert "a warning line" in terminal
    assert "an info line" not in terminal


TWO = """
from loguru import logger
from moobius.config import load_config
from moobius.core.logs import log_sinks

first = load_config(log_config={"log_file": "both.log", "terminal_log_level": "warning"}).settings
second = load_config(log_config={"log_file": "both.log", "log_level": "DEBUG"}).settings
with log_sinks(first):
    with log_sinks(second):
        logger.debug("of two")
    logger.debug("not any more")
    logger.warning("of one")
"""


def test_a_second_service_in_the_process_does_not_double_the_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for text in (done.stdout, (tmp_path / "both.log").read_text("utf-8")):
        lines = [line.rpartition(" - ")[2] for line in text.splitlines()]
        assert lines == ["of two", "of one"]


def test_the_last_of_the_log_keeps_one_file_and_touches_no_other_service(tmp_path: Path) -> None:
    """A service called north.east logs beside the one called north."""
    others = ["north.east.log", "north.east.2026-01-02_03-04-05_678901.log", "north-2.log"]
    for name in others:
        (tmp_path / name).write_text("somebody else's")
        os.utime(tmp_path / name, (1, 1))  # the oldest of all
    mine = tmp_path / "north.log"
    done = subprocess.run(
        [sys.executable, "-c", ROTATED_TWICE, str(mine)], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    (rotated,) = {file.name for file in tmp_path.iterdir()} - {*others, mine.name}
    assert rotated.startswith("north.20")
    assert all((tmp_path / name).exists() for name in others)
    assert "line 2999" in mine.read_text() and "line 2500" in (tmp_path / rotated).read_text()


ROTATED_TWICE = """
import sys
from loguru import logger
from moobius.config import load_config
from moobius.core.logs import log_sinks

with log_sinks(load_config(log_config={"terminal_log_level": "error"}).settings, sys.argv[1]):
    for number in range(3000):
        logger.info("line {} {}", number, "x" * 1000)
"""


def test_a_disk_that_is_full_at_the_end_is_a_warning(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" in done.stdout and "the last log lines could not be written to" in done.stdout
    assert "full.log: File too large" in done.stdout
    assert done.stdout.endswith("goes on\n")


FULL = """
from loguru import logger
from moobius.config import load_config
from moobius.core.logs import log_sinks
import resource

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # the system writes to no file any more
with log_sinks(load_config(log_config={"log_file": "full.log"}).settings):
    logger.info("a line")
print("goes on")
"""


@pytest.mark.parametrize(
    ("log_config", "words"),
    [
        ({"log_file": "a.log", "log_retention": "banana"}, "understand log_retention 'banana'"),
        (
            {"log_file": "a.log", "log_retention": {"rotate": 1}},
            "understand log_retention {'rotate",
        ),
        ({"log_file": "folder"}, "cannot log to .*folder: Is a directory"),
    ],
)
def test_what_loguru_cannot_do_is_one_clear_error(
    in_folder: Path, log_config: dict[str, Any], words: str
) -> None:
    (in_folder / "folder").mkdir()
    before = dict(logger._core.handlers)  # type: ignore[attr-defined]
    start_up = {0: before.get(0)} if 0 in before else {}
    with pytest.raises(ConfigError, match=words):
        with log_sinks(load_config(log_config=log_config).settings):
            pass
    assert {**start_up, **logger._core.handlers} == before  # type: ignore[attr-defined]
