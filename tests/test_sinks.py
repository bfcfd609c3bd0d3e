"""One sink for one place, in programs of their own: loguru is shared by all of a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROLOGUE = """
from loguru import logger
from moobius.sinks import TERMINAL, Wish, add_wish, drop_wish
from moobius.utils import set_terminal_logger_level
"""


def run(program: str, folder: Path) -> list[str]:
    """Run a program; return the messages of the log lines on its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + program],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [line.rpartition(" - ")[2] for line in done.stdout.splitlines()]


def test_two_wishes_for_one_place_give_each_line_once_from_the_lowest_level(tmp_path: Path) -> None:
    lines = run(
        """
first, second = Wish(TERMINAL, "WARNING"), Wish(TERMINAL, "DEBUG")
add_wish(first)
logger.info("only the first")
add_wish(second)
logger.debug("both")
drop_wish(second)
logger.info("the first again")
logger.warning("a warning")
drop_wish(first)
logger.warning("nobody")
""",
        tmp_path,
    )
    assert lines == ["both", "a warning"]


def test_a_file_for_two_is_opened_once(tmp_path: Path) -> None:
    run(
        """
wishes = [Wish("both.log", level, {"rotation": "1 day"}) for level in ("ERROR", "INFO", "ERROR")]
for wish in wishes:
    add_wish(wish)
logger.info("one line")
drop_wish(wishes[0])
logger.info("another")
for wish in wishes[1:]:
    drop_wish(wish)
logger.error("nobody")
""",
        tmp_path,
    )
    lines = (tmp_path / "both.log").read_text("utf-8").splitlines()
    assert [line.rpartition(" - ")[2] for line in lines] == ["one line", "another"]


def test_sinks_of_the_user_stay_and_may_go(tmp_path: Path) -> None:
    lines = run(
        """
mine = []
number = logger.add(lambda text: mine.append(str(text)), format="{message}")
wish = Wish(TERMINAL, "INFO")
add_wish(wish)
logger.info("seen twice")
logger.remove()  # the user wants silence, and gets it
logger.info("not seen")
drop_wish(wish)
print("mine - " + ",".join(line.strip() for line in mine))
""",
        tmp_path,
    )
    assert lines == ["seen twice", "seen twice"]


def test_the_level_of_the_terminal_can_be_set_before_and_while_services_run(tmp_path: Path) -> None:
    lines = run(
        """
set_terminal_logger_level("debug")
logger.debug("a")
set_terminal_logger_level("WARNING")
logger.info("not this")
wish = Wish(TERMINAL, "DEBUG")
add_wish(wish)
logger.info("nor this")
logger.warning("b")
set_terminal_logger_level("INFO")
logger.info("c")
drop_wish(wish)
logger.info("d")
try:
    set_terminal_logger_level("loud")
except ValueError:
    logger.info("e")
""",
        tmp_path,
    )
    assert lines == ["a", "b", "c", "d", "e"]


def test_a_wish_that_cannot_be_granted_leaves_nothing(tmp_path: Path) -> None:
    lines = run(
        """
for wish in (Wish("x.log", "INFO", {"retention": "banana"}), Wish("/proc/none/x.log", "INFO")):
    try:
        add_wish(wish)
    except (ValueError, OSError) as error:
        print("x - " + type(error).__name__)
add_wish(Wish("x.log", "INFO"))
logger.info("works")
print("x - " + open("x.log").read().rpartition(" - ")[2].strip())
""",
        tmp_path,
    )
    assert lines == ["ValueError", "FileNotFoundError", "works"]


def test_a_terminal_that_nobody_reads_any_more_is_left_alone(tmp_path: Path) -> None:
    program = """
import sys
add_wish(Wish(TERMINAL, "INFO"))
add_wish(Wish("all.log", "INFO"))
logger.info("one line")
sys.stdin.readline()
logger.info("nobody reads this")
logger.info("nor this")
"""
    command = [sys.executable, "-c", PROLOGUE + program]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        assert "one line" in process.stdout.readline()
        process.stdout.close()
        process.stdin.write("go on\n")
        process.stdin.flush()
        assert "loguru" not in process.stderr.read().lower()
    assert "nor this" in (tmp_path / "all.log").read_text("utf-8")


def test_a_program_may_have_no_terminal_at_all(tmp_path: Path) -> None:
    program = """
import sys
sys.stdout = None  # as under pythonw, or after >&-
add_wish(Wish(TERMINAL, "INFO"))
add_wish(Wish("all.log", "INFO"))
logger.info("one line")
"""
    assert run(program, tmp_path) == []
    assert "one line" in (tmp_path / "all.log").read_text("utf-8")
