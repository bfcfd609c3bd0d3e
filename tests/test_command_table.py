"""The table of commands."""

from __future__ import annotations

import pytest

from moobius.command_table import COMMANDS, read_words


def test_every_command_is_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        read_words(["--help"])
    assert end.value.code == 0
    output = capsys.readouterr().out
    assert all(name in output for name in COMMANDS)


@pytest.mark.parametrize(
    ("words", "is_endless"),
    [
        ("demo", True),
        ("dev", True),
        ("logs Room", False),
        ("logs Room --follow", True),
        ("platform", True),
        ("platform reset", False),
        ("ps", False),
        ("run service.py", False),
    ],
)
def test_ctrl_c_is_the_way_to_end_some_commands(words: str, is_endless: bool) -> None:
    options = read_words(words.split())
    assert COMMANDS[options.command].is_endless(options) is is_endless
