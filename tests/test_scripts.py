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
        timeout=60,
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


def test_all_pythons_are_found_newest_releases_first_and_the_path_last(tmp_path: Path) -> None:
    def interpreter(path: Path, version: str) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\necho {version}\n")
        path.chmod(0o755)
        return path

    pyenv = tmp_path / "pyenv"
    interpreter(pyenv / "versions/3.10.2/bin/python", "3.10")
    newest = interpreter(pyenv / "versions/3.10.13/bin/python", "3.10")
    on_path = interpreter(tmp_path / "bin/python3.12", "3.12")
    interpreter(tmp_path / "bin/python3.13", "")  # as pyenv's stand-in for what is not chosen
    interpreter(pyenv / "versions/3.9.1/bin/python", "3.9")
    found = subprocess.run(
        ["bash", "-c", "source scripts/environment.sh; find_all_pythons"],
        cwd=ROOT,
        env={"PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "PYENV_ROOT": str(pyenv)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    # The system's own Python of another version may be on the PATH too.
    assert f"3.10 {newest}" in found
    assert f"3.12 {on_path}" in found
    assert len(found) == len({line.split()[0] for line in found})
    assert not any(line.startswith(("3.9", "3.13")) for line in found)


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
