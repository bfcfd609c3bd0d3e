"""What can be said to the three commands."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable

import pytest

from moobius.devtools import arguments


@pytest.mark.parametrize(
    ("add", "words", "expected"),
    [
        (arguments.add_run_arguments, ["a.py"], {"target": "a.py", "background": False}),
        (
            arguments.add_run_arguments,
            ["a:B", "--config", "c.json", "--name", "n", "--restart", "always", "--background"],
            {"config": "c.json", "name": "n", "restart": "always", "background": True},
        ),
        (arguments.add_dev_arguments, [], {"path": ".", "port": None, "ephemeral": False}),
        (arguments.add_dev_arguments, ["x", "--port", "0"], {"path": "x", "port": 0}),
        (arguments.add_doctor_arguments, ["--json"], {"config": None, "json": True}),
    ],
)
def test_what_is_said_is_understood(
    add: Callable[[argparse.ArgumentParser], None], words: list[str], expected: dict[str, object]
) -> None:
    parser = argparse.ArgumentParser()
    add(parser)
    found = vars(parser.parse_args(words))
    assert {key: found[key] for key in expected} == expected


def test_an_unknown_policy_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    arguments.add_run_arguments(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["a.py", "--restart", "sometimes"])
    assert "choose from 'always', 'never', 'on-failure'" in capsys.readouterr().err


def test_the_help_loads_no_service() -> None:
    program = "import sys, moobius.devtools.arguments; print('moobius.core.sdk' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout == "False\n"
