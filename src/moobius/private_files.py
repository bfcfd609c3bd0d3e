"""Files that only their user can read: where they are, writing them, and which can be trusted."""

from __future__ import annotations

import getpass
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ALONE_WITHIN_S = 5.0


def runtime_folder() -> Path:
    """Return the directory in which this user's running programs put files; it may not exist."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "moobius"
    who = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    return Path(tempfile.gettempdir()) / f"moobius-{who}"


def write_private(file: Path, text: str) -> None:
    """Write a file atomically, readable by its user only."""
    _write_partial(file, text).replace(file)


def create_private(file: Path, text: str) -> None:
    """Write a file as `write_private` does, unless there is one of that name.

    Raises:
        FileExistsError: If there is one. Of two programs that try at once, one gets this error.
    """
    partial = _write_partial(file, text)
    try:
        if os.name == "nt":
            partial.rename(file)  # which does not replace anything there
        else:
            os.link(partial, file)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold a lock on a directory for the length of a `with` block; it creates no lock file.

    Only for short operations. On Windows, where directories cannot be locked, it does nothing.

    Raises:
        OSError: If there is no such directory, or another program holds the lock too long.
    """
    if os.name == "nt":
        yield
        return
    import fcntl

    until = time.monotonic() + ALONE_WITHIN_S
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= until:
                    text = "another program holds a lock on the directory"
                    raise OSError(error.errno, text, str(folder)) from None
            time.sleep(0.005)
        try:
            yield
        finally:  # closing does not unlock while a process forked meanwhile has the file open
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def open_private(path: str, flags: int) -> int:
    """Open a file for `open(..., opener=...)`; a new one is readable by its user only."""
    return os.open(path, flags, 0o600)


def is_ours_alone(path: Path) -> bool:
    """Return whether only this user could have written a file, or the files in a directory.

    In a directory that others can write to, another user could place a file that makes our programs
    send their passwords to a Platform of that user.

    Raises:
        OSError: If there is no such file.
    """
    about = path.lstat()
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
        return False
    if not hasattr(os, "getuid"):
        return True
    return about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def process_lives(pid: int) -> bool:
    """Return whether there may be a process of that number that has not ended.

    One that has is known to the system until its parent asks for its status, which may take long.
    """
    if os.name == "nt":  # os.kill would end it there; whoever asks has to find out otherwise
        return True
    try:
        os.kill(pid, 0)
        return not _has_ended(pid)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True


def _has_ended(pid: int) -> bool:
    """Return whether a process that is still known has ended: a zombie, where Linux tells."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except FileNotFoundError:
        return False
    state, threads = fields[0], int(fields[17])
    return state == b"Z" and threads <= 1  # others may go on when the first has ended


def _write_partial(file: Path, text: str) -> Path:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except BaseException:  # the disk may be full
        partial.unlink(missing_ok=True)
        raise
    return partial
