"""Export, import and reset of a data directory in which people have lived."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from moobius.errors import ConfigError, FileInTheWay
from moobius.local import LocalPlatform, PlatformOptions
from moobius.local.model.events import AccountCreated
from moobius.local.moving import export_data, import_data, remove_data
from moobius.local.store.journal import Journal
from tests.support.furnished import Furnished, furnish
from tests.support.wire import wire_to


def tree_of(directory: Path) -> dict[str, bytes]:
    """Everything in a directory."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def check(there: Furnished, data: Path) -> None:
    async with LocalPlatform(PlatformOptions(data=data)) as platform:
        async with wire_to(platform.url) as wire:
            await there.check(wire)


async def test_a_platform_moves_in_one_file(tmp_path: Path) -> None:
    there = await furnish(tmp_path / "old")
    archive = tmp_path / "platform.zip"
    contents = export_data(tmp_path / "old", archive)
    assert contents.messages == 3
    assert contents.channels == 1
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert import_data(archive, tmp_path / "new") == contents
    assert names_in(tmp_path) == ["new", "old", "platform.zip"]
    assert stat.S_IMODE((tmp_path / "new" / "platform.sqlite3").stat().st_mode) == 0o600
    await check(there, tmp_path / "new")
    await check(there, tmp_path / "old")
    export_data(tmp_path / "new", tmp_path / "again.zip")
    with zipfile.ZipFile(archive) as one, zipfile.ZipFile(tmp_path / "again.zip") as other:
        assert one.namelist() == other.namelist()
        kinds = [line.split(b'"')[3] for line in one.read("platform.jsonl").splitlines()]
    assert b"PasswordChanged" not in kinds, "no detours, and no old passwords"


async def test_no_secret_is_exported_in_the_clear(tmp_path: Path) -> None:
    there = await furnish(tmp_path / "data")
    export_data(tmp_path / "data", tmp_path / "platform.zip")
    with zipfile.ZipFile(tmp_path / "platform.zip") as archive:
        lines = archive.read("platform.jsonl").decode()
    assert there.ada.email in lines
    assert "scrypt$" in lines
    for secret in (there.ada.token, there.ada.refresh_token, there.bob.token):
        assert secret not in lines
    assert (tmp_path / "data" / "developer.key").read_text() not in lines


async def test_what_is_there_is_replaced_only_when_told_and_then_wholly(tmp_path: Path) -> None:
    there = await furnish(tmp_path / "one")
    export_data(tmp_path / "one", tmp_path / "platform.zip")
    other = await furnish(tmp_path / "two")
    with pytest.raises(ConfigError, match=r"holds a Platform's data already.*--replace"):
        import_data(tmp_path / "platform.zip", tmp_path / "two")
    await check(other, tmp_path / "two")
    import_data(tmp_path / "platform.zip", tmp_path / "two", replace=True)
    await check(there, tmp_path / "two")
    assert names_in(tmp_path / "one" / "files") == names_in(tmp_path / "two" / "files")


async def test_what_a_killed_platform_had_not_folded_in_is_not_inherited(tmp_path: Path) -> None:
    there = await furnish(tmp_path / "one")
    export_data(tmp_path / "one", tmp_path / "platform.zip")
    other = tmp_path / "two"
    # Killed while it is open, it leaves a write-ahead log beside the journal.
    program = (
        "import asyncio, os, sys; from pathlib import Path\n"
        "from moobius.local.store.journal import Journal\n"
        "from moobius.local.model.events import AccountCreated\n"
        "journal = Journal(Path(sys.argv[1]))\n"
        "journal.append([AccountCreated('EVE', 'eve@x', '', 'Eve')])\n"
        "os._exit(9)\n"
    )
    other.mkdir()
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(other / "platform.sqlite3")
    )
    assert await killed.wait() == 9
    assert (other / "platform.sqlite3-wal").stat().st_size > 0
    import_data(tmp_path / "platform.zip", other, replace=True)
    assert not (other / "platform.sqlite3-wal").exists()
    await check(there, other)


async def test_a_running_platform_is_left_alone(tmp_path: Path) -> None:
    await furnish(tmp_path / "data")
    export_data(tmp_path / "data", tmp_path / "platform.zip")
    async with LocalPlatform(PlatformOptions(data=tmp_path / "data")):
        for work in (
            lambda: export_data(tmp_path / "data", tmp_path / "other.zip"),
            lambda: import_data(tmp_path / "platform.zip", tmp_path / "data", replace=True),
            lambda: remove_data(tmp_path / "data", lambda held: True),
        ):
            with pytest.raises(ConfigError, match="in use by a running Platform"):
                work()
    assert not (tmp_path / "other.zip").exists()


async def test_an_export_overwrites_nothing_and_leaves_nothing_half_written(
    tmp_path: Path,
) -> None:
    await furnish(tmp_path / "data")
    (tmp_path / "platform.zip").write_text("mine")
    with pytest.raises(FileInTheWay, match=r"platform\.zip is there already"):
        export_data(tmp_path / "data", tmp_path / "platform.zip")
    assert (tmp_path / "platform.zip").read_text() == "mine"
    with pytest.raises(ConfigError, match=r"cannot write .*: No such file or directory"):
        export_data(tmp_path / "data", tmp_path / "nowhere" / "platform.zip")
    with pytest.raises(ConfigError, match="holds no Platform's data"):
        export_data(tmp_path / "empty", tmp_path / "other.zip")
    assert names_in(tmp_path) == ["data", "platform.zip"]


async def test_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    await furnish(tmp_path / "data")
    export_data(tmp_path / "data", tmp_path / "platform.zip")
    whole = (tmp_path / "platform.zip").read_bytes()
    before = tree_of(tmp_path / "data")
    broken = tmp_path / "broken.zip"
    for content in (b"", b"no archive", whole[: len(whole) // 2], whole[100:], whole[:-10]):
        broken.write_bytes(content)
        with pytest.raises(ConfigError, match=r"broken\.zip is damaged, or no export"):
            import_data(broken, tmp_path / "data", replace=True)
        assert tree_of(tmp_path / "data") == before
    with pytest.raises(ConfigError, match="cannot read"):
        import_data(tmp_path / "nowhere.zip", tmp_path / "data", replace=True)
    assert tree_of(tmp_path / "data") == before


async def test_removing_takes_what_is_the_platforms_and_nothing_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await furnish(data)
    (data / "notes.txt").write_text("mine")
    before = tree_of(data)
    asked: list[str] = []

    def no(held: str) -> bool:
        asked.append(held)
        return False

    assert remove_data(data, no) == ""
    assert tree_of(data) == before
    removed = remove_data(data, lambda held: True)
    assert [removed] == asked
    assert "1 channel, 3 messages" in removed
    assert set(tree_of(data)) == {"notes.txt", "platform.lock"}
    with pytest.raises(ConfigError, match="holds no Platform's data"):
        remove_data(data, lambda held: True)


async def test_what_cannot_be_read_can_still_be_removed(tmp_path: Path) -> None:
    await furnish(tmp_path)
    (tmp_path / "platform.sqlite3").write_bytes(b"not a database" * 100)
    assert remove_data(tmp_path, lambda held: True) == "data that cannot be read"
    assert set(tree_of(tmp_path)) == {"platform.lock"}


@pytest.mark.parametrize("damage", ["no database at all", "a page in the middle"])
async def test_what_is_damaged_can_be_replaced(tmp_path: Path, damage: str) -> None:
    there = await furnish(tmp_path / "one")
    export_data(tmp_path / "one", tmp_path / "platform.zip")
    broken = tmp_path / "two"
    await furnish(broken)
    journal = broken / "platform.sqlite3"
    whole = journal.read_bytes()
    if damage == "no database at all":
        journal.write_bytes(b"not a database" * 100)
    else:
        journal.write_bytes(whole[:100] + b"\xff" * 4000 + whole[4100:])
    import_data(tmp_path / "platform.zip", broken, replace=True)
    await check(there, broken)


@pytest.mark.parametrize("was_there", [True, False])
def test_a_refused_import_leaves_nothing_behind(tmp_path: Path, was_there: bool) -> None:
    archive, data = tmp_path / "platform.zip", tmp_path / "data"
    archive.write_bytes(b"no archive")
    if was_there:
        data.mkdir()
        (data / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"platform\.zip"):
        import_data(archive, data)
    assert data.exists() is was_there
    assert not was_there or (data / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "task",
    [
        import_data,
        lambda file, directory: export_data(directory, file),
        lambda _, directory: remove_data(directory, lambda _: True),
    ],
    ids=["import", "export", "reset"],
)
def test_a_directory_that_cannot_be_is_one_line(
    task: Callable[[Path, Path], object], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"cannot write to .* File name too long; .*--data"):
        task(tmp_path / "platform.zip", tmp_path / ("x" * 300))


async def test_what_somebody_is_looking_at_can_be_replaced(tmp_path: Path) -> None:
    there = await furnish(tmp_path / "one")
    export_data(tmp_path / "one", tmp_path / "platform.zip")
    await furnish(tmp_path / "two")
    journal = tmp_path / "two" / "platform.sqlite3"
    with closing(sqlite3.connect(journal)) as browser, closing(Journal(journal)) as writer:
        browser.execute("BEGIN")
        browser.execute("SELECT count(*) FROM events").fetchone()
        writer.append([AccountCreated("EVE", "eve@x", "", "Eve")])
        writer.close()
        assert journal.with_name("platform.sqlite3-wal").stat().st_size > 0
        import_data(tmp_path / "platform.zip", tmp_path / "two", replace=True)
        assert not journal.with_name("platform.sqlite3-wal").exists()
        await check(there, tmp_path / "two")
