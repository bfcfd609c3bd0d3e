"""Contents that come in pieces: in their place when whole, and gone by when anything is wrong."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from moobius.errors import FileRefused
from moobius.messaging import FilePolicy
from moobius.messaging.events import Answered, Failed, FileStored
from moobius.messaging.framing import Header
from moobius.messaging.messages import Dropped, Encoded, FilePush, FileResponse
from moobius.messaging.reception import Reception
from moobius.messaging.requests import Pending


def reception(folder: Path, path: object = "a", pending: Pending | None = None) -> Reception:
    meaning = FileResponse("filetransfer", "1") if pending else FilePush(path)
    header = Header({}, 4, None)
    policy = FilePolicy.inside(folder)
    return Reception.of(meaning, header, peer="peer", pending=pending, policy=policy)


def pending_for(destination: Path | None) -> Pending:
    return Pending("1", "filetransfer", Encoded(b""), is_file=True, destination=destination)


def test_a_pushed_file_is_stored(tmp_path: Path) -> None:
    receiving = reception(tmp_path)
    receiving.write(b"12")
    receiving.write(bytearray(b"34"))
    assert receiving.finish() == FileStored(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"1234"


def test_a_refused_one_goes_by(tmp_path: Path, log: list[str]) -> None:
    receiving = reception(tmp_path, "../a")
    receiving.write(b"1234")
    assert receiving.finish() is None
    assert not (tmp_path.parent / "a").exists()
    assert any("WARNING" in line and "'../a' may not be written" in line for line in log)


def test_what_nobody_wants_goes_by(tmp_path: Path) -> None:
    policy = FilePolicy.inside(tmp_path)
    for meaning in (Dropped("x"), FileResponse("filetransfer", "1")):
        header = Header({}, 4, None)
        receiving = Reception.of(meaning, header, peer="peer", pending=None, policy=policy)
        receiving.write(b"1234")
        assert receiving.finish() is None
    assert list(tmp_path.iterdir()) == []


def test_a_fetched_file_may_go_anywhere_or_nowhere(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    for destination in (tmp_path / "program.py", None):
        pending = pending_for(destination)
        receiving = reception(tmp_path / "base", pending=pending)
        receiving.write(b"1234")
        assert receiving.finish() == Answered(pending, True)
    assert (tmp_path / "program.py").read_bytes() == b"1234"


def test_a_disk_that_fills_up_fails_the_request_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    receiving = reception(tmp_path, pending=(pending := pending_for(path)))
    receiving.write(b"12")
    assert receiving._file is not None
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, receiving._file._fd)
    os.close(full)
    receiving.write(b"34")
    event = receiving.finish()
    assert isinstance(event, Failed)
    assert event.pending is pending
    assert isinstance(event.error, FileRefused)
    assert os.strerror(errno.ENOSPC) in str(event.error)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_abandoned_one_leaves_nothing(tmp_path: Path) -> None:
    receiving = reception(tmp_path)
    receiving.write(b"12")
    receiving.abandon()
    receiving.abandon()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_push", [True, False])
def test_a_size_above_the_policy_s_is_refused_before_anything_is_made(
    tmp_path: Path, is_push: bool
) -> None:
    pending = None if is_push else pending_for(tmp_path / "a")
    meaning = FilePush("a") if is_push else FileResponse("filetransfer", "1")
    policy = FilePolicy.inside(tmp_path, max_size=3)
    header = Header({}, 4, None)
    receiving = Reception.of(meaning, header, peer="peer", pending=pending, policy=policy)
    assert list(tmp_path.iterdir()) == []
    event = receiving.finish()
    assert event is None if is_push else isinstance(event, Failed)
