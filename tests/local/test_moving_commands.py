"""`moobius platform export`, `import` and `reset`, as a person types them."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
from pathlib import Path

import pytest

from moobius.cli import main
from moobius.local.store.journal import Journal
from tests.support.furnished import furnish
from tests.support.patience import PATIENCE


def accounts_in(data: Path) -> int:
    journal = Journal(data / "platform.sqlite3")
    try:
        return len(journal.restore().accounts)
    finally:
        journal.close()


@pytest.mark.parametrize("before", [True, False])
async def test_there_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], before: bool
) -> None:
    await furnish(tmp_path / "data")
    data, new = ["--data", str(tmp_path / "data")], ["--data", str(tmp_path / "new")]
    archive = str(tmp_path / "platform.zip")
    words = [*data, "export", archive] if before else ["export", archive, *data]
    assert main(["platform", *words]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{archive} holds ")
    assert "1 channel, 3 messages" in said
    assert "password hashes, so keep it to yourself" in said
    words = [*new, "import", archive] if before else ["import", archive, *new]
    assert main(["platform", *words]) == 0
    assert "1 channel, 3 messages" in capsys.readouterr().out
    assert main(["platform", *words]) == 1
    assert "--replace" in capsys.readouterr().err
    assert main(["platform", *words, "--replace"]) == 0
    assert accounts_in(tmp_path / "new") == accounts_in(tmp_path / "data") > 0


def test_nothing_to_move_is_one_line_and_1(
    in_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["platform", "export", "platform.zip"]) == 1
    assert capsys.readouterr().err == (
        "moobius platform: .moobius holds no Platform's data; "
        "name the directory that does with --data\n"
    )
    assert [*in_folder.iterdir()] == []


@pytest.mark.parametrize("words", ["reset", "export a.zip", "import a.zip"])
def test_an_empty_data_directory_is_refused(
    in_folder: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    with pytest.raises(SystemExit):
        main(["platform", *words.split(), "--data", ""])
    assert "argument --data: it is empty; name a directory" in capsys.readouterr().err
    assert [*in_folder.iterdir()] == []


async def reset(data: Path, answer: bytes | None, *more: str) -> tuple[int, str]:
    """Type `reset` on a terminal, or without one, and answer."""
    ours, theirs = pty.openpty()
    try:
        program = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "moobius", "platform", "reset", "--data", str(data), *more),
            stdin=theirs if answer is not None else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        os.write(ours, answer or b"")
        output, _ = await asyncio.wait_for(program.communicate(), PATIENCE)
        assert program.returncode is not None
        return program.returncode, output.decode()
    finally:
        os.close(ours)
        os.close(theirs)


async def test_reset_asks_on_a_terminal(tmp_path: Path) -> None:
    await furnish(tmp_path)
    accounts = accounts_in(tmp_path)
    for no in (b"\n", b"n\n", b"whatever\n"):
        status, said = await reset(tmp_path, no)
        assert status == 1
        assert f"Remove {accounts} accounts, 1 channel, 3 messages, " in said
        assert "nothing was removed" in said
    assert accounts_in(tmp_path) == accounts
    status, said = await reset(tmp_path, b"y\n")
    assert status == 0
    assert f"removed {accounts} accounts, 1 channel, 3 messages, " in said
    assert not (tmp_path / "platform.sqlite3").exists()


async def test_reset_without_a_terminal_wants_to_be_told(tmp_path: Path) -> None:
    await furnish(tmp_path)
    status, said = await reset(tmp_path, None)
    assert status == 1
    assert said.splitlines() == [
        "moobius platform: reset asks before it removes anything; without a terminal, say --yes"
    ]
    assert accounts_in(tmp_path) > 0
    status, said = await reset(tmp_path, None, "--yes")
    assert status == 0
    assert said.startswith("removed ")
