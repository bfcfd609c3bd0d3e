"""`moobius storage` as a person types it: real processes."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from moobius.cli import main

PROGRAM = """
from dataclasses import dataclass
from moobius import MoobiusStorage, types

@dataclass
@types.add_str_method
class Score:
    points: int

if __name__ == "__main__":
    MoobiusStorage("s", "c", "configured").scores["ada"] = Score(3)
"""


def typed(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        # Without `-I`, Python itself would find the modules of the folder.
        [sys.executable, "-I", "-m", "moobius", "storage", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_as_typed(project: Path) -> None:
    assert typed(project, "set", "scores", "ada", '{"points": [4]}') == (0, "", "")
    assert typed(project, "get", "scores", "ada", "--json") == (0, '{"points":[4]}\n', "")
    assert typed(project, "get", "scores", "nobody") == (
        1, "", "moobius storage: s/one/scores has no record 'nobody'\n",
    )  # fmt: skip
    status, said, _ = typed(project, "copy", "--to", "sqlite", "--to-setting", "root_dir=new")
    assert status == 0
    assert "7 records in 3 containers copied" in said
    broken = project / "data/service_s/channel_one/scores/bob.json"
    broken.write_text("{", "utf-8")
    status, said, _ = typed(project, "check", "--json")
    assert status == 1
    assert [record["key"] for record in json.loads(said)["broken"]] == ["bob"]
    assert broken.read_text("utf-8") == "{"


def test_the_dataclasses_of_a_project_are_known_once_they_are_imported(tmp_path: Path) -> None:
    entry = {"implementation": "json", "name": "scores", "settings": {"root_dir": "data"}}
    program = textwrap.dedent(PROGRAM).replace('"configured"', repr([entry]))
    (tmp_path / "service.py").write_text(program, "utf-8")
    subprocess.run([sys.executable, "service.py"], cwd=tmp_path, check=True, timeout=30)
    here = ("--engine", "json", "--root-dir", "data")
    status, said, _ = typed(tmp_path, "check", *here)
    assert status == 1
    assert "__main__.Score" in said
    assert "--import MODULE" in said
    for task in [("check", *here, "--import", "service"), ("--import", "service", "check", *here)]:
        assert typed(tmp_path, *task) == (0, "1 record in 1 container read, 0 broken\n", "")
    status, _, complaint = typed(tmp_path, "get", "scores", "ada", *here)
    assert status == 1
    assert "import it before loading; here, --import MODULE imports" in complaint
    status, _, complaint = typed(tmp_path, "check", *here, "--import", "servise")
    assert (status, complaint) == (
        1, "moobius storage: the module 'servise' cannot be imported: No module named 'servise'\n",
    )  # fmt: skip


def test_the_help_lists_every_task(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["storage", "--help"])
    said = capsys.readouterr().out
    assert all(f"    {task} " in said for task in ("ls", "get", "set", "copy", "check"))
    with pytest.raises(SystemExit) as end:
        main(["storage", "list"])
    assert end.value.code == 2
