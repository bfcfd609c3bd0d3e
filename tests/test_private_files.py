"""Files for one user alone: modes, replacement whole or not at all, and who may be believed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from moobius import private_files
from tests.support.disk import disk_full_after
from tests.support.patience import wait_until


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    for text in ("one", "two"):
        private_files.write_private(file, text)
        assert file.read_text() == text
        assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_file_is_created_once(tmp_path: Path) -> None:
    file = tmp_path / "file"
    private_files.create_private(file, "first")
    with pytest.raises(FileExistsError):
        private_files.create_private(file, "second")
    assert file.read_text() == "first"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("put", [private_files.write_private, private_files.create_private])
def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, put: Callable[[Path, str], None]
) -> None:
    with disk_full_after(100), pytest.raises(OSError, match="too large"):
        put(tmp_path / "file", "x" * 200)
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time_is_alone_in_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []

    def second() -> None:
        with private_files.alone_in(tmp_path):
            order.append("second")

    monkeypatch.setattr(private_files, "ALONE_WITHIN_S", 60.0)
    with private_files.alone_in(tmp_path):
        with monkeypatch.context() as impatient, pytest.raises(OSError, match="holds a lock"):
            impatient.setattr(private_files, "ALONE_WITHIN_S", 0.05)
            with private_files.alone_in(tmp_path):
                order.append("too early")
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(60)
    assert order == ["first", "second"]
    assert list(tmp_path.iterdir()) == []


def test_a_process_forked_meanwhile_keeps_no_lock(tmp_path: Path) -> None:
    with private_files.alone_in(tmp_path):
        child = multiprocessing.get_context("fork").Process(target=signal.pause)
        child.start()
    try:
        with private_files.alone_in(tmp_path):
            assert child.is_alive()
    finally:
        child.kill()
        child.join()


def test_a_file_that_grows_is_private_from_the_start(tmp_path: Path) -> None:
    with open(tmp_path / "log", "a", opener=private_files.open_private) as file:
        file.write("line")
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_only_what_nobody_else_could_write_is_believed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("word")
    for mode, believed in ((0o600, True), (0o644, True), (0o620, False), (0o602, False)):
        file.chmod(mode)
        assert private_files.is_ours_alone(file) is believed
    file.chmod(0o600)
    (tmp_path / "link").symlink_to(file)
    assert not private_files.is_ours_alone(tmp_path / "link")
    tmp_path.chmod(0o777)
    assert not private_files.is_ours_alone(tmp_path)


def test_the_folder_is_the_runtime_directory_or_one_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert private_files.runtime_folder() == tmp_path / "moobius"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert private_files.runtime_folder() == tmp_path / f"moobius-{os.getuid()}"


def test_who_has_ended_does_not_live_before_anybody_asks_for_its_status() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert private_files.process_lives(process.pid)
        process.kill()
        # Nobody has asked for its status: the system still knows its number.
        wait_until(lambda: not private_files.process_lives(process.pid))
        os.kill(process.pid, 0)


def test_who_has_ended_does_not_live() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert private_files.process_lives(process.pid)
        process.communicate()
    assert not private_files.process_lives(process.pid)
    assert not private_files.process_lives(2**80)
