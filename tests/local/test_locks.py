"""One process at a time, and no longer than it lives."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from moobius.errors import ConfigError
from moobius.local.locks import FileLock
from tests.support.patience import PATIENCE

HOLDER = """
import sys
from pathlib import Path
from moobius.local.locks import FileLock
with FileLock(Path(sys.argv[1]), "taken"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_that_another_process_holds_is_refused_until_it_dies(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(ConfigError, match="the room is taken"),
            FileLock(path, "the room is taken"),
        ):
            pass
        holder.kill()
    with FileLock(path, "still taken", wait_seconds=5):
        pass


def test_a_file_system_without_locks_is_not_taken_for_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    lock = FileLock(tmp_path / "a.lock", "taken", wait_seconds=PATIENCE)
    with pytest.raises(ConfigError, match=r"a\.lock cannot be locked: .*No locks available"), lock:
        pass


def test_it_is_let_go_of_at_the_end(tmp_path: Path) -> None:
    for _ in range(2):
        with FileLock(tmp_path / "a.lock", "taken"):
            pass
