"""The asyncio programs of docs/messaging.md, as they stand, in processes of their own."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.patience import until
from tests.support.program import ROOT, Program


def written_down(folder: Path) -> None:
    """Write every program that begins with its name."""
    text = (ROOT / "docs" / "messaging.md").read_text("utf-8")
    programs = re.findall(r"```python\n(# (\w+\.py)\n.*?)```", text, re.DOTALL)
    for program, name in programs:
        (folder / name).write_text(program)
    assert {"listen.py", "cast.py"} <= {name for _, name in programs}


async def test_a_script_casts_a_spell_on_another(tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    written_down(folder)
    async with Program(folder, "listen.py") as listening:
        await until((folder / "spells").exists, lambda: listening.output)
        async with Program(folder, "cast.py") as casting:
            await until(lambda: "it is" in casting.output, lambda: casting.output)
        await until(lambda: "shining red 0.5" in listening.output, lambda: listening.output)
