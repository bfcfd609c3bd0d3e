"""Files for one user alone: where they lie, how they are put in place, which may be believed."""

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
    """Return where this user's running programs leave word of themselves; who writes makes it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "moobius"
    who = str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()
    return Path(tempfile.gettempdir()) / f"moobius-{who}"


def write_private(file: Path, text: str) -> None:
    """Put a file in place at once and whole, readable by its user only."""
    _write_partial(file, text).replace(file)


def create_private(file: Path, text: str) -> None:
    """Put a file in place as `write_private` does, if there is none of that name.

    Raises:
        FileExistsError: If there is one. Of two programs that try at once, one gets this.
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
    """Keep everybody else who asks for this out of a directory; no file is left behind.

    It is for what takes no time. On Windows, where directories cannot be locked, it does nothing.

    Raises:
        OSError: If there is no such directory, or somebody does not leave it.
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
                    text = "somebody holds a lock on the directory"
                    raise OSError(error.errno, text, str(folder)) from None
            time.sleep(0.005)
        try:
            yield
        finally:  # closing is not enough where a process was forked meanwhile
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def open_private(path: str, flags: int) -> int:
    """Open a file for `open(..., opener=...)`; a new one is readable by its user only."""
    return os.open(path, flags, 0o600)


def is_ours_alone(path: Path) -> bool:
    """Return whether only this user could have written a file, or what lies in a directory.

    In a directory that others can write to, somebody could lay out a file that leads our
    programs, with their passwords, to a Platform of theirs.

    Raises:
        OSError: If there is nothing there.
    """
    about = path.lstat()
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISDIR(about.st_mode)):
        return False
    if not hasattr(os, "getuid"):
        return True
    return about.st_uid == os.getuid() and not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def process_lives(pid: int) -> bool:
    """Return whether there may be a process of that number."""
    if os.name == "nt":  # os.kill would end it there; whoever asks has to find out otherwise
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


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
