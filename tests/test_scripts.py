"""The scripts parse and explain themselves; the code in the README runs as it is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.member import Member
from tests.support.program import ROOT, Program

SCRIPTS = ["scripts/demo", "scripts/test", "scripts/environment.sh", ".ci/run"]
COMMANDS = [name for name in SCRIPTS if not name.endswith(".sh")]
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", SCRIPTS)
def test_bash_can_read_it(name: str) -> None:
    checked = subprocess.run(
        ["bash", "-n", ROOT / name], check=False, capture_output=True, text=True
    )
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_may_be_executed(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)


def run_script(checkout: Path, name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a bare copy of the checkout, where there is no environment yet."""
    (checkout / "scripts").mkdir(parents=True)
    for script in ("demo", "test", "environment.sh"):
        shutil.copy(ROOT / "scripts" / script, checkout / "scripts")
    return subprocess.run(
        [checkout / "scripts" / name],
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_python_that_is_none_is_named_in_one_line(tmp_path: Path) -> None:
    ran = run_script(tmp_path, "demo", PYTHON="/no/such/python")
    assert ran.returncode == 1
    assert ran.stderr == "demo: PYTHON=/no/such/python is no Python 3.10 or newer\n"


def test_without_any_python_the_package_is_named(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("bash", "env", "dirname", "basename", "cat", "id"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    ran = run_script(tmp_path / "checkout", "demo", PATH=str(tools))
    assert ran.returncode == 1
    assert ran.stderr.startswith("demo: no Python 3.10 or newer found; install one")
    assert len(ran.stderr.splitlines()) == 1


async def test_the_service_in_the_readme_turns_coffee_into_tea(tmp_path: Path) -> None:
    (code, *_) = PYTHON_BLOCK.findall((ROOT / "README.md").read_text("utf-8"))
    assert len(code.splitlines()) == 12
    folder = tmp_path / "tea"
    folder.mkdir()
    (folder / "tea_room.py").write_text(code, "utf-8")
    async with Program(folder, "tea_room.py") as program:
        url = await program.url()
        async with Member(url, "Ada") as ada, Member(url, "Bob") as bob:
            await ada.join()
            await bob.join()
            await ada.see_characters("Ada", "Bob")
            await ada.write("One coffee, please", ada, bob)
            await bob.hear("One tea, please")
        assert await program.interrupt() == 130
        assert "Traceback" not in program.output


async def test_the_parrot_of_getting_started_repeats(tmp_path: Path) -> None:
    (code, *_) = PYTHON_BLOCK.findall((ROOT / "docs/getting-started.md").read_text("utf-8"))
    folder = tmp_path / "parrot"
    folder.mkdir()
    (folder / "parrot.py").write_text(code, "utf-8")
    async with Program(folder, "parrot.py") as program:
        async with Member(await program.url(), "Ada") as ada:
            await ada.join()
            await ada.see_characters("Polly", "Ada")
            await ada.write("hello", ada)
            await ada.hear("hello")
            await ada.click("cracker")
            await ada.hear("Thank you!")
            assert ada.texts() == ["hello", "hello", "Thank you!"]
        assert await program.interrupt() == 130
