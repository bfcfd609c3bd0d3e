"""A listening Unix socket: for its user only, and never in place of one that is still in use."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

FOR_ITS_USER_ONLY = 0o177
"""The umask for the socket's file: other users, who may not read the key, may not connect."""
BACKLOG = 100
ALONE_WITHIN_S = 5.0
"""How long to wait for the lock of the directory."""


class UnixSocket:
    """A socket that listens at a path, made by `listen`.

    Attributes:
        sock: The socket; whoever serves it closes it.
    """

    def __init__(self, sock: socket.socket, path: Path) -> None:
        self.sock = sock
        self._path = path
        self._identity = _identity(path)

    @classmethod
    async def listen(cls, path: Path) -> UnixSocket:
        """Listen at a path; the socket of a process that has ended is replaced.

        Raises:
            OSError: If another process listens there, or the path is not a socket; it names the
                path.
        """
        # Under a lock: else two processes that begin at the same time could both find that nobody
        # listens, and the second would take the path from the first.
        async with _locked(path.parent):
            remove_stale(path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            before = os.umask(FOR_ITS_USER_ONLY)
            try:
                sock.bind(os.fspath(path))
                sock.listen(BACKLOG)
                return cls(sock, path)
            except OSError as error:  # it would not name the path
                sock.close()
                code, text = error.errno or errno.EINVAL, error.strerror or str(error)
                raise OSError(code, text, os.fspath(path)) from None
            except BaseException:
                sock.close()
                raise
            finally:
                os.umask(before)

    def remove(self) -> None:
        """Remove it from its path, unless something else is there by now."""
        if _identity(self._path) == self._identity:
            self._path.unlink(missing_ok=True)


def _identity(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_mtime_ns


@asynccontextmanager
async def _locked(folder: Path) -> AsyncIterator[None]:
    """Lock a directory, which needs no lock file, until the block ends."""
    import fcntl

    loop = asyncio.get_running_loop()
    until = loop.time() + ALONE_WITHIN_S
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if loop.time() >= until:
                    raise OSError(
                        error.errno, f"somebody holds a lock on {folder}, so no socket is made"
                    ) from None
            await asyncio.sleep(0.01)
        yield
    finally:
        os.close(descriptor)


def remove_stale(path: Path) -> None:
    """Remove the socket of a process that has ended; one on which somebody listens stays."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return  # binding says what is wrong
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            return  # somebody listens and is very busy; or another process has removed it
