"""A folder that is full soon: a small disk where one may be mounted, small files elsewhere."""

from __future__ import annotations

import contextlib
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

SMALL, LARGE = 1024 * 1024, 16 * 1024 * 1024  # bytes

Grow = Callable[[], object]
Room = Callable[[Path], AbstractContextManager[Grow]]


@contextmanager
def small_disk(folder: Path) -> Iterator[Grow]:
    """Put a disk of `SMALL` at the folder; yield what makes it `LARGE`."""
    folder.mkdir()
    mount("-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", str(folder))
    try:
        yield lambda: mount("-o", f"remount,size={LARGE}", str(folder))
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def mount(*arguments: str) -> None:
    """Mount something, as root."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@contextmanager
def small_files(_folder: Path) -> Iterator[Grow]:
    """Let no file of this process grow above `SMALL`; yield what takes the limit away."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def grow() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, hard))
    try:
        yield grow
    finally:
        grow()


@contextmanager
def little_room(folder: Path) -> Iterator[Grow]:
    """Give a small disk where that is allowed, and small files where it is not."""
    with contextlib.ExitStack() as stack:
        try:
            grow = stack.enter_context(small_disk(folder))
        except (OSError, subprocess.CalledProcessError):
            grow = stack.enter_context(small_files(folder))
        yield grow
