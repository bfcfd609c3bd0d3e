"""A project's folder with a configuration and some records, and the command line in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moobius import MoobiusStorage
from moobius.cli import main
from tests.database.conftest import empty_redis as empty_redis  # noqa: PLC0414
from tests.database.conftest import one_redis as one_redis  # noqa: PLC0414

ENTRIES: list[dict[str, Any]] = [
    {"implementation": "json", "name": "scores", "settings": {"root_dir": "data"}},
    {"implementation": "json", "name": "box", "settings": {"root_dir": "data"}},
]

# Exit status, what was said, what was complained about.
Answer = tuple[int, str, str]
Moobius = Callable[..., Answer]


@pytest.fixture
def project(in_folder: Path) -> Path:
    """A project with two channels; the second has only a box."""
    (in_folder / "config").mkdir()
    (in_folder / "config/db.json").write_text(json.dumps(ENTRIES), "utf-8")
    first = MoobiusStorage("s", "one", ENTRIES)
    first.scores = {"ada": [1, 2], "bob": {"a": {3}}}
    first.box = {"key": (1, None)}
    MoobiusStorage("s", "two", ENTRIES).box = {"": "empty", "a\nb": 1, " x ": 2, '"': 3}
    return in_folder


@pytest.fixture
def moobius(capsys: pytest.CaptureFixture[str]) -> Moobius:
    """`moobius storage` in this process; `test_as_typed` holds that a process does the same."""

    def run(*arguments: str) -> Answer:
        capsys.readouterr()
        status = main(["storage", *arguments])
        said = capsys.readouterr()
        return status, said.out, said.err

    return run
