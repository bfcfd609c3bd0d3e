"""Exports a data directory to one file, imports it from one, and removes it.

All three hold the lock that a running Platform holds, so they never run at the same time as one.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from moobius.errors import ConfigError, FileInTheWay, StorageError
from moobius.local import archive
from moobius.local.archive import Contents
from moobius.local.data import DataDirectory, make_private, unwritable
from moobius.local.store.journal import Journal, explained
from moobius.local.web.files import PARTIAL, is_upload

STAGE = ".import"


def export_data(directory: Path, target: Path) -> Contents:
    """Write everything in a data directory into one file, readable by this user only.

    Raises:
        ConfigError: If a Platform is running on it, it holds nothing, or the file cannot be
            written.
        FileInTheWay: If the file is there already.
        StorageError: If the data cannot be read.
    """
    if target.exists():
        raise FileInTheWay(f"{target} is there already; choose another name")
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    with _existing(directory) as data, _translating_sqlite_errors():
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream, closing(Journal(data.journal)) as journal:
                contents = archive.write(stream, journal, _uploaded(data))
            partial.replace(target)
        except OSError as error:
            raise ConfigError(f"cannot write {target}: {error.strerror or error}") from error
        finally:
            partial.unlink(missing_ok=True)
    return contents


def import_data(source: Path, directory: Path, *, replace: bool = False) -> Contents:
    """Read an export into a data directory; if anything is wrong with it, nothing has changed.

    Args:
        source: What `export_data` wrote.
        directory: The data directory; made if it is not there.
        replace: Let it take the place of what is there.

    Raises:
        ConfigError: If the file is wrong, a Platform is running on the directory, or it holds
            something already.
    """
    was_there = _is_there(directory, directory)
    with DataDirectory(directory) as data, _translating_sqlite_errors():
        if data.journal.exists() and not replace:
            raise ConfigError(
                f"{directory} holds a Platform's data already; choose an empty directory with "
                "--data, or say --replace to lose what is there"
            )
        try:
            return _replace_contents(data, source)
        except BaseException:
            if not was_there:
                shutil.rmtree(directory, ignore_errors=True)
            raise


def _replace_contents(data: DataDirectory, source: Path) -> Contents:
    stage = data.path / STAGE
    shutil.rmtree(stage, ignore_errors=True)  # of an import that was killed
    make_private(stage)
    try:
        contents = archive.read(source, stage / data.journal.name, stage / data.files.name)
        _put_in_place(stage, data)
    except OSError as error:
        raise unwritable(data.path, error) from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    return contents


def _put_in_place(stage: Path, data: DataDirectory) -> None:
    """Let a new journal take over in one step, with its files there before and others gone after.

    So whenever this process dies, the data directory is the old one or the new one.
    """
    new = {file.name for file in (stage / data.files.name).iterdir()}
    for name in new:
        (stage / data.files.name / name).replace(data.files / name)
    _fold_in_old_log(data)
    (stage / data.journal.name).replace(data.journal)
    for file in data.files.iterdir():
        if file.name not in new:
            file.unlink()


def _fold_in_old_log(data: DataDirectory) -> None:
    """Remove the write-ahead log of the old journal, which SQLite would apply to the new one."""
    if data.journal.exists():
        # Opened and closed, it is whole without one; or it is damaged, and its log of no use.
        with suppress(StorageError):
            Journal(data.journal).close()
    # It stays there while another program looks at the journal.
    for end in ("-wal", "-shm"):
        data.journal.with_name(data.journal.name + end).unlink(missing_ok=True)


def remove_data(directory: Path, is_sure: Callable[[str], bool]) -> str:
    """Remove what a Platform keeps in a data directory, and leave whatever else is there.

    Args:
        directory: The data directory.
        is_sure: Told what would be removed; nothing is, unless it returns True.

    Returns:
        What was removed; empty if nothing was.

    Raises:
        ConfigError: If a Platform is running on it, it holds nothing, or it cannot be written.
    """
    with _existing(directory) as data:
        held = _contents_of(data)
        if not is_sure(held):
            return ""
        try:
            shutil.rmtree(data.files)
            for file in data.path.glob(f"{data.journal.name}*"):  # with its write-ahead log
                file.unlink()
            shutil.rmtree(data.path / STAGE, ignore_errors=True)
            data.key.unlink(missing_ok=True)
        except OSError as error:
            raise unwritable(data.path, error) from error
    return held


def _contents_of(data: DataDirectory) -> str:
    """Say how much a directory holds, as far as it can be read."""
    try:
        with _translating_sqlite_errors(), closing(Journal(data.journal)) as journal:
            state, messages = journal.restore(), journal.count_messages()
    except StorageError:
        return "data that cannot be read"
    files = sum(is_upload(file.name) for file in _uploaded(data))
    return str(Contents(len(state.accounts), len(state.channels), messages, files))


def _uploaded(data: DataDirectory) -> Iterator[Path]:
    found = sorted(data.files.iterdir())
    return (file for file in found if not file.name.startswith(PARTIAL))


def _is_there(path: Path, directory: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # such as a name that is too long, or a folder we may not look into
        raise unwritable(directory, error) from error


@contextmanager
def _existing(directory: Path) -> Iterator[DataDirectory]:
    """Enter a data directory that holds something."""
    if not _is_there(DataDirectory(directory).journal, directory):
        raise ConfigError(
            f"{directory} holds no Platform's data; name the directory that does with --data"
        )
    with DataDirectory(directory) as data:
        yield data


@contextmanager
def _translating_sqlite_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"the journal failed: {explained(error)}") from error
