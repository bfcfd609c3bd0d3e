"""What a person sees whose program cannot be imported: its own lines, and none of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.program import Program


@pytest.mark.parametrize("target", ["room.py", "room"])
async def test_an_error_of_an_import_shows_the_users_part_only(tmp_path: Path, target: str) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "room.py").write_text("import os\nfrom colours import RED\n", "utf-8")
    (folder / "colours.py").write_text("import no_such_colour\n", "utf-8")
    async with Program(folder, "-m", "moobius", "run", target) as program:
        assert await program.ended() == 1
    first, *places, last = program.output.splitlines()
    assert first == "Traceback (most recent call last):"
    assert [line for line in places if line.startswith("  File ")] == [
        f'  File "{folder / "room.py"}", line 2, in <module>',
        f'  File "{folder / "colours.py"}", line 1, in <module>',
    ]
    assert last == "ModuleNotFoundError: No module named 'no_such_colour'"


async def test_an_error_that_is_ours_is_shown_whole(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from moobius.devtools import targets, tracebacks\n"
        "sys.excepthook = tracebacks.show_without_us\n"
        "targets.parse_target(None)\n"
    )
    async with Program(tmp_path, "-c", program) as process:
        assert await process.ended() == 1
    assert "line 4, in <module>" in process.output
    assert "in parse_target" in process.output and "AttributeError" in process.output
